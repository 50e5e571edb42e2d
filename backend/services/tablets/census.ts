/**
 * How much a tablet holds, counted by its leader a piece at a time: a split leaves both halves with counts that nobody knows, and a count
 * kept with every write would cost more than a walk now and then.
 */
import type { Store, StoreKey } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import { endOfKeys, rowBytes, rowPrefix } from "../../protocols/tablets/tablet.ts";

export interface Count {
  readonly rows: number;
  readonly bytes: number;
  /** Halves the rows; null when there are too few. */
  readonly middle: StoreKey | null;
}

const pieceRows = 1_024;
/** Every so many rows one is remembered, to find the middle. */
const sampleEvery = 16;
const pauseUs: Micros = second;

export class Census {
  last: Count | undefined;
  private cursor: StoreKey = "";
  private rows = 0;
  private bytes = 0;
  private samples: StoreKey[] = [];
  private restUntil: Micros = 0;

  /** The range is another: what was counted is not it. */
  restart(): void {
    this.last = undefined;
    this.begin();
  }

  /** Counts the next piece. @param store the tablet's own */
  step(store: Store, statePrefix: StoreKey, now: Micros): void {
    if (now < this.restUntil) return;
    const prefix = statePrefix + rowPrefix;
    let visited = 0;
    let next: StoreKey | undefined;
    store.scan(prefix + this.cursor, prefix + endOfKeys, (key, value) => {
      if (visited === pieceRows) {
        next = key.slice(prefix.length);
        return false;
      }
      visited++;
      if (this.rows % sampleEvery === 0) this.samples.push(key.slice(prefix.length));
      this.rows++;
      this.bytes += rowBytes(key, value);
      return true;
    });
    if (next !== undefined) {
      this.cursor = next;
      return;
    }
    const { rows, bytes, samples } = this;
    this.last = { rows, bytes, middle: samples.length < 2 ? null : samples[samples.length >> 1] };
    this.begin();
    this.restUntil = now + pauseUs;
  }

  private begin(): void {
    this.cursor = "";
    this.rows = 0;
    this.bytes = 0;
    this.samples = [];
    this.restUntil = 0;
  }
}
