/**
 * A simulated disk: the ordered map a core sees, and what of it would survive a power loss at this instant.
 *
 *     turn, turn, turn          flush                durable
 *     [ open group      ]  ->  [ group in flight ]  ->  the map itself
 *
 * What is derived is in no group. It goes back to the last checkpoint, whose instant is drawn: any group may turn out to be one, some time
 * after it was flushed.
 *
 * The map always holds the newest state; each group keeps the values it replaced, newest last. Losing power undoes the open
 * group (it was only ever in memory) and then decides the group in flight by the same record codec that the real log uses: its
 * bytes are cut or flipped at random, and it is kept only if the decoder accepts them.
 */
import { Packr } from "msgpackr";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Random } from "../../kernel/random.ts";
import type { NodeStore, StoreKey, Value } from "../../kernel/store.ts";
import { maxKeyBytes } from "../../kernel/store.ts";
import { decodeRecords, encodeRecord } from "../log-record.ts";
import assert from "node:assert/strict";

const packr = new Packr({ useRecords: false });

/** What can be taken back. Parallel arrays: key i held `before[i]`, undefined if absent. */
class Writes {
  readonly keys: StoreKey[] = [];
  readonly before: (Value | undefined)[] = [];

  add(key: StoreKey, before: Value | undefined): void {
    this.keys.push(key);
    this.before.push(before);
  }

  /** Those of `later` come after these. */
  append(later: Writes): void {
    for (const [i, key] of later.keys.entries()) this.add(key, later.before[i]);
  }
}

/** The writes of the turns that will reach the disk together. */
class Group extends Writes {
  /** Something in it waits to become durable; what is only put later does not. */
  urgent = false;
}

/** So many writes that nothing waits for get a flush of their own. */
const maxLaterWrites = 512;
/** One flush in so many begins a checkpoint, or ends it. */
const checkpointFlushes = 16;

export class SimulatedDisk implements NodeStore {
  private readonly map = new OrderedMap<Value>();
  private open = new Group();
  private inFlight: Group | null = null;
  /** Derived since the last checkpoint began. */
  private derived = new Writes();
  /** Derived before, while that checkpoint is being written. */
  private frozen = new Writes();
  private checkpointing = false;
  private readonly checkpoints: Random;
  private sequence = 0;
  /** Groups that a power loss tore in the middle and the decoder cut off. */
  torn = 0;

  /** @param checkpoints draws when one begins and ends */
  constructor(checkpoints: Random) {
    this.checkpoints = checkpoints;
  }

  get(key: StoreKey): Value | undefined {
    return this.map.get(key);
  }

  put(key: StoreKey, value: Value): void {
    this.putLater(key, value);
    this.open.urgent = true;
  }

  delete(key: StoreKey): void {
    if (this.map.get(key) === undefined) return;
    this.deleteLater(key);
    this.open.urgent = true;
  }

  putLater(key: StoreKey, value: Value): void {
    this.open.add(key, this.replace(key, value));
  }

  deleteLater(key: StoreKey): void {
    const before = this.map.get(key);
    if (before === undefined) return;
    this.open.add(key, before);
    this.map.delete(key);
  }

  putDerived(key: StoreKey, value: Value): void {
    this.derived.add(key, this.replace(key, value));
  }

  deleteDerived(key: StoreKey): void {
    const before = this.map.get(key);
    if (before === undefined) return;
    this.derived.add(key, before);
    this.map.delete(key);
  }

  settle(): void {
    this.open.append(this.frozen);
    this.open.append(this.derived);
    this.frozen = new Writes();
    this.derived = new Writes();
    this.open.urgent = true;
  }

  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    this.map.scan(from, to, visit);
  }

  get size(): number {
    return this.map.size;
  }

  /** True when turns have written what no flush covers yet, and one is due for. */
  get dirty(): boolean {
    return this.open.urgent || this.open.keys.length > maxLaterWrites;
  }

  get flushing(): boolean {
    return this.inFlight !== null;
  }

  /** The open group starts its way to the platter; one group is in flight at a time. */
  beginFlush(): void {
    assert(this.inFlight === null, "one group is in flight at a time");
    this.inFlight = this.open;
    this.open = new Group();
    this.sequence++;
    if (this.checkpointing || this.checkpoints.below(checkpointFlushes) > 0) return;
    this.checkpointing = true;
    this.frozen = this.derived;
    this.derived = new Writes();
  }

  endFlush(): void {
    this.inFlight = null;
    if (!this.checkpointing || this.checkpoints.below(checkpointFlushes) > 0) return;
    this.checkpointing = false;
    this.frozen = new Writes();
  }

  /** Power is lost now. Afterwards the map holds what a restarted node would read back from its log. */
  losePower(random: Random): void {
    for (const writes of [this.derived, this.frozen, this.open]) this.undo(writes);
    this.derived = new Writes();
    this.frozen = new Writes();
    this.checkpointing = false;
    this.open = new Group();
    if (this.inFlight === null) return;
    if (!this.survives(this.inFlight, random)) this.undo(this.inFlight);
    this.inFlight = null;
  }

  wipe(): void {
    this.map.clear();
    this.derived = new Writes();
    this.frozen = new Writes();
    this.checkpointing = false;
    this.open = new Group();
    this.inFlight = null;
  }

  /**
   * Flips one bit of the durable log and reads it back. True: the decoder noticed and the node must stay down. False: the flip
   * fell on padding, and every record was read back as it was. Anything else would be damaged data served as good.
   */
  corrupt(random: Random): boolean {
    const records: Uint8Array[] = [];
    let sequence = 1;
    this.map.scan("", "\u00ff\u00ff\u00ff\u00ff\u00ff", (key, value) => {
      if (records.length < 64) records.push(encodeRecord(sequence++, 0, packr.pack([key, value])));
    });
    // A damaged last record cannot be told from a torn one; a real log always has newer ones behind what is old.
    const damaged = records.reduce((sum, { length }) => sum + length, 0);
    records.push(encodeRecord(sequence, 0, packr.pack(null)));
    const log = Buffer.concat(records);
    const intact = decodeRecords(log).records.map(({ payload }) => Buffer.from(payload));
    log[random.below(Math.max(1, damaged))] ^= 1 << random.below(8);
    const { verdict, records: read } = decodeRecords(log);
    if (verdict === "corrupt") return true;
    assert(
      read.length === intact.length && read.every(({ payload }, i) => intact[i].equals(payload)),
      `a flipped bit went unnoticed: ${intact.length} records written, ${read.length} read back as ${verdict}`,
    );
    return false;
  }

  /** A running node's durable content, for comparing replicas and for a trace's final digest. */
  entries(visit: (key: StoreKey, value: Value) => void): void {
    this.map.scan("", "\u00ff\u00ff\u00ff\u00ff\u00ff", visit);
  }

  private survives(group: Group, random: Random): boolean {
    const writes = group.keys.map((key) => [key, this.map.get(key) ?? null]);
    const record = Buffer.from(encodeRecord(this.sequence, 0, packr.pack(writes)));
    const fate = random.below(3);
    if (fate === 0) return true;
    const cut = fate === 1 ? 0 : random.below(record.length);
    record.fill(0, cut);
    const survived = decodeRecords(record).records.length === 1;
    if (!survived && cut > 0) this.torn++;
    return survived;
  }

  /** Returns what was there before. */
  private replace(key: StoreKey, value: Value): Value | undefined {
    assert(key.length <= maxKeyBytes, `a store key has at most ${maxKeyBytes} bytes, got ${key.length}`);
    const before = this.map.get(key);
    this.map.set(key, value);
    return before;
  }

  /** Restores what was replaced, newest first, so that a key written twice ends at its oldest value. */
  private undo({ keys, before }: Writes): void {
    for (let i = keys.length - 1; i >= 0; i--) {
      const value = before[i];
      if (value === undefined) this.map.delete(keys[i]);
      else this.map.set(keys[i], value);
    }
  }
}
