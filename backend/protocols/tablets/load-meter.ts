/**
 * What one tablet was asked lately, as its leader saw it: how often, and for which keys. Keys are sampled into a ring, so that the key
 * which halves the load can be told from the load itself and not from where rows lie (DynamoDB, USENIX ATC 2022, section 4: split for
 * consumption at the observed key distribution).
 *
 *     samples, oldest first     [ q c c x b | c d a c z ]
 *                                 earlier     later        a key that halves both halves them still; one that halves only the sum follows a
 *                                                          load that walks through the keys, and would be behind it soon
 */
import type { StoreKey } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";

const sampleCount = 256;
/** Fewer say nothing about where the load is. */
const samplesNeeded = 64;
/** The busier side may have this share of the load, in all and in each half of the samples; else the split is not worth it. */
const largestShare = 0.75;

export class LoadMeter {
  private readonly windowUs: Micros;
  private samples: StoreKey[] = [];
  private next = 0;
  /** Operations in this window and the one before. */
  private current = 0;
  private previous = 0;
  private windowFrom: Micros;
  /** What came before was of another range. */
  private since: Micros;

  constructor(windowUs: Micros, now: Micros) {
    this.windowUs = windowUs;
    this.windowFrom = now;
    this.since = now;
  }

  onOperation(key: StoreKey, now: Micros): void {
    this.roll(now);
    this.current++;
    if (this.samples.length < sampleCount) this.samples.push(key);
    else this.samples[this.next] = key;
    this.next = (this.next + 1) % sampleCount;
  }

  /** Operations a second over one to two windows, or since there was a range to count for. */
  perSecond(now: Micros): number {
    this.roll(now);
    const whole = this.windowUs + (now - this.windowFrom);
    const us = Math.min(whole, Math.max(now - this.since, this.windowUs / 4));
    return ((this.current + this.previous) * 1_000_000) / us;
  }

  /**
   * The key that halves the load. Undefined when none does: too little was seen, one key has most of it (a split cannot help a single hot
   * key), or the load moves on through the keys.
   */
  halvingKey(): StoreKey | undefined {
    const { samples } = this;
    if (samples.length < samplesNeeded) return undefined;
    const sorted = [...samples].sort((a, b) => (a < b ? -1 : Number(a > b)));
    const middle = sorted[sorted.length >> 1];
    const before = shareBelow(samples, middle);
    // The median key itself may be the hot one: then the cut behind it can be the better one.
    const behind = sorted.find((key) => key > middle);
    const key =
      behind !== undefined && Math.abs(shareBelow(samples, behind) - 0.5) < Math.abs(before - 0.5) ? behind : middle;
    const start = samples.length < sampleCount ? 0 : this.next;
    const ordered = [...samples.slice(start), ...samples.slice(0, start)];
    const half = ordered.length >> 1;
    const isEven = (part: readonly StoreKey[]): boolean => {
      const share = shareBelow(part, key);
      return Math.max(share, 1 - share) <= largestShare;
    };
    return isEven(ordered) && isEven(ordered.slice(0, half)) && isEven(ordered.slice(half)) ? key : undefined;
  }

  /** Forgets what it saw: the range is another. */
  reset(now: Micros): void {
    this.samples = [];
    this.next = 0;
    this.current = 0;
    this.previous = 0;
    this.windowFrom = now;
    this.since = now;
  }

  private roll(now: Micros): void {
    const windows = Math.floor((now - this.windowFrom) / this.windowUs);
    if (windows === 0) return;
    this.previous = windows === 1 ? this.current : 0;
    this.current = 0;
    this.windowFrom += windows * this.windowUs;
    // What nobody asks for any more says nothing about a load that is to come.
    if (windows > 1) this.samples = [];
    if (windows > 1) this.next = 0;
  }
}

function shareBelow(keys: readonly StoreKey[], key: StoreKey): number {
  let below = 0;
  for (const sample of keys) if (sample < key) below++;
  return below / keys.length;
}
