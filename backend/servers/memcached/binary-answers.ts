/** Answers of the binary protocol (doc/protocol-binary.txt): 24 bytes of header, extras, key, value. */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { Form } from "./form.ts";
import type { Output } from "./output.ts";
import { statsOf } from "./stats-command.ts";
import type { DoorFigures, StatsKind } from "./stats-command.ts";

export const statuses = {
  ok: 0x00,
  notFound: 0x01,
  exists: 0x02,
  tooLarge: 0x03,
  invalid: 0x04,
  notStored: 0x05,
  notANumber: 0x06,
  unknownCommand: 0x81,
  temporaryFailure: 0x86,
} as const;

const texts: Readonly<Record<number, string>> = {
  [statuses.notFound]: "Not found",
  [statuses.exists]: "Data exists for key.",
  [statuses.tooLarge]: "Too large.",
  [statuses.invalid]: "Invalid arguments",
  [statuses.notStored]: "Not stored.",
  [statuses.notANumber]: "Non-numeric server-side value for incr or decr",
  [statuses.unknownCommand]: "Unknown command",
};

/** What an answer repeats of its request. */
export interface PacketHead {
  readonly opcode: number;
  readonly opaque: number;
}

function header(
  out: Output,
  { opcode, opaque }: PacketHead,
  status: number,
  keyBytes: number,
  extraBytes: number,
  valueBytes: number,
  cas: number,
): void {
  out.uint16(0x8100 | opcode);
  out.uint16(keyBytes);
  out.uint16(extraBytes << 8);
  out.uint16(status);
  out.uint32(keyBytes + extraBytes + valueBytes);
  out.uint32(opaque);
  out.uint32(Math.floor(cas / 4_294_967_296));
  out.uint32(cas >>> 0);
}

function failure(out: Output, head: PacketHead, status: number, text = texts[status] ?? ""): void {
  header(out, head, status, 0, 0, text.length, 0);
  out.text(text);
}

/** A packet that is known when the request is read: a failure, or a success that says nothing but `text`. */
export class Packet implements Form {
  readonly awaits: boolean;
  private readonly head: PacketHead;
  private readonly status: number;
  private readonly text: string;

  /** @param awaits an operation goes with it, whose outcome makes no difference */
  constructor(head: PacketHead, status: number, text = texts[status] ?? "", awaits = false) {
    this.head = head;
    this.status = status;
    this.text = text;
    this.awaits = awaits;
  }

  write(out: Output): void {
    failure(out, this.head, this.status, this.text);
  }
}

/** get, getk, gat, gatk and touch; quiet ones do not tell of misses. */
export class PacketOfItem implements Form {
  readonly awaits = true;
  private readonly head: PacketHead;
  private readonly withKey: boolean;
  private readonly quiet: boolean;

  constructor(head: PacketHead, withKey: boolean, quiet: boolean) {
    this.head = head;
    this.withKey = withKey;
    this.quiet = quiet;
  }

  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void {
    const key = this.withKey ? (operation as { readonly key: string }).key : "";
    if (outcome.kind === "hit") {
      header(out, this.head, statuses.ok, key.length, 4, outcome.value.length, outcome.cas);
      out.uint32(outcome.flags);
      out.text(key);
      out.value(outcome.value);
    } else if (outcome.kind === "failed") failure(out, this.head, statuses.temporaryFailure, outcome.message);
    else if (this.quiet) return;
    else if (this.withKey) {
      header(out, this.head, statuses.notFound, key.length, 0, 0, 0);
      out.text(key);
    } else failure(out, this.head, statuses.notFound);
  }
}

/** Everything else. Quiet ones tell of failures alone. `notStored`: what the failed condition of its mode is called. */
export class PacketOfChange implements Form {
  readonly awaits = true;
  private readonly head: PacketHead;
  private readonly quiet: boolean;
  private readonly notStored: number;

  constructor(head: PacketHead, quiet: boolean, notStored: number = statuses.notStored) {
    this.head = head;
    this.quiet = quiet;
    this.notStored = notStored;
  }

  write(out: Output, outcome: CacheOutcome): void {
    switch (outcome.kind) {
      case "stored":
        this.succeed(out, outcome.cas);
        return;
      case "deleted":
      case "flushed":
        this.succeed(out, 0);
        return;
      case "counted":
        if (this.quiet) return;
        header(out, this.head, statuses.ok, 0, 0, 8, outcome.cas);
        out.uint64(outcome.value);
        return;
      case "failed":
        failure(out, this.head, statuses.temporaryFailure, outcome.message);
        return;
      default:
        failure(out, this.head, this.statusOf(outcome));
    }
  }

  private succeed(out: Output, cas: number): void {
    if (!this.quiet) header(out, this.head, statuses.ok, 0, 0, 0, cas);
  }

  private statusOf({ kind }: CacheOutcome): number {
    if (kind === "missing") return statuses.notFound;
    if (kind === "changed") return statuses.exists;
    if (kind === "too-large") return statuses.tooLarge;
    return kind === "not-a-number" ? statuses.notANumber : this.notStored;
  }
}

/** A packet for each figure, and an empty one behind the last. */
export class PacketsOfStats implements Form {
  readonly awaits = true;
  private readonly head: PacketHead;
  private readonly kind: StatsKind | undefined;
  private readonly door: DoorFigures;

  /** @param kind undefined: none, as after a reset */
  constructor(head: PacketHead, kind: StatsKind | undefined, door: DoorFigures) {
    this.head = head;
    this.kind = kind;
    this.door = door;
  }

  write(out: Output, outcome: CacheOutcome): void {
    if (outcome.kind === "failed") {
      failure(out, this.head, statuses.temporaryFailure, outcome.message);
      return;
    }
    const stats = this.kind === undefined ? [] : (statsOf(this.kind, this.door, outcome) ?? []);
    for (const [name, value] of stats) {
      const text = String(value);
      header(out, this.head, statuses.ok, name.length, 0, text.length, 0);
      out.text(name);
      out.text(text);
    }
    header(out, this.head, statuses.ok, 0, 0, 0, 0);
  }
}
