/**
 * What a run counts while it happens. One recorder a slice; recorders of slices merge into the run's.
 *
 * Two clocks cut the figures. *Shares and percentiles* belong to operations whose intended start lies in the measured window
 * [warmUpUs, forUs). *Throughput* counts operations that ended inside that window, whenever they were meant to start: work
 * finished while draining a queue after the load is no throughput. The timeline shows everything, warm-up and drain included.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { second } from "../../backend/kernel/units.ts";
import type { OperationResult, Timeline } from "../results.ts";
import { Histogram } from "./histogram.ts";
import { latencyMap } from "./latency-map.ts";
import { timelineInterval } from "./interval.ts";
import { IntervalKinds, type KindCell } from "./interval-kinds.ts";

export interface RecorderPlan {
  /** Arrivals happen in [0, forUs). */
  readonly forUs: Micros;
  readonly warmUpUs: Micros;
  /** An ok operation counts as good when it took no longer than this from its intended start. */
  readonly goodWithinUs?: Micros;
  /** Latencies are also kept by interval, operation and outcome: for interval logs and live views. */
  readonly byKind?: boolean;
}

/** One finished operation. Times are microseconds since the load began. */
export interface Ending {
  readonly kind: "ok" | "refused" | "unknown";
  readonly code: string;
  readonly intendedUs: Micros;
  /** The last attempt's send; for an operation that never left the client, its end. */
  readonly sentUs: Micros;
  readonly endUs: Micros;
}

/** Counts of one operation kind over its measured window. */
export interface Tally {
  readonly name: string;
  offered: number;
  ok: number;
  attempts: number;
  /** Inside the window by their end. */
  okEnded: number;
  goodEnded: number;
  /** Of `ok`, those within `goodWithinUs`. */
  good: number;
  readonly refused: Map<string, number>;
  readonly unknown: Map<string, number>;
  readonly latency: Histogram;
  readonly service: Histogram;
}

interface Row {
  offered: number;
  ok: number;
  refused: number;
  unknown: number;
  attempts: number;
  latency: Histogram | null;
}

/** A recorder as plain data, for another thread. */
export interface RecorderParts {
  readonly tallies: readonly (Omit<Tally, "latency" | "service"> & {
    readonly latency: string;
    readonly service: string;
  })[];
  readonly rows: readonly (Omit<Row, "latency"> & { readonly latency: string | null })[];
  readonly lateness: string;
  readonly totals: Totals;
  /** Where the plan asks for it. */
  readonly intervals?: readonly KindCell[];
}

/** Over the whole run, warm-up and drain included: what a progress line shows. */
export interface Totals {
  /** Operations whose time came. */
  planned: number;
  /** Operations given to a target, or refused by the client's own breaker. */
  sent: number;
  /** Operations whose time came and that were never begun, because the generator was full or stopped. */
  dropped: number;
  ok: number;
  refused: number;
  unknown: number;
  /** Answers to attempts given up before: ignored, but they cost the backend. */
  lateAnswers: number;
}

export class Recorder {
  readonly plan: RecorderPlan;
  readonly intervalUs: Micros;
  readonly lateness = new Histogram();
  readonly totals: Totals = { planned: 0, sent: 0, dropped: 0, ok: 0, refused: 0, unknown: 0, lateAnswers: 0 };
  /** Null unless the plan asks for it. */
  readonly intervals: IntervalKinds | null;
  private readonly rows: Row[] = [];
  private readonly tallies: Tally[] = [];
  private readonly numbers = new Map<string, number>();

  constructor(plan: RecorderPlan) {
    this.plan = plan;
    this.intervalUs = timelineInterval(plan.forUs);
    this.intervals = plan.byKind === true ? new IntervalKinds() : null;
  }

  /** The number under which an operation's name is counted. */
  operation(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.tallies.length;
    this.numbers.set(name, number);
    this.tallies.push({
      name,
      offered: 0,
      ok: 0,
      attempts: 0,
      okEnded: 0,
      goodEnded: 0,
      good: 0,
      refused: new Map(),
      unknown: new Map(),
      latency: new Histogram(),
      service: new Histogram(),
    });
    return number;
  }

  /** An operation's time has come. `lateUs`: how long after it could first have been sent it was. */
  began(operation: number, intendedUs: Micros, lateUs: Micros): void {
    this.totals.planned++;
    this.totals.sent++;
    this.lateness.record(lateUs);
    this.row(intendedUs).offered++;
    if (this.inWindow(intendedUs)) this.tallies[operation].offered++;
  }

  dropped(operation: number, intendedUs: Micros): void {
    this.totals.planned++;
    this.totals.dropped++;
    this.row(intendedUs).offered++;
    if (this.inWindow(intendedUs)) this.tallies[operation].offered++;
  }

  attempted(operation: number, intendedUs: Micros, nowUs: Micros): void {
    this.row(nowUs).attempts++;
    if (this.inWindow(intendedUs)) this.tallies[operation].attempts++;
  }

  ended(operation: number, ending: Ending): void {
    const tally = this.tallies[operation];
    const row = this.row(ending.endUs);
    const measured = this.inWindow(ending.intendedUs);
    this.totals[ending.kind]++;
    row[ending.kind]++;
    if (this.intervals !== null) {
      const { kind, code, intendedUs, endUs } = ending;
      this.intervals.record(this.rowNumber(endUs), tally.name, kind, code, endUs - intendedUs);
    }
    if (ending.kind !== "ok") {
      if (measured) count(tally[ending.kind], ending.code, 1);
      return;
    }
    const latencyUs = ending.endUs - ending.intendedUs;
    const good = latencyUs <= (this.plan.goodWithinUs ?? Infinity);
    row.latency ??= new Histogram(2);
    row.latency.record(latencyUs);
    if (this.inWindow(ending.endUs)) {
      tally.okEnded++;
      if (good) tally.goodEnded++;
    }
    if (!measured) return;
    tally.ok++;
    if (good) tally.good++;
    tally.latency.record(latencyUs);
    tally.service.record(ending.endUs - ending.sentUs);
  }

  lateAnswer(): void {
    this.totals.lateAnswers++;
  }

  /** Length of the measured window in seconds. */
  get windowS(): number {
    return (this.plan.forUs - this.plan.warmUpUs) / second;
  }

  /** Every operation kind that was asked for, in order of name. */
  byOperation(): readonly Tally[] {
    return this.tallies.filter((tally) => tally.offered > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  operations(): OperationResult[] {
    return this.byOperation().map((tally) => ({
      operation: tally.name,
      ok: tally.ok,
      refused: Object.fromEntries(tally.refused),
      unknown: Object.fromEntries(tally.unknown),
      attempts: tally.attempts,
      latency: tally.latency.encode(),
      service: tally.service.encode(),
    }));
  }

  timeline(): Timeline {
    const intervalS = this.intervalUs / second;
    const ms = (row: Row, q: number): number | null => (row.latency === null ? null : row.latency.quantile(q) / 1_000);
    const full = Array.from(this.rows, (row) => row ?? emptyRow());
    return {
      intervalS,
      atS: full.map((_, i) => (i * this.intervalUs) / second),
      offered: full.map((row) => row.offered),
      ok: full.map((row) => row.ok),
      refused: full.map((row) => row.refused),
      unknown: full.map((row) => row.unknown),
      attempts: full.map((row) => row.attempts),
      p50Ms: full.map((row) => ms(row, 0.5)),
      p99Ms: full.map((row) => ms(row, 0.99)),
      latencies: latencyMap(full.map((row) => row.latency)),
    };
  }

  parts(): RecorderParts {
    return {
      tallies: this.tallies.map((tally) => ({
        ...tally,
        latency: tally.latency.encode(),
        service: tally.service.encode(),
      })),
      rows: Array.from(this.rows, (row) => ({
        ...(row ?? emptyRow()),
        latency: row === undefined || row.latency === null ? null : row.latency.encode(),
      })),
      lateness: this.lateness.encode(),
      totals: { ...this.totals },
      ...(this.intervals === null ? {} : { intervals: this.intervals.parts() }),
    };
  }

  /** Adds what another slice of the same run recorded. */
  merge(parts: RecorderParts): void {
    for (const theirs of parts.tallies) {
      const ours = this.tallies[this.operation(theirs.name)];
      for (const name of ["offered", "ok", "attempts", "okEnded", "goodEnded", "good"] as const)
        ours[name] += theirs[name];
      for (const [code, n] of theirs.refused) count(ours.refused, code, n);
      for (const [code, n] of theirs.unknown) count(ours.unknown, code, n);
      ours.latency.merge(Histogram.decode(theirs.latency));
      ours.service.merge(Histogram.decode(theirs.service));
    }
    parts.rows.forEach((theirs, i) => {
      const ours = this.row(i * this.intervalUs);
      for (const name of ["offered", "ok", "refused", "unknown", "attempts"] as const) ours[name] += theirs[name];
      if (theirs.latency === null) return;
      ours.latency ??= new Histogram(2);
      ours.latency.merge(Histogram.decode(theirs.latency));
    });
    this.intervals?.merge(parts.intervals ?? []);
    this.lateness.merge(Histogram.decode(parts.lateness));
    for (const name of Object.keys(this.totals) as (keyof Totals)[]) this.totals[name] += parts.totals[name];
  }

  private inWindow(us: Micros): boolean {
    return us >= this.plan.warmUpUs && us < this.plan.forUs;
  }

  private rowNumber(us: Micros): number {
    return Math.max(0, Math.floor(us / this.intervalUs));
  }

  private row(us: Micros): Row {
    const i = this.rowNumber(us);
    while (this.rows.length <= i) this.rows.push(emptyRow());
    return this.rows[i];
  }
}

function emptyRow(): Row {
  return { offered: 0, ok: 0, refused: 0, unknown: 0, attempts: 0, latency: null };
}

function count(into: Map<string, number>, code: string, by: number): void {
  into.set(code, (into.get(code) ?? 0) + by);
}
