/**
 * What each operation does to the items of one node, after memcached 1.6 (doc/protocol.txt, and the server itself where that is silent). All at once: one
 * operation after the other, between which nothing else happens.
 *
 * Three marks of an item make the meta protocol's recaching: *stale* (somebody invalidated it), *won* (somebody was told to recompute it) and its expiry.
 * The first client that asks with `wins` for a stale item, or for one that is about to expire, wins; until it stores the item again all others learn that
 * the win is taken, and may use the old value meanwhile.
 */
import { maxCacheAnswerBytes } from "../../api-cache.ts";
import type {
  CacheArithmetic,
  CacheDelete,
  CacheGet,
  CacheOperation,
  CacheOutcome,
  CacheStoring,
} from "../../api-cache.ts";
import type { CacheStore } from "../../protocols/cache/cache-store.ts";
import { headerBytes } from "../../protocols/cache/item-layout.ts";
import { CacheFigures } from "./cache-figures.ts";
import { numberIn, numberText, paddedNumber } from "./decimal-values.ts";

const missing: CacheOutcome = { kind: "missing" };
const notStored: CacheOutcome = { kind: "not-stored" };
const changed: CacheOutcome = { kind: "changed" };
const tooLarge: CacheOutcome = { kind: "too-large" };
const notANumber: CacheOutcome = { kind: "not-a-number" };
const deleted: CacheOutcome = { kind: "deleted" };
const touched: CacheOutcome = { kind: "touched" };
const flushed: CacheOutcome = { kind: "flushed" };
const deferred: CacheOutcome = { kind: "deferred" };
const nothing = new Uint8Array(0);

export class CacheExecutor {
  private readonly store: CacheStore;
  readonly figures = new CacheFigures();
  /** Whole seconds, those of this run of operations. */
  private nowS = 0;

  constructor(store: CacheStore) {
    this.store = store;
  }

  run(operations: readonly CacheOperation[], nowS: number): CacheOutcome[] {
    this.nowS = nowS;
    const outcomes: CacheOutcome[] = [];
    let bytes = 0;
    for (const operation of operations) {
      if (bytes > maxCacheAnswerBytes) {
        outcomes.push(deferred);
        continue;
      }
      const outcome = this.execute(operation);
      if (outcome.kind === "hit") bytes += outcome.value.length;
      outcomes.push(outcome);
    }
    return outcomes;
  }

  private execute(operation: CacheOperation): CacheOutcome {
    switch (operation.kind) {
      case "get":
        return this.get(operation);
      case "store":
        return this.storing(operation);
      case "arithmetic":
        return this.arithmetic(operation);
      case "delete":
        return this.delete(operation);
      case "touch":
        return this.touch(operation.key, operation.ttlS);
      case "flush":
        this.figures.cmd_flush++;
        this.store.flush(this.nowS + Math.max(0, operation.delayS), this.nowS);
        return flushed;
      case "stats":
        if (operation.reset === true) this.figures.reset();
        return { kind: "stats", stats: this.figures.stats(this.store) };
    }
  }

  /* ---- reading ------------------------------------------------------------------------------------------------------------- */

  private get(operation: CacheGet): CacheOutcome {
    const { store, nowS } = this;
    const { touchS, vivifyS, recacheS } = operation;
    let item = store.find(operation.key, nowS);
    this.figures.got(item !== 0, touchS !== undefined);
    const made = item === 0;
    if (made) {
      if (vivifyS === undefined) return missing;
      item = store.set(operation.key, nothing, 0, Infinity, nowS);
      this.figures.total_items++;
      if (operation.newCas !== undefined) store.setCas(item, operation.newCas);
    }
    const ttlBeforeS = store.expiresSOf(item) - nowS;
    if (made) store.setExpiry(item, this.expiry(vivifyS!));
    if (touchS !== undefined) store.setExpiry(item, this.expiry(touchS));
    const ttlS = store.expiresSOf(item) - nowS;
    const taken = store.isWon(item);
    const stale = store.isStale(item);
    let won = made;
    if (!won && !taken) won = (stale && operation.wins === true) || (recacheS !== undefined && ttlS < recacheS);
    if (won) store.setWon(item, true);
    const hit: CacheOutcome = {
      kind: "hit",
      value: operation.omitValue === true ? nothing : store.valueOf(item),
      bytes: store.valueBytesOf(item),
      flags: store.flagsOf(item),
      cas: store.casOf(item),
      ttlS,
      ttlBeforeS,
      fetched: store.wasFetched(item),
      idleS: nowS - store.accessedSOf(item),
      stale,
      won,
      taken,
      keyEncoded: store.isKeyEncoded(item),
    };
    if (operation.quietly !== true) store.use(item, nowS);
    return hit;
  }

  private touch(key: string, ttlS: number): CacheOutcome {
    const { store, nowS } = this;
    const item = store.find(key, nowS);
    this.figures.got(item !== 0, true);
    if (item === 0) return missing;
    store.setExpiry(item, this.expiry(ttlS));
    store.use(item, nowS);
    return touched;
  }

  /* ---- storing ------------------------------------------------------------------------------------------------------------- */

  private storing(operation: CacheStoring): CacheOutcome {
    this.figures.cmd_set++;
    const { store, nowS } = this;
    const item = store.find(operation.key, nowS);
    if (operation.mode === "append" || operation.mode === "prepend") return this.extend(item, operation);
    if (operation.mode === "add") {
      if (item === 0) return this.put(operation, this.expiry(operation.ttlS));
      store.use(item, nowS);
      return notStored;
    }
    const { compareCas } = operation;
    if (compareCas === undefined) {
      if (item === 0 && operation.mode === "replace") return notStored;
      return this.put(operation, this.expiry(operation.ttlS));
    }
    if (item === 0) {
      this.figures.cas_misses++;
      return missing;
    }
    const cas = store.casOf(item);
    if (compareCas === cas) {
      this.figures.cas_hits++;
      return this.put(operation, this.expiry(operation.ttlS));
    }
    if (operation.invalidate === true && compareCas !== 0 && compareCas < cas) return this.putStale(item, operation);
    this.figures.cas_badval++;
    return changed;
  }

  private put(operation: CacheStoring, expiresS: number): CacheOutcome {
    const { store, nowS } = this;
    const { key, value, newCas } = operation;
    const item = store.set(key, value, operation.flags, expiresS, nowS);
    if (item === 0) return this.refuse(key);
    this.figures.total_items++;
    if (newCas !== undefined) store.setCas(item, newCas);
    store.setKeyEncoded(item, operation.keyEncoded === true);
    return { kind: "stored", cas: newCas ?? store.casOf(item) };
  }

  /** What a value too large would have replaced must not be taken for it. */
  private refuse(key: string): CacheOutcome {
    this.figures.store_too_large++;
    const item = this.store.find(key, this.nowS);
    if (item !== 0) this.store.remove(item);
    return tooLarge;
  }

  /** The value comes from a client that had won before somebody invalidated the item again: better than the old one, and not yet good. */
  private putStale(item: number, operation: CacheStoring): CacheOutcome {
    const { store } = this;
    const taken = store.isWon(item);
    const outcome = this.put(operation, store.expiresSOf(item));
    if (outcome.kind !== "stored") return outcome;
    const stored = store.find(operation.key, this.nowS);
    if (stored !== 0) {
      store.setStale(stored, true);
      store.setWon(stored, taken);
    }
    return outcome;
  }

  private extend(item: number, operation: CacheStoring): CacheOutcome {
    const { store } = this;
    const { vivifyS, compareCas, value } = operation;
    if (item === 0) return vivifyS === undefined ? notStored : this.put(operation, this.expiry(vivifyS));
    if (compareCas !== undefined && compareCas !== 0 && compareCas !== store.casOf(item)) return changed;
    const oldBytes = store.valueBytesOf(item);
    const bytes = oldBytes + value.length;
    if (headerBytes + operation.key.length + bytes > store.maxItemBytes) return notStored;
    const whole = new Uint8Array(bytes);
    const behind = operation.mode === "append";
    store.readValue(item, whole, behind ? 0 : value.length);
    whole.set(value, behind ? oldBytes : 0);
    const keyEncoded = store.isKeyEncoded(item);
    return this.put({ ...operation, value: whole, flags: store.flagsOf(item), keyEncoded }, store.expiresSOf(item));
  }

  /* ---- numbers ------------------------------------------------------------------------------------------------------------- */

  private arithmetic(operation: CacheArithmetic): CacheOutcome {
    const { store, nowS } = this;
    const { key, compareCas, decrement } = operation;
    const item = store.find(key, nowS);
    if (item === 0) return this.begin(operation);
    if (compareCas !== undefined && compareCas !== 0 && compareCas !== store.casOf(item)) return changed;
    const old = store.valueOf(item);
    const number = numberIn(old);
    if (number === undefined) return notANumber;
    const { delta } = operation;
    const value = decrement ? (delta > number ? 0n : number - delta) : BigInt.asUintN(64, number + delta);
    if (decrement) this.figures.decr_hits++;
    else this.figures.incr_hits++;
    const expiresS = store.expiresSOf(item);
    const flags = store.flagsOf(item);
    const stale = store.isStale(item);
    const won = store.isWon(item);
    const fetched = store.wasFetched(item);
    const keyEncoded = store.isKeyEncoded(item);
    const text = paddedNumber(value, old.length);
    const stored = store.set(key, text, flags, expiresS, nowS);
    if (stored === 0) return notStored;
    store.setKeyEncoded(stored, keyEncoded);
    // A number that fits is written where the old one was: the item is the same.
    if (text.length === old.length) {
      store.setStale(stored, stale);
      store.setWon(stored, won);
      if (fetched) store.use(stored, nowS);
    }
    return this.counted(stored, value, expiresS - nowS, false, operation);
  }

  private begin(operation: CacheArithmetic): CacheOutcome {
    const { store, nowS } = this;
    const { vivifyS, initial = 0n } = operation;
    if (vivifyS === undefined) {
      if (operation.decrement) this.figures.decr_misses++;
      else this.figures.incr_misses++;
      return missing;
    }
    this.figures.total_items++;
    const item = store.set(operation.key, numberText(initial), 0, this.expiry(vivifyS), nowS);
    return this.counted(item, initial, Infinity, true, operation);
  }

  private counted(
    item: number,
    value: bigint,
    ttlBeforeS: number,
    made: boolean,
    { touchS, newCas }: CacheArithmetic,
  ): CacheOutcome {
    const { store } = this;
    if (newCas !== undefined) store.setCas(item, newCas);
    if (touchS !== undefined) store.setExpiry(item, this.expiry(touchS));
    return { kind: "counted", value, cas: store.casOf(item), ttlBeforeS, made };
  }

  /* ---- the rest ------------------------------------------------------------------------------------------------------------ */

  private delete(operation: CacheDelete): CacheOutcome {
    const { store, nowS } = this;
    const { compareCas, touchS, newCas } = operation;
    const item = store.find(operation.key, nowS);
    if (item === 0) {
      this.figures.delete_misses++;
      return missing;
    }
    if (compareCas !== undefined && compareCas !== store.casOf(item)) {
      this.figures.delete_misses++;
      return changed;
    }
    if (operation.invalidate !== true) {
      this.figures.delete_hits++;
      store.remove(item);
      return deleted;
    }
    if (touchS !== undefined) store.setExpiry(item, this.expiry(touchS));
    store.setStale(item, true);
    store.setWon(item, false);
    store.setCas(item, newCas ?? store.nextCas());
    return deleted;
  }

  private expiry(ttlS: number): number {
    return ttlS > 0 ? this.nowS + ttlS : 0;
  }
}
