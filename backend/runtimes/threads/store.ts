/**
 * The ordered store of one node, in three layers: what was written since the last checkpoint, a bounded cache of decoded values,
 * and LMDB.
 *
 *     put ──> recent (memory) ──freeze──> frozen (memory) ──checkpoint, in batches──> LMDB
 *     get <── recent, else frozen, else cached, else LMDB
 *
 * Durability is the log's affair: recent and frozen are rebuilt from it, but for what is derived, which goes back to the last checkpoint. LMDB
 * only has to be durable before the log's segments are used again, so its commits are synchronous ones (overlappingSync off: a commit's
 * promise then means "flushed"). Opening it without sync would save nothing measurable and would let a power cut mix pages of two commits.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { open } from "lmdb";
import type { RootDatabase } from "lmdb";
import { Packr } from "msgpackr";
import { OrderedMap } from "../../kernel/ordered-map.ts";
import { maxKeyBytes } from "../../kernel/store.ts";
import type { NodeStore, StoreKey, Value } from "../../kernel/store.ts";
import { mebibyte } from "../../kernel/units.ts";
import { DecodedCache } from "./decoded-cache.ts";

/** Without copyBuffers, decoded byte arrays would be views of whatever buffer they came in, and LMDB uses its own again. */
const codec = new Packr({ useRecords: false, copyBuffers: true });
const deleted = Symbol("deleted");
/**
 * One batch of a checkpoint stands in the way of requests: 256 keys cost a tenth of the write rate and doubled its p99. A batch has more
 * only when more was written since the one before: a checkpoint that writes a key for each that is written beside it ends before as much
 * log is there again, and one that does not keep pace may never end, while recovery has ever more to replay.
 */
const batchKeys = 24;
/** What a wait for a commit has added up is caught up with in pieces: more keys at once would stand in the way for milliseconds. */
const mostBatchKeys = 384;
/** Batches share a commit, for each commit is a flush that the logs' flushes wait behind. */
const commitDelayMs = 25;
/** So much may wait for its commit: it is in memory twice. */
const openBytes = 8 * mebibyte;
const pageKeys = 64;
/**
 * So many keys since the last checkpoint are reason for the next, however little of the log they take: what was derived has to be derived
 * again after a crash, at some microseconds a key.
 */
const manyKeys = 262_144;
/** So many writes that nothing waits for get a flush of their own. */
const maxLaterWrites = 8_192;
/** Sorts before every key of a core: cores' keys get the prefix "k". */
const floorKey = Buffer.from("f");

type Slot = Value | typeof deleted;

interface Page {
  readonly keys: StoreKey[];
  readonly values: Slot[];
}

export class LayeredStore implements NodeStore {
  private recent = new OrderedMap<Slot>();
  private frozen: OrderedMap<Slot> | undefined;
  private readonly cache = new DecodedCache(32 * mebibyte);
  private readonly database: RootDatabase<Uint8Array, Uint8Array>;
  private written: (StoreKey | Value | undefined)[] = [];
  /** Keys written since the last batch of a checkpoint. */
  private sinceBatch = 0;
  /** Something written waits to become durable; what is only put later does not. */
  private urgent = false;
  /** The next record is to hold what was derived as well. */
  private settling = false;
  /** Nothing was ever checkpointed: no read needs to ask the database. */
  private empty: boolean;
  private closing = false;
  private checkpointing: Promise<boolean> | undefined;
  /** The checkpoint holds everything the log's records up to this sequence wrote. */
  private checkpointed: number;

  constructor(directory: string) {
    this.database = open({
      path: directory,
      encoding: "binary",
      keyEncoding: "binary",
      overlappingSync: false,
      commitDelay: commitDelayMs,
      noSubdir: false,
    });
    const floor = this.database.get(floorKey);
    this.empty = floor === undefined;
    this.checkpointed = floor === undefined ? 0 : (codec.unpack(floor) as number);
  }

  get floor(): number {
    return this.checkpointed;
  }

  /** A checkpoint is being written. */
  get busy(): boolean {
    return this.frozen !== undefined;
  }

  /** It is time for the next one. */
  get large(): boolean {
    return this.recent.size >= manyKeys;
  }

  /** Writes not yet taken into a log group that a flush is due for. */
  get dirty(): boolean {
    return this.urgent || this.written.length > maxLaterWrites * 2;
  }

  get(key: StoreKey): Value | undefined {
    let slot = this.recent.get(key);
    if (slot === undefined && this.frozen !== undefined) slot = this.frozen.get(key);
    if (slot !== undefined) return slot === deleted ? undefined : slot;
    if (this.empty) return undefined;
    const cached = this.cache.get(key);
    if (cached !== undefined) return cached;
    const bytes = this.database.getBinaryFast(databaseKey(key));
    if (bytes === undefined) return undefined;
    const value = codec.unpack(bytes) as Value;
    this.cache.set(key, value, bytes.length);
    return value;
  }

  put(key: StoreKey, value: Value): void {
    if (value === undefined) throw new Error(`put of undefined under ${JSON.stringify(key)}: delete the key instead`);
    this.write(key, value);
    this.urgent = true;
  }

  delete(key: StoreKey): void {
    this.deleteLater(key);
    this.urgent = true;
  }

  putLater(key: StoreKey, value: Value): void {
    this.write(key, value);
  }

  deleteLater(key: StoreKey): void {
    this.write(key, undefined);
  }

  putDerived(key: StoreKey, value: Value): void {
    this.remember(key, value);
  }

  deleteDerived(key: StoreKey): void {
    this.remember(key, deleted);
  }

  settle(): void {
    this.settling = true;
    this.urgent = true;
  }

  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    const layers = [new LayerCursor((at) => memoryPage(this.recent, at, to), from)];
    const { frozen } = this;
    if (frozen !== undefined) layers.push(new LayerCursor((at) => memoryPage(frozen, at, to), from));
    if (!this.empty) layers.push(new LayerCursor((at) => this.databasePage(at, to), from));
    for (;;) {
      let key: StoreKey | undefined;
      for (const layer of layers)
        if (layer.key !== undefined && (key === undefined || layer.key < key)) key = layer.key;
      if (key === undefined) return;
      // The newest layer that has the key wins; the older ones step over it.
      const slot = layers.find((layer) => layer.key === key)!.value;
      for (const layer of layers) if (layer.key === key) layer.step();
      if (slot !== deleted && visit(key, slot) === false) return;
    }
  }

  /** The writes since the last call, encoded for one log record. */
  takeWrites(): Uint8Array {
    const payload = codec.pack(this.settling ? this.sinceCheckpoint() : this.written);
    this.written = [];
    this.urgent = false;
    this.settling = false;
    return payload;
  }

  /** All that no checkpoint holds for certain, derived or put: older first. */
  private sinceCheckpoint(): (StoreKey | Value | undefined)[] {
    const writes: (StoreKey | Value | undefined)[] = [];
    const take = (key: StoreKey, slot: Slot): void => void writes.push(key, slot === deleted ? undefined : slot);
    for (const layer of [this.frozen, this.recent]) layer?.scan("", "\uffff", take);
    return writes;
  }

  /** Applies one log record again, at recovery. */
  replay(payload: Uint8Array): void {
    const writes = codec.unpack(payload) as (StoreKey | Value | undefined)[];
    for (let i = 0; i < writes.length; i += 2) {
      const value = writes[i + 1];
      this.recent.set(writes[i] as StoreKey, value === undefined ? deleted : value);
    }
  }

  /** Sets aside everything written so far for the next checkpoint. Only between groups, and while none is being written. */
  freeze(): void {
    this.frozen = this.recent;
    this.recent = new OrderedMap<Slot>();
    this.sinceBatch = 0;
  }

  /**
   * Writes what is frozen to LMDB, a few dozen keys a turn of the event loop and some hundred a commit; resolves when it is flushed to disk, with false when
   * the store was closed meanwhile.
   *
   * @param floor sequence of the log record that wrote the last of it.
   */
  checkpoint(floor: number): Promise<boolean> {
    this.checkpointing = this.writeFrozen(this.frozen!, floor);
    return this.checkpointing;
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.checkpointing;
    await this.database.close();
  }

  private write(key: StoreKey, value: Value | undefined): void {
    this.remember(key, value === undefined ? deleted : value);
    this.written.push(key, value);
  }

  private remember(key: StoreKey, slot: Slot): void {
    checkKey(key);
    this.recent.set(key, slot);
    this.sinceBatch++;
  }

  private async writeFrozen(frozen: OrderedMap<Slot>, floor: number): Promise<boolean> {
    let from: StoreKey = "";
    let waiting = 0;
    for (;;) {
      if (this.closing) return false;
      const batch = Math.min(Math.max(batchKeys, this.sinceBatch), mostBatchKeys);
      const { keys, values } = memoryPage(frozen, from, "\uffff", batch);
      this.sinceBatch = Math.max(0, this.sinceBatch - batch);
      if (keys.length === 0) break;
      let committed: Promise<boolean> | undefined;
      for (const [i, key] of keys.entries()) {
        const slot = values[i];
        const stored = databaseKey(key);
        if (slot !== deleted) {
          const bytes = codec.pack(slot);
          waiting += bytes.length;
          committed = this.database.put(stored, bytes);
        }
        // Most of what is deleted lived shorter than a checkpoint: the database never had it, and a look costs less than a write.
        else if (this.database.getBinaryFast(stored) !== undefined) committed = this.database.remove(stored);
      }
      if (waiting > openBytes) {
        await committed;
        waiting = 0;
      } else await nextTurn();
      for (const key of keys) this.cache.delete(key);
      from = after(keys.at(-1)!);
    }
    await this.database.put(floorKey, codec.pack(floor));
    // A snapshot older than the commit must not outlive the layer that shadowed it. lmdb-js renews it at commits already; this says so.
    this.database.resetReadTxn();
    this.checkpointed = floor;
    this.empty = false;
    this.frozen = undefined;
    return true;
  }

  private databasePage(from: StoreKey, to: StoreKey): Page {
    const keys: StoreKey[] = [];
    const values: Slot[] = [];
    for (const { key, value } of this.database.getRange({
      start: databaseKey(from),
      end: databaseKey(to),
      limit: pageKeys,
    })) {
      keys.push(Buffer.from(key).toString("latin1", 1));
      values.push(codec.unpack(value) as Value);
    }
    return { keys, values };
  }
}

/** Walks one layer in key order, a page at a time, so that a scan that stops early has read little. */
class LayerCursor {
  private page: Page;
  private at = 0;
  private readonly read: (from: StoreKey) => Page;

  constructor(read: (from: StoreKey) => Page, from: StoreKey) {
    this.read = read;
    this.page = read(from);
  }

  get key(): StoreKey | undefined {
    return this.page.keys[this.at];
  }

  get value(): Slot {
    return this.page.values[this.at];
  }

  step(): void {
    if (++this.at < this.page.keys.length) return;
    this.page = this.read(after(this.page.keys[this.at - 1]));
    this.at = 0;
  }
}

function memoryPage(map: OrderedMap<Slot>, from: StoreKey, to: StoreKey, limit = pageKeys): Page {
  const keys: StoreKey[] = [];
  const values: Slot[] = [];
  map.scan(from, to, (key, value) => {
    keys.push(key);
    values.push(value);
    return keys.length < limit;
  });
  return { keys, values };
}

/** The first key after `key`. */
function after(key: StoreKey): StoreKey {
  return `${key}\0`;
}

function databaseKey(key: StoreKey): Buffer {
  return Buffer.from(`k${key}`, "latin1");
}

function checkKey(key: StoreKey): void {
  if (key.length > maxKeyBytes) {
    throw new Error(
      `a key has ${key.length} bytes, the most is ${maxKeyBytes}: ${JSON.stringify(key.slice(0, 80))}...`,
    );
  }
  if (beyondBytes.test(key)) {
    throw new Error(`key ${JSON.stringify(key)} is not a byte string: make it one with byteKey`);
  }
}

const beyondBytes = /[\u0100-\uffff]/;
