/**
 * From what runs tell to what the live view shows. It observes the suite, adds up the news of each run, and tells a listener
 * states and frames. It looks at no clock: a second is what the news say, so virtual seconds are shown as they are.
 *
 * News of several generator threads come one after another; a frame waits until each has spoken, so that a rate is the load's.
 */
import { Histogram } from "../measure/histogram.ts";
import type { Outcome } from "../measure/interval-kinds.ts";
import type { Recorder, RecorderParts } from "../measure/recorder.ts";
import type { Snapshot } from "../slice-task.ts";
import type { RunItem, SuiteObserver, WatchedPlan } from "../suite-types.ts";
import type { LiveFrame, LiveMessage, LiveRun, LiveSeries, Percentiles } from "./live-frame.ts";

export class LiveWatch {
  readonly observer: SuiteObserver;
  private readonly title: string;
  private readonly tell: (message: LiveMessage) => void;
  private planned = 0;
  private ended = 0;
  /** More than ended where a run was void. */
  private begun = 0;
  private run: LiveRun | null = null;
  private book: RunBook | null = null;
  /** Of the runs that are over: what is scraped never goes back. */
  private readonly totals = new Map<string, KindTotal>();

  constructor(title: string, tell: (message: LiveMessage) => void) {
    this.title = title;
    this.tell = tell;
    this.observer = {
      onPlan: (items) => {
        this.planned = items.length;
        this.tellState("running");
      },
      watchRun: (item, plan) => this.watch(item, plan),
      onRunEnd: () => {
        this.ended++;
        this.tellState("running");
      },
    };
  }

  finish(): void {
    this.tellState("finished");
    this.tell({ kind: "end" });
  }

  private watch(item: RunItem, plan: WatchedPlan) {
    const { experiment, tank, design, round } = item;
    this.close();
    this.run = { number: ++this.begun, experiment, tank, design, round: round + 1, ...plan };
    this.tellState("running");
    return {
      onNews: (slice: number, news: Snapshot) => this.onNews(slice, news),
      onRecorded: (_startedAt: string, recorder: Recorder) => this.onRecorded(recorder),
    };
  }

  private onNews(slice: number, news: Snapshot): void {
    if (this.run === null) return;
    this.book ??= new RunBook(this.run);
    const frames = this.book.add(slice, news);
    const series = frames.length === 0 ? [] : seriesOf(this.series(this.book));
    for (const frame of frames) this.tell({ kind: "frame", frame, series });
  }

  /** The last part of the run was in no news, so the whole takes their place. A run that is repeated begins a new book. */
  private onRecorded(recorder: Recorder): void {
    if (this.run === null) return;
    this.book = new RunBook(this.run);
    const frame = this.book.whole(recorder);
    this.tell({ kind: "frame", frame, series: seriesOf(this.series(this.book)) });
    this.close();
  }

  /** A void run has no whole; what was told of it stays counted all the same. */
  private close(): void {
    if (this.book !== null) for (const [key, total] of this.series(this.book)) this.totals.set(key, total);
    this.book = null;
  }

  private series(book: RunBook): Map<string, KindTotal> {
    const told = new Map<string, KindTotal>();
    for (const [key, of, latency] of book.kindsOf()) {
      const sum = new Histogram();
      const before = this.totals.get(key);
      if (before !== undefined) sum.merge(before.latency);
      sum.merge(latency);
      told.set(key, { of, latency: sum });
    }
    return told;
  }

  private tellState(status: "running" | "finished"): void {
    const { title, planned, ended, run } = this;
    this.tell({ kind: "state", state: { title, status, planned, ended, run } });
  }
}

type SeriesName = Omit<LiveSeries, "count" | "sumS" | "quantiles">;

interface KindTotal {
  readonly of: SeriesName;
  readonly latency: Histogram;
}

function seriesOf(totals: Map<string, KindTotal>): LiveSeries[] {
  return Array.from(totals.values(), ({ of, latency }) => {
    const { count, mean } = latency;
    const quantiles = [0.5, 0.9, 0.99, 0.999].map((q): [number, number] => [q, latency.quantile(q) / 1e6]);
    return { ...of, count, sumS: (mean * count) / 1e6, quantiles };
  });
}

/** The sums of one run. */
class RunBook {
  private readonly run: LiveRun;
  private readonly untilUs = new Map<number, number>();
  private readonly kinds = new Map<string, { outcome: Outcome; operation: string; code: string; latency: Histogram }>();
  private latest = new Histogram();
  private readonly soFar = new Histogram();
  private readonly lateness = new Histogram();
  private offered = 0;
  private offeredBefore = 0;
  private dropped = 0;
  private readonly counts: Record<Outcome, number> = { ok: 0, refused: 0, unknown: 0 };
  private countsBefore = { ...this.counts };
  private atS = 0;
  /** Threads that have spoken since the last frame. */
  private readonly spoken = new Set<number>();
  private allKnown = false;

  constructor(run: LiveRun) {
    this.run = run;
  }

  /** None until every thread has spoken again. How many there are is known when the first speaks for the second time. */
  add(slice: number, { untilUs, recorder }: Snapshot): LiveFrame[] {
    const frames: LiveFrame[] = [];
    if (this.spoken.has(slice)) {
      this.allKnown = true;
      frames.push(this.frameOfRound());
    }
    this.untilUs.set(slice, untilUs);
    this.count(recorder);
    this.spoken.add(slice);
    if (this.allKnown && this.spoken.size === this.untilUs.size) frames.push(this.frameOfRound());
    return frames;
  }

  private frameOfRound(): LiveFrame {
    this.spoken.clear();
    return this.frame(Math.max(...this.untilUs.values()) / 1e6);
  }

  /** The run's last frame: of all of it, at its end. */
  whole(recorder: Recorder): LiveFrame {
    this.count(recorder.parts());
    return { ...this.frame(this.run.totalS), whole: true };
  }

  *kindsOf(): Generator<[key: string, of: SeriesName, latency: Histogram]> {
    const { experiment, tank, design } = this.run;
    for (const [name, { operation, outcome, code, latency }] of this.kinds) {
      const key = JSON.stringify([experiment, tank, design, name]);
      yield [key, { experiment, tank, design, operation, outcome, code }, latency];
    }
  }

  private count({ totals, intervals, lateness }: RecorderParts): void {
    this.offered += totals.planned;
    this.dropped += totals.dropped;
    for (const outcome of ["ok", "refused", "unknown"] as const) this.counts[outcome] += totals[outcome];
    this.lateness.merge(Histogram.decode(lateness));
    for (const { operation, outcome, code, latency: encoded } of intervals ?? []) {
      const latency = Histogram.decode(encoded);
      const name = JSON.stringify([operation, outcome, code]);
      let kind = this.kinds.get(name);
      if (kind === undefined) {
        kind = { operation, outcome, code, latency: new Histogram() };
        this.kinds.set(name, kind);
      }
      kind.latency.merge(latency);
      if (outcome !== "ok") continue;
      this.latest.merge(latency);
      this.soFar.merge(latency);
    }
  }

  private frame(atS: number): LiveFrame {
    const overS = Math.max(1e-3, atS - this.atS);
    const rateOf = (now: number, before: number): number => Math.max(0, now - before) / overS;
    const { counts, countsBefore } = this;
    const frame: LiveFrame = {
      run: this.run.number,
      atS,
      overS,
      rate: {
        offered: rateOf(this.offered, this.offeredBefore),
        ok: rateOf(counts.ok, countsBefore.ok),
        refused: rateOf(counts.refused, countsBefore.refused),
        unknown: rateOf(counts.unknown, countsBefore.unknown),
      },
      latest: percentiles(this.latest),
      soFar: percentiles(this.soFar),
      outcomes: this.outcomes(),
      lateP99Ms: this.lateness.count === 0 ? null : this.lateness.quantile(0.99) / 1_000,
      dropped: this.dropped,
      faults: this.run.faults.filter(({ fromS, toS }) => fromS <= atS && atS - overS < toS).map(({ label }) => label),
    };
    this.atS = atS;
    this.offeredBefore = this.offered;
    this.countsBefore = { ...counts };
    this.latest = new Histogram();
    return frame;
  }

  private outcomes(): Record<string, number> {
    const outcomes: Record<string, number> = {};
    for (const { outcome, code, latency } of this.kinds.values()) {
      const name = code === "" ? outcome : `${outcome}: ${code}`;
      outcomes[name] = (outcomes[name] ?? 0) + latency.count;
    }
    return outcomes;
  }
}

function percentiles(latency: Histogram): Percentiles {
  const at = (q: number): number | null => (latency.count === 0 ? null : latency.quantile(q) / 1_000);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}
