/**
 * A quantile of the last so many values, kept up to date in a few steps a value.
 *
 *     ring     bucket of each of the last `window` values; the newest replaces the oldest
 *     counts   values a bucket
 *     at       the bucket that holds the quantile, moved a little after each value; `below` counts what lies under it
 *
 * Buckets are as HDR histograms have them: exact below 32, then 32 to an octave, so a figure is too large by at most 1/32 of
 * itself and never too small. Nothing is random and nothing depends on when it is asked, so a run can be replayed.
 */
const perOctave = 32;
const mostValue = 2 ** 31 - 1;
const buckets = 27 * perOctave;

export class RunningQuantile {
  private readonly quantile: number;
  private readonly ring: Uint16Array;
  private readonly counts = new Uint32Array(buckets);
  private added = 0;
  private at = 0;
  private below = 0;

  /** @throws RangeError unless 0 < quantile <= 1 and window is a whole number from 1 to 65,536 */
  constructor(quantile: number, window: number) {
    if (!(quantile > 0 && quantile <= 1))
      throw new RangeError(`quantile: got ${quantile}, expected above 0, at most 1`);
    if (!Number.isInteger(window) || window < 1 || window > 65_536) {
      throw new RangeError(`window: got ${window}, expected a whole number from 1 to 65,536`);
    }
    this.quantile = quantile;
    this.ring = new Uint16Array(window);
  }

  /** Values that count. */
  get size(): number {
    return Math.min(this.added, this.ring.length);
  }

  /** A whole number of at least 0; larger ones than 2^31 - 1 count as that. */
  add(value: number): void {
    const bucket = bucketOf(Math.min(mostValue, value));
    const place = this.added % this.ring.length;
    if (this.added >= this.ring.length) this.change(this.ring[place], -1);
    this.ring[place] = bucket;
    this.change(bucket, 1);
    this.added++;
    this.move();
  }

  /** The smallest value that `quantile` of the window does not exceed, at most 1/32 too large; 0 of no values. */
  value(): number {
    return this.added === 0 ? 0 : upperEnd(this.at);
  }

  private change(bucket: number, by: 1 | -1): void {
    this.counts[bucket] += by;
    if (bucket < this.at) this.below += by;
  }

  /** Invariant afterwards: below < rank <= below + counts[at]. */
  private move(): void {
    const rank = Math.max(1, Math.ceil(this.quantile * this.size - 1e-9));
    while (this.below >= rank) this.below -= this.counts[--this.at];
    while (this.below + this.counts[this.at] < rank) this.below += this.counts[this.at++];
  }
}

function bucketOf(value: number): number {
  if (value < perOctave) return value;
  const shift = 26 - Math.clz32(value);
  return shift * perOctave + (value >>> shift);
}

function upperEnd(bucket: number): number {
  if (bucket < perOctave) return bucket;
  const shift = Math.floor(bucket / perOctave) - 1;
  return (bucket - shift * perOctave + 1) * 2 ** shift - 1;
}
