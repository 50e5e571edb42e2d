/**
 * Reads packets of the binary protocol (doc/protocol-binary.txt), which memcached 1.6 still speaks and some clients speak alone. A connection whose first byte
 * is 0x80 speaks it to its end. Packets whose parts do not fit each other end the connection, after an answer, as there is no telling where the next begins.
 */
import { maxCacheKeyBytes } from "../../api-cache.ts";
import type { StoreMode } from "../../api-cache.ts";
import { Packet, PacketOfChange, PacketOfItem, PacketsOfStats, statuses } from "./binary-answers.ts";
import type { PacketHead } from "./binary-answers.ts";
import { ttlOf } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import type { DoorFigures, StatsKind } from "./stats-command.ts";
import type { TextCommands } from "./text-commands.ts";

/** First byte of every packet that asks. */
export const requestMagic = 0x80;
const headerBytes = 24;
/** Expiry of an increment that makes nothing on a miss. */
const onlyExisting = 0xffff_ffff;
const maxSwallowed = 0x7fff_ffff;

const quietTwins: ReadonlyMap<number, number> = new Map([
  [0x11, 0x01],
  [0x12, 0x02],
  [0x13, 0x03],
  [0x14, 0x04],
  [0x15, 0x05],
  [0x16, 0x06],
  [0x17, 0x07],
  [0x18, 0x08],
  [0x09, 0x00],
  [0x0d, 0x0c],
  [0x19, 0x0e],
  [0x1a, 0x0f],
  [0x1e, 0x1d],
  [0x24, 0x23],
]);

const modes: Readonly<Record<number, StoreMode>> = {
  0x01: "set",
  0x02: "add",
  0x03: "replace",
  0x0e: "append",
  0x0f: "prepend",
};

/** The packet being read. */
interface Parts extends PacketHead {
  /** Opcode of its loud twin. */
  readonly command: number;
  readonly quiet: boolean;
  readonly keyBytes: number;
  readonly extraBytes: number;
  readonly valueBytes: number;
  /** Undefined: any. */
  readonly cas: number | undefined;
  /** Where extras, key and value begin. */
  readonly extrasAt: number;
  readonly keyAt: number;
  readonly valueAt: number;
}

export class BinaryCommands {
  private readonly text: TextCommands;
  private readonly figures: DoorFigures;

  constructor(text: TextCommands, figures: DoorFigures) {
    this.text = text;
    this.figures = figures;
  }

  /** As `TextCommands.read`. */
  read(c: Conversation, limit: number): void {
    while (c.at < c.end && c.forms.length < limit && !c.closing) {
      if (c.swallow > 0) c.skip(c.swallow);
      else if (!this.readOne(c)) return;
    }
  }

  private readOne(c: Conversation): boolean {
    if (!has(c, headerBytes)) return false;
    if (c.uint8(c.at) !== requestMagic) {
      c.closing = true;
      return false;
    }
    const parts = partsOf(c);
    if (!has(c, parts.valueAt - c.at)) return false;
    if (parts.valueBytes < 0) {
      this.fail(c, parts, statuses.unknownCommand);
      c.closing = true;
      return true;
    }
    if (parts.keyBytes > maxCacheKeyBytes || !fits(parts)) {
      this.fail(c, parts, statuses.invalid);
      c.closing = true;
      return true;
    }
    return this.command(c, parts);
  }

  /** False: its value is not here. */
  private command(c: Conversation, parts: Parts): boolean {
    switch (parts.command) {
      case 0x00:
      case 0x0c:
      case 0x1c:
      case 0x1d:
      case 0x23:
        return this.get(c, parts);
      case 0x01:
      case 0x02:
      case 0x03:
      case 0x0e:
      case 0x0f:
        return this.store(c, parts);
      case 0x04:
        c.add({ kind: "delete", key: keyOf(c, parts), compareCas: parts.cas }, new PacketOfChange(parts, parts.quiet));
        break;
      case 0x05:
      case 0x06:
        this.arithmetic(c, parts);
        break;
      case 0x07:
        if (!parts.quiet) this.fail(c, parts, statuses.ok);
        c.closing = true;
        break;
      case 0x08: {
        const exptime = parts.extraBytes === 0 ? 0 : c.uint32(parts.extrasAt);
        const delayS = exptime === 0 ? 0 : ttlOf(exptime);
        c.add({ kind: "flush", delayS }, new PacketOfChange(parts, parts.quiet));
        break;
      }
      case 0x0a:
        this.fail(c, parts, statuses.ok);
        break;
      case 0x0b:
        c.say(new Packet(parts, statuses.ok, this.figures.version));
        break;
      case 0x10:
        this.stats(c, parts);
        break;
      default:
        return this.unknown(c, parts);
    }
    c.at = parts.valueAt;
    return true;
  }

  private fail(c: Conversation, parts: Parts, status: number): void {
    c.say(new Packet(parts, status));
  }

  /** Authentication is unknown too. As memcached does, a body is passed over once more than it is long. */
  private unknown(c: Conversation, parts: Parts): boolean {
    const { extraBytes, keyBytes, valueBytes } = parts;
    const authentication = parts.command >= 0x20 && parts.command <= 0x22;
    this.fail(c, parts, statuses.unknownCommand);
    c.at = parts.valueAt;
    c.skip(extraBytes + valueBytes + (authentication ? 0 : keyBytes));
    return true;
  }

  private get(c: Conversation, parts: Parts): boolean {
    const { command, quiet } = parts;
    const touchS = parts.extraBytes === 0 ? undefined : ttlOf(c.uint32(parts.extrasAt));
    const withKey = command === 0x0c || command === 0x23;
    c.add(
      { kind: "get", key: keyOf(c, parts), omitValue: command === 0x1c, touchS },
      new PacketOfItem(parts, withKey, quiet),
    );
    c.at = parts.valueAt;
    return true;
  }

  private store(c: Conversation, parts: Parts): boolean {
    const { command, quiet, keyBytes, valueBytes, valueAt, extrasAt } = parts;
    const extending = command >= 0x0e;
    const flags = extending ? 0 : c.uint32(extrasAt);
    if (this.text.isTooLarge(keyBytes, valueBytes, flags)) {
      if (command === 0x01) {
        c.add({ kind: "delete", key: keyOf(c, parts) }, new Packet(parts, statuses.tooLarge, undefined, true));
      } else this.fail(c, parts, statuses.tooLarge);
      c.at = valueAt;
      if (valueBytes <= maxSwallowed) c.skip(valueBytes);
      return true;
    }
    if (!has(c, valueAt + valueBytes - c.at)) return false;
    const value = c.value(valueAt, valueAt + valueBytes);
    // With a number to compare, memcached takes "add" and "replace" for "set".
    const mode = !extending && parts.cas !== undefined ? "set" : modes[command];
    const ttlS = extending ? Infinity : ttlOf(c.uint32(extrasAt + 4));
    const notStored = command === 0x02 ? statuses.exists : command === 0x03 ? statuses.notFound : statuses.notStored;
    c.add(
      { kind: "store", mode, key: keyOf(c, parts), value, flags, ttlS, compareCas: parts.cas },
      new PacketOfChange(parts, quiet, notStored),
    );
    c.at = valueAt + valueBytes;
    return true;
  }

  private arithmetic(c: Conversation, parts: Parts): void {
    const { command, quiet, extrasAt } = parts;
    const exptime = c.uint32(extrasAt + 16);
    c.add(
      {
        kind: "arithmetic",
        key: keyOf(c, parts),
        delta: c.uint64(extrasAt),
        decrement: command === 0x06,
        initial: c.uint64(extrasAt + 8),
        vivifyS: exptime === onlyExisting ? undefined : ttlOf(exptime),
        compareCas: parts.cas,
      },
      new PacketOfChange(parts, quiet),
    );
  }

  private stats(c: Conversation, parts: Parts): void {
    const name = keyOf(c, parts);
    const kinds: Readonly<Record<string, StatsKind>> = {
      "": "general",
      settings: "settings",
      items: "items",
      slabs: "slabs",
    };
    if (name.startsWith("reset")) {
      c.add({ kind: "stats", reset: true }, new PacketsOfStats(parts, undefined, this.figures));
    } else if (kinds[name] !== undefined) {
      c.add({ kind: "stats" }, new PacketsOfStats(parts, kinds[name], this.figures));
    } else this.fail(c, parts, statuses.notFound);
  }
}

/** Whether so many bytes from `at` on are here. */
function has(c: Conversation, bytes: number): boolean {
  if (c.end - c.at >= bytes) return true;
  c.wanted = bytes;
  return false;
}

function keyOf(c: Conversation, { keyAt, keyBytes }: Parts): string {
  return c.text.substring(keyAt, keyAt + keyBytes);
}

function partsOf(c: Conversation): Parts {
  const { at } = c;
  const opcode = c.uint8(at + 1);
  const keyBytes = c.uint16(at + 2);
  const extraBytes = c.uint8(at + 4);
  const cas = Number(c.uint64(at + 16));
  const command = quietTwins.get(opcode) ?? opcode;
  const extrasAt = at + headerBytes;
  return {
    opcode,
    opaque: c.uint32(at + 12),
    command,
    quiet: command !== opcode,
    keyBytes,
    extraBytes,
    valueBytes: c.uint32(at + 8) - keyBytes - extraBytes,
    cas: cas === 0 ? undefined : cas,
    extrasAt,
    keyAt: extrasAt + extraBytes,
    valueAt: extrasAt + extraBytes + keyBytes,
  };
}

/** Whether its parts are those that its opcode wants. */
function fits({ command, keyBytes, extraBytes, valueBytes }: Parts): boolean {
  switch (command) {
    case 0x00:
    case 0x0c:
    case 0x04:
      return extraBytes === 0 && keyBytes > 0 && valueBytes === 0;
    case 0x01:
    case 0x02:
    case 0x03:
      return extraBytes === 8 && keyBytes > 0;
    case 0x05:
    case 0x06:
      return extraBytes === 20 && keyBytes > 0 && valueBytes === 0;
    case 0x07:
    case 0x0a:
    case 0x0b:
    case 0x20:
      return extraBytes === 0 && keyBytes === 0 && valueBytes === 0;
    case 0x08:
      return (extraBytes === 0 || extraBytes === 4) && keyBytes === 0 && valueBytes === 0;
    case 0x0e:
    case 0x0f:
    case 0x21:
    case 0x22:
      return extraBytes === 0 && keyBytes > 0;
    case 0x10:
      return extraBytes === 0;
    case 0x1c:
    case 0x1d:
    case 0x23:
      return extraBytes === 4 && keyBytes > 0;
    default:
      return true;
  }
}
