/** Reads the meta commands: mg, ms, md, ma and me (doc/protocol.txt, "Meta Commands"). Flags may come in any order, each once. */
import { maxCacheKeyBytes } from "../../api-cache.ts";
import type { StoreMode } from "../../api-cache.ts";
import { ttlOf } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import { Line, failureText, lines } from "./form.ts";
import type { Form } from "./form.ts";
import { decodeKey } from "./key-base64.ts";
import {
  MetaArithmeticForm,
  MetaDeleteForm,
  MetaGetForm,
  MetaSetForm,
  metaDebugForm,
  metaSetForm,
  metaValueForm,
  quietMetaSetForm,
} from "./meta-answers.ts";
import type { Tokens } from "./tokens.ts";

const maxMetaTokens = 19;
const maxOpaqueBytes = 32;

const opaqueTooLong = "CLIENT_ERROR opaque token too long\r\n";

const errors = {
  flagsAreTooLong: new Line("CLIENT_ERROR options flags are too long\r\n"),
  flagsTooLong: new Line("CLIENT_ERROR options flags too long\r\n"),
  duplicate: new Line("CLIENT_ERROR duplicate flag\r\n"),
  invalid: new Line("CLIENT_ERROR invalid flag\r\n"),
  invalidOrDuplicate: new Line("CLIENT_ERROR invalid or duplicate flag\r\n"),
  badToken: new Line("CLIENT_ERROR bad token in command line format\r\n"),
  key: new Line("CLIENT_ERROR error decoding key\r\n"),
  modeLength: new Line("CLIENT_ERROR incorrect length for M token\r\n"),
  setMode: new Line("CLIENT_ERROR invalid mode for ms M token\r\n"),
  arithmeticMode: new Line("CLIENT_ERROR invalid mode for ma M token\r\n"),
  initial: new Line("CLIENT_ERROR invalid numeric initial value\r\n"),
  delta: new Line("CLIENT_ERROR invalid numeric delta value\r\n"),
  opaque: new Line(opaqueTooLong),
} as const;

/** memcached counts before it looks. */
const longOpaque: Form = {
  awaits: true,
  write: (out, outcome) => out.text(failureText(outcome) ?? opaqueTooLong),
};

const setModes: Readonly<Record<string, StoreMode>> = {
  E: "add",
  A: "append",
  P: "prepend",
  R: "replace",
  S: "set",
};

/** The line that is being read, and what is done with it. Those that answer say true: it has been read. */
export interface CommandLine {
  /** Where the value behind the line begins. */
  readonly valueAt: number;
  answer(c: Conversation, line: Line): boolean;
  advance(c: Conversation): boolean;
  hasValue(c: Conversation, length: number): boolean;
  isTooLarge(keyBytes: number, valueBytes: number, flags: number): boolean;
  refuse(c: Conversation, length: number, replacing: boolean, quiet: boolean, key: string): void;
  swallow(c: Conversation, length: number): void;
}

/** What the flags of one command say. */
class Flags {
  error: Line | undefined;
  key = "";
  keyEncoded = false;
  quiet = false;
  value = false;
  unbumped = false;
  invalidate = false;
  longOpaque = false;
  ttlS: number | undefined;
  vivifyS: number | undefined;
  recacheS: number | undefined;
  cas: number | undefined;
  clientFlags = 0;
  mode: string | undefined;
  initial = 0n;
  delta = 1n;
}

export class MetaCommands {
  private readonly commands: CommandLine;
  private readonly tokens: Tokens;

  constructor(commands: CommandLine, tokens: Tokens) {
    this.commands = commands;
    this.tokens = tokens;
  }

  get(c: Conversation): boolean {
    const { commands, tokens } = this;
    if (tokens.count < 2) return commands.answer(c, lines.error);
    if (tokens.lengthOf(1) > maxCacheKeyBytes) return commands.answer(c, lines.badFormat);
    if (tokens.count === 3 && tokens.lengthOf(2) === 1 && tokens.first(2) === 0x76) {
      c.add({ kind: "get", key: tokens.at(1), wins: true }, metaValueForm);
      return commands.advance(c);
    }
    if (tokens.count > maxMetaTokens) return commands.answer(c, errors.flagsAreTooLong);
    const flags = this.readFlags(2);
    if (flags.error !== undefined) return commands.answer(c, flags.error);
    if (flags.longOpaque) return commands.answer(c, errors.opaque);
    const { key, ttlS: touchS, vivifyS, recacheS, quiet, keyEncoded, value, unbumped: quietly } = flags;
    c.add(
      { kind: "get", key, wins: true, omitValue: !value, touchS, vivifyS, recacheS, quietly },
      new MetaGetForm(this.flagText(c, 2), quiet, keyEncoded, value),
    );
    return commands.advance(c);
  }

  set(c: Conversation): boolean {
    const { commands, tokens } = this;
    if (tokens.count < 2) return commands.answer(c, lines.error);
    if (tokens.lengthOf(1) > maxCacheKeyBytes || tokens.count === 2) return commands.answer(c, lines.badFormat);
    if (tokens.count > maxMetaTokens) return commands.answer(c, errors.flagsTooLong);
    const length = tokens.int32(2);
    if (length === undefined || length < 0 || length > 2_147_483_645) return commands.answer(c, lines.badFormat);
    const flags = this.readFlags(3);
    const mode = flags.mode === undefined ? "set" : setModes[flags.mode];
    let { error } = flags;
    if (error === undefined && mode === undefined) error = errors.setMode;
    if (error === undefined && flags.longOpaque) error = errors.opaque;
    if (error !== undefined) {
      c.say(error);
      commands.swallow(c, length);
      return true;
    }
    if (commands.isTooLarge(flags.key.length, length, flags.clientFlags)) {
      commands.refuse(c, length, true, false, flags.key);
      return true;
    }
    if (!commands.hasValue(c, length)) return false;
    this.store(c, flags, mode, length);
    return true;
  }

  private store(c: Conversation, flags: Flags, mode: StoreMode, length: number): void {
    const { commands, tokens } = this;
    const from = commands.valueAt;
    if (c.endsLine(from + length)) {
      const { key, keyEncoded, clientFlags, ttlS = Infinity, cas, quiet, invalidate } = flags;
      const value = c.value(from, from + length);
      // Without a value to compare with there is nothing to compare; with "add" it is not looked at.
      const compareCas = mode === "add" ? undefined : cas;
      const plain = tokens.count === 3 || (tokens.count === 4 && quiet);
      c.add(
        { kind: "store", mode, key, value, flags: clientFlags, ttlS, compareCas, invalidate, keyEncoded },
        plain ? (quiet ? quietMetaSetForm : metaSetForm) : new MetaSetForm(this.flagText(c, 3), quiet, keyEncoded),
      );
    } else c.say(lines.badChunk);
    c.at = from + length + 2;
  }

  delete(c: Conversation): boolean {
    const { commands } = this;
    const flags = this.readKeyed(c);
    if (flags === undefined) return true;
    const { key, cas: compareCas, invalidate, ttlS: touchS, quiet, keyEncoded } = flags;
    if (flags.longOpaque) return commands.answer(c, errors.opaque);
    c.add(
      { kind: "delete", key, compareCas, invalidate, touchS },
      new MetaDeleteForm(this.flagText(c, 2), quiet, keyEncoded),
    );
    return commands.advance(c);
  }

  arithmetic(c: Conversation): boolean {
    const { commands } = this;
    const flags = this.readKeyed(c);
    if (flags === undefined) return true;
    const { key, mode = "I", delta, initial, vivifyS, ttlS: touchS, cas: compareCas, quiet, keyEncoded, value } = flags;
    if (!"I+D-".includes(mode)) return commands.answer(c, errors.arithmeticMode);
    const decrement = mode === "D" || mode === "-";
    c.add(
      { kind: "arithmetic", key, delta, decrement, initial, vivifyS, touchS, compareCas },
      flags.longOpaque ? longOpaque : new MetaArithmeticForm(this.flagText(c, 2), quiet, keyEncoded, value),
    );
    return commands.advance(c);
  }

  debug(c: Conversation): boolean {
    const { commands, tokens } = this;
    if (tokens.count < 2 || tokens.lengthOf(1) > maxCacheKeyBytes) return commands.answer(c, lines.badFormat);
    let key: string | undefined = tokens.at(1);
    if (tokens.count >= 3 && tokens.at(2) === "b") key = decodeKey(key);
    if (key === undefined) return commands.answer(c, lines.badFormat);
    c.add({ kind: "get", key, omitValue: true, quietly: true }, metaDebugForm);
    return commands.advance(c);
  }

  /** The flags of a command that says no more about what is wrong with them; undefined when it is answered. */
  private readKeyed(c: Conversation): Flags | undefined {
    const { commands, tokens } = this;
    if (tokens.count < 2) commands.answer(c, lines.error);
    else if (tokens.lengthOf(1) > maxCacheKeyBytes) commands.answer(c, lines.badFormat);
    else if (tokens.count > maxMetaTokens) commands.answer(c, errors.flagsTooLong);
    else {
      const flags = this.readFlags(2);
      if (flags.error === undefined) return flags;
      commands.answer(c, errors.invalidOrDuplicate);
    }
    return undefined;
  }

  private flagText(c: Conversation, from: number): string {
    const { tokens } = this;
    if (tokens.count <= from) return "";
    return c.text.substring(tokens.starts[from], tokens.ends[tokens.count - 1]);
  }

  /** An unknown or repeated flag ends the reading; of other errors the last is told. */
  private readFlags(from: number): Flags {
    const { tokens } = this;
    const flags = new Flags();
    flags.key = tokens.at(1);
    let seenLow = 0;
    let seenHigh = 0;
    for (let i = from; i < tokens.count; i++) {
      const code = tokens.first(i);
      const bit = 1 << (code & 31);
      const seen = code < 96 ? seenLow : seenHigh;
      if (code >= 127 || (code >= 64 && (seen & bit) !== 0)) {
        flags.error = errors.duplicate;
        return flags;
      }
      if (code < 96) seenLow |= code >= 64 ? bit : 0;
      else seenHigh |= bit;
      if (!this.readFlag(flags, i, code)) {
        flags.error = errors.invalid;
        return flags;
      }
    }
    return flags;
  }

  /** False: there is no such flag. */
  private readFlag(flags: Flags, i: number, code: number): boolean {
    switch (code) {
      case 0x6b: // k
      case 0x73: // s
      case 0x74: // t
      case 0x63: // c
      case 0x66: // f
      case 0x6c: // l
      case 0x68: // h
      case 0x50: // P
      case 0x4c: // L
        return true;
      case 0x76: // v
        flags.value = true;
        return true;
      case 0x71: // q
        flags.quiet = true;
        return true;
      case 0x75: // u
        flags.unbumped = true;
        return true;
      case 0x49: // I
        flags.invalidate = true;
        return true;
      case 0x4f: // O
        if (this.tokens.lengthOf(i) > maxOpaqueBytes) flags.longOpaque = true;
        return true;
      case 0x62: // b
        this.readKey(flags);
        return true;
      default:
        return this.readNumber(flags, i, code);
    }
  }

  private readKey(flags: Flags): void {
    const key = decodeKey(flags.key);
    flags.keyEncoded = true;
    if (key === undefined) flags.error = errors.key;
    else flags.key = key;
  }

  private readNumber(flags: Flags, i: number, code: number): boolean {
    const { tokens } = this;
    switch (code) {
      case 0x4e: // N
        flags.vivifyS = this.readTtl(flags, i);
        return true;
      case 0x54: // T
        flags.ttlS = this.readTtl(flags, i);
        return true;
      case 0x52: // R
        flags.recacheS = this.readTtl(flags, i);
        if (flags.recacheS === Infinity) flags.recacheS = 0;
        return true;
      case 0x43: // C
        flags.cas = tokens.cas(i, 1);
        if (flags.cas === undefined) flags.error = errors.badToken;
        return true;
      case 0x46: {
        // F
        const clientFlags = tokens.uint32(i, 1);
        if (clientFlags === undefined) flags.error ??= lines.badFormat;
        else flags.clientFlags = clientFlags;
        return true;
      }
      case 0x4d: // M
        if (tokens.lengthOf(i) !== 2) flags.error = errors.modeLength;
        else flags.mode = tokens.at(i)[1];
        return true;
      case 0x4a: // J
        flags.initial = this.readUnsigned(flags, i, errors.initial);
        return true;
      case 0x44: // D
        flags.delta = this.readUnsigned(flags, i, errors.delta);
        return true;
      default:
        return false;
    }
  }

  private readTtl(flags: Flags, i: number): number | undefined {
    const exptime = this.tokens.int32(i, 1);
    if (exptime !== undefined) return ttlOf(exptime);
    flags.error = errors.badToken;
    return undefined;
  }

  private readUnsigned(flags: Flags, i: number, error: Line): bigint {
    const value = this.tokens.uint64(i, 1);
    if (value === undefined) flags.error = error;
    return value ?? 0n;
  }
}
