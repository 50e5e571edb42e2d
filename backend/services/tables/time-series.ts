/**
 * Figures counted by time and by something else (a partition, a node), kept flat: value [bin * width + column]. Only the first
 * `mostBins` bins are kept, so that a server that runs for weeks does not remember every second of them.
 */
import type { Micros } from "../../kernel/units.ts";

const mostBins = 3_600;

export class TimeSeries {
  readonly values: number[] = [];
  private readonly width: number;
  private readonly binUs: Micros;

  constructor(width: number, binUs: Micros) {
    this.width = width;
    this.binUs = binUs;
  }

  /** `now` is on the node's clock, so bins of different nodes line up as their clocks do. */
  add(now: Micros, column: number, amount: number): void {
    const bin = Math.floor(now / this.binUs);
    if (bin >= mostBins || amount === 0) return;
    const index = bin * this.width + column;
    while (this.values.length <= index) this.values.push(0);
    this.values[index] += amount;
  }
}
