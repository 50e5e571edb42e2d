/**
 * Latencies by interval of the timeline and by kind, a kind being an operation and how it ended. What an interval log or a live
 * view needs; the run's own figures do not, so a recorder keeps it only when its plan says so.
 *
 * Memory is bounded by intervals times kinds, whatever the number of operations: about 2 KB a cell at two digits. Recording is
 * two look-ups and one count.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { Histogram } from "./histogram.ts";

export type Outcome = "ok" | "refused" | "unknown";

export interface Kind {
  readonly operation: string;
  readonly outcome: Outcome;
  /** Empty when ok. */
  readonly code: string;
}

/** One histogram as plain data. */
export interface KindCell extends Kind {
  /** Number of the interval, from 0. */
  readonly row: number;
  /** HDR V2, base64. */
  readonly latency: string;
}

export class IntervalKinds {
  readonly kinds: Kind[] = [];
  /** By interval, then by number of the kind; holes where nothing ended. */
  private readonly cells: Histogram[][] = [];
  /** Number of a kind: by operation, outcome and code. */
  private readonly numbers = new Map<string, Record<Outcome, Map<string, number>>>();

  record(row: number, operation: string, outcome: Outcome, code: string, latencyUs: Micros): void {
    this.cell(row, this.kind(operation, outcome, code)).record(latencyUs);
  }

  /** In order of interval, then of first appearance. */
  *each(): Generator<{ readonly row: number; readonly kind: Kind; readonly latency: Histogram }> {
    for (let row = 0; row < this.cells.length; row++) {
      const cells = this.cells[row] ?? [];
      for (let number = 0; number < cells.length; number++) {
        const latency = cells[number];
        if (latency !== undefined) yield { row, kind: this.kinds[number], latency };
      }
    }
  }

  parts(): KindCell[] {
    return Array.from(this.each(), ({ row, kind, latency }) => ({ ...kind, row, latency: latency.encode() }));
  }

  merge(parts: readonly KindCell[]): void {
    for (const { row, operation, outcome, code, latency } of parts)
      this.cell(row, this.kind(operation, outcome, code)).merge(Histogram.decode(latency));
  }

  private kind(operation: string, outcome: Outcome, code: string): number {
    let byOutcome = this.numbers.get(operation);
    if (byOutcome === undefined) {
      byOutcome = { ok: new Map(), refused: new Map(), unknown: new Map() };
      this.numbers.set(operation, byOutcome);
    }
    const known = byOutcome[outcome].get(code);
    if (known !== undefined) return known;
    const number = this.kinds.length;
    byOutcome[outcome].set(code, number);
    this.kinds.push({ operation, outcome, code });
    return number;
  }

  private cell(row: number, kind: number): Histogram {
    const cells = (this.cells[row] ??= []);
    return (cells[kind] ??= new Histogram(2));
  }
}
