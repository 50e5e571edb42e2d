/**
 * Latencies in whole microseconds, 1 us to 24 h, kept to three significant digits by HdrHistogram. This is all the rest of the
 * project knows of that library: values go in, quantiles come out, and files hold HDR V2 in base64, which every HdrHistogram
 * port reads and which merges without loss.
 *
 * Quantiles follow HdrHistogram: the highest value equivalent to the smallest one that at least a share q is not above.
 */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram as Hdr } from "hdr-histogram-js";
import type { Micros } from "../../backend/kernel/units.ts";

const dayUs = 86_400_000_000;

/** Fewer samples than this beyond a quantile say nothing about it. */
export const samplesBeyond = 10;

interface Walk {
  reset(): void;
  hasNext(): boolean;
  next(): { readonly valueIteratedTo: number; readonly countAddedInThisIterationStep: number };
}

export class Histogram {
  private readonly hdr: Hdr;
  /** Exact where recorded; a decoded histogram knows its bucket's upper edge. */
  private largest = 0;

  /** Two digits (1 %) make a histogram eight times smaller: enough for one row of a timeline. */
  constructor(digits: 2 | 3 = 3) {
    this.hdr = build({
      bitBucketSize: 32,
      autoResize: true,
      highestTrackableValue: 2,
      numberOfSignificantValueDigits: digits,
    });
  }

  static decode(base64: string): Histogram {
    const histogram = new Histogram();
    const stored = decodeFromCompressedBase64(base64, 32);
    if (stored.totalCount > 0) histogram.hdr.add(stored);
    histogram.largest = stored.maxValue;
    return histogram;
  }

  get count(): number {
    return this.hdr.totalCount;
  }

  /** Microseconds; 0 when empty. */
  get mean(): number {
    return this.count === 0 ? 0 : this.hdr.mean;
  }

  get max(): Micros {
    return this.largest;
  }

  record(us: Micros): void {
    const value = us <= 0 ? 0 : us >= dayUs ? dayUs : Math.round(us);
    this.hdr.recordValue(value);
    if (value > this.largest) this.largest = value;
  }

  /** Microseconds at quantile `q` in [0, 1]; 0 when empty. */
  quantile(q: number): Micros {
    if (this.count === 0) return 0;
    return Math.min(this.largest, this.hdr.getValueAtPercentile(q * 100));
  }

  /** Adds the other's samples to these. */
  merge(other: Histogram): void {
    if (other.count === 0) return;
    this.hdr.add(other.hdr);
    this.largest = Math.max(this.largest, other.largest);
  }

  /** How many samples lie in [10^(b / perDecade), 10^((b + 1) / perDecade)) microseconds, for every whole b that has any, in order. */
  logBuckets(perDecade: number): [number, number][] {
    const buckets = new Map<number, number>();
    // Every histogram here is the library's own JavaScript one, which can be walked; its common type does not say so.
    const walk = (this.hdr as unknown as { recordedValuesIterator: Walk }).recordedValuesIterator;
    walk.reset();
    while (walk.hasNext()) {
      const { valueIteratedTo, countAddedInThisIterationStep } = walk.next();
      const bucket = Math.floor(Math.log10(Math.max(1, valueIteratedTo)) * perDecade + 1e-9);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + countAddedInThisIterationStep);
    }
    return [...buckets];
  }

  /** HDR V2, compressed, base64. */
  encode(): string {
    return encodeIntoCompressedBase64(this.hdr);
  }

  /**
   * Points [quantile, microseconds] for an axis of nines: evenly spaced in -log10(1 - q), `perNine` to a nine, cut where fewer
   * than ten samples lie beyond. The cut is the honest end of the curve; the maximum is a single sample and is reported apart.
   */
  curve(perNine = 20): [number, Micros][] {
    const points: [number, Micros][] = [];
    if (this.count <= samplesBeyond) return points;
    const nines = Math.log10(this.count / samplesBeyond);
    const steps = Math.floor(nines * perNine + 1e-9);
    for (let i = 0; i <= steps; i++) {
      const q = 1 - 10 ** (-i / perNine);
      points.push([q, this.quantile(q)]);
    }
    return points;
  }
}
