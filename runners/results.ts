/**
 * The results file: what a run leaves behind, and all that a report knows. Versioned; the JSON Schema that `wavetank report`
 * validates against and that other tools can read is this very object. Histograms are HdrHistogram V2, base64, in microseconds,
 * so that files from many runs and machines merge without loss.
 */
import { Type, type Static } from "typebox";

export const schemaVersion = "wavetank.results/1";

const text = Type.String();
const number = Type.Number();
const numbers = Type.Array(number);
const scalar = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);

/** A figure with its interval. `level` is the confidence level, `method` how the interval was made, `n` the sampling units. */
export const EstimateSchema = Type.Object({
  value: number,
  low: number,
  high: number,
  level: number,
  n: Type.Integer(),
  method: text,
});

export const ClaimStatusSchema = Type.Union([
  Type.Literal("held"),
  Type.Literal("failed"),
  /** Too few runs, or an interval that includes the boundary. */
  Type.Literal("undecided"),
]);

export const ClaimSchema = Type.Object({
  text,
  expected: text,
  measured: text,
  status: ClaimStatusSchema,
  estimate: Type.Optional(EstimateSchema),
});

/** One operation kind of one run. Latency counts from the intended start, service time from the actual send. */
export const OperationSchema = Type.Object({
  operation: text,
  ok: Type.Integer(),
  refused: Type.Record(text, Type.Integer()),
  unknown: Type.Record(text, Type.Integer()),
  /** Attempts sent, retries included. */
  attempts: Type.Integer(),
  /** HDR V2 base64 of ok operations, microseconds from the intended start. */
  latency: text,
  /** HDR V2 base64 of ok operations, microseconds from the last attempt's send: the uncorrected figure. */
  service: text,
});

/**
 * How many ok operations ended in each row of a timeline with a latency in each bucket. Bucket b of a row's counts, from 0, holds
 * latencies in [10^((first + b) / perDecade), 10^((first + b + 1) / perDecade)) microseconds; zeros at a row's end are left out.
 */
export const LatencyMapSchema = Type.Object({
  perDecade: Type.Integer(),
  first: Type.Integer(),
  counts: Type.Array(Type.Array(Type.Integer())),
});

/** One row a second (or a fraction of one: `intervalS`), every array of equal length. */
export const TimelineSchema = Type.Object({
  intervalS: number,
  atS: numbers,
  offered: numbers,
  ok: numbers,
  refused: numbers,
  unknown: numbers,
  attempts: numbers,
  /** Milliseconds, ok operations that ended in the interval; null where there were none. */
  p50Ms: Type.Array(Type.Union([number, Type.Null()])),
  p99Ms: Type.Array(Type.Union([number, Type.Null()])),
  /** Of one run a design: pictures need no more. */
  latencies: Type.Optional(LatencyMapSchema),
});

export const CheckSchema = Type.Object({
  name: text,
  held: Type.Boolean(),
  examined: Type.Integer(),
  violations: Type.Array(text),
  counts: Type.Record(text, number),
  /** Why nothing was examined; `held` then says nothing. */
  skipped: Type.Optional(text),
});

/** A load that several machines made: where each slice's figures are from, and how much of it there is. */
export const SlicesSchema = Type.Object({
  count: Type.Integer(),
  parts: Type.Array(
    Type.Object({
      /** From 0. */
      index: Type.Integer(),
      /** Name of the agent that ran it. */
      agent: Type.Optional(text),
      /** False: only what ended before second `keptS` of the load is in the figures. */
      complete: Type.Boolean(),
      keptS: number,
      reason: Type.Optional(text),
      /** The agent's clock minus the coordinator's, and by how much that may be wrong; the start is corrected by it. */
      clockOffsetMs: Type.Optional(number),
      clockErrorMs: Type.Optional(number),
    }),
  ),
});

/** Everything a recorder knows, so that slices can be merged before figures are made of them. */
export const RecorderSchema = Type.Object({
  tallies: Type.Array(
    Type.Object({
      name: text,
      offered: Type.Integer(),
      ok: Type.Integer(),
      attempts: Type.Integer(),
      okEnded: Type.Integer(),
      goodEnded: Type.Integer(),
      good: Type.Integer(),
      refused: Type.Record(text, Type.Integer()),
      unknown: Type.Record(text, Type.Integer()),
      latency: text,
      service: text,
    }),
  ),
  rows: Type.Array(
    Type.Object({
      offered: Type.Integer(),
      ok: Type.Integer(),
      refused: Type.Integer(),
      unknown: Type.Integer(),
      attempts: Type.Integer(),
      latency: Type.Union([text, Type.Null()]),
    }),
  ),
  lateness: text,
  totals: Type.Record(text, Type.Integer()),
});

/** The generator's judgement of itself. Lateness: actual minus intended start, microseconds. */
export const GeneratorSchema = Type.Object({
  planned: Type.Integer(),
  sent: Type.Integer(),
  dropped: Type.Integer(),
  latenessP50Us: number,
  latenessP99Us: number,
  latenessMaxUs: number,
  loopDelayP99Us: number,
  valid: Type.Boolean(),
  reasons: Type.Array(text),
});

export const RunSchema = Type.Object({
  round: Type.Integer(),
  seed: number,
  startedAt: text,
  tookS: number,
  generator: GeneratorSchema,
  operations: Type.Array(OperationSchema),
  timeline: TimelineSchema,
  /** Every figure by name: okPerSecond, p50Ms, p99Ms, p999Ms, refusedShare, unknownShare, attemptsPerOperation ... */
  metrics: Type.Record(text, number),
  /** Counted by the backend, summed or listed by node and by partition. */
  counters: Type.Record(text, Type.Union([number, numbers, Type.Array(numbers)])),
  check: CheckSchema,
  /** Simulation only: the trace's digest, equal for equal seeds, and its events. */
  trace: Type.Optional(Type.Object({ digest: text, events: Type.Integer(), eventsPerSecond: number })),
  slices: Type.Optional(SlicesSchema),
  /**
   * In the file of a slice only: what `wavetank merge` needs. `history`: its entries as JSON, deflated, base64. `startedAtMs`: the
   * load's start on the machine's wall clock; absent in virtual time.
   */
  remains: Type.Optional(
    Type.Object({
      recorder: RecorderSchema,
      loopDelayP99Us: number,
      history: text,
      startedAtMs: Type.Optional(number),
    }),
  ),
});

export const BandSchema = Type.Object({ fromS: number, toS: number, label: text });

const series = Type.Object({
  name: text,
  /** [x, y] or [x, y, low, high]. */
  points: Type.Array(numbers),
  /** Theory and limits are dashed and have no markers. */
  dashed: Type.Optional(Type.Boolean()),
  /** Default a line with markers. `points`: measurements that no line joins. `area`: a line, filled down to the axis. */
  as: Type.Optional(Type.Union([Type.Literal("line"), Type.Literal("points"), Type.Literal("area")])),
});

const scale = Type.Union([Type.Literal("linear"), Type.Literal("log")]);

/** `reading`: the one sentence a reader should take away; also the chart's accessible description. */
const heading = { title: text, reading: text };

export const ChartSchema = Type.Union([
  /** Latency by percentile on a nines axis: points are [quantile, milliseconds], cut where under ten samples lie beyond. */
  Type.Object({
    kind: Type.Literal("percentiles"),
    ...heading,
    series: Type.Array(series),
    sloMs: Type.Optional(number),
  }),
  /** Throughput by outcome, latency and fault bands over time: small multiples, one panel a design, same scales. */
  Type.Object({
    kind: Type.Literal("timeline"),
    ...heading,
    bands: Type.Array(BandSchema),
    panels: Type.Array(Type.Object({ design: text, timeline: TimelineSchema })),
  }),
  /** values[y][x]; one panel a design; one colour scale. */
  Type.Object({
    kind: Type.Literal("heatmap"),
    ...heading,
    xLabel: text,
    yLabel: text,
    valueLabel: text,
    xs: numbers,
    ys: Type.Array(text),
    panels: Type.Array(Type.Object({ design: text, values: Type.Array(numbers) })),
    /** Where x is time: the faults on it. */
    bands: Type.Optional(Type.Array(BandSchema)),
  }),
  Type.Object({
    kind: Type.Literal("bars"),
    ...heading,
    valueLabel: text,
    bars: Type.Array(
      Type.Object({
        name: text,
        value: number,
        low: Type.Optional(number),
        high: Type.Optional(number),
        group: Type.Optional(text),
      }),
    ),
    /** A rule across the chart: a limit or what theory says. */
    rule: Type.Optional(Type.Object({ value: number, label: text })),
  }),
  Type.Object({
    kind: Type.Literal("lines"),
    ...heading,
    xLabel: text,
    yLabel: text,
    xScale: scale,
    yScale: scale,
    series: Type.Array(series),
    /** Vertical rules: a knee, a limit; in the colour of a series where one is named. */
    marks: Type.Optional(Type.Array(Type.Object({ x: number, label: text, series: Type.Optional(text) }))),
    /** A horizontal rule: a limit. */
    rule: Type.Optional(Type.Object({ value: number, label: text })),
  }),
  /** Ratios of paired rounds: each pair a dot, the interval a bar, on one log axis with x1 in it. */
  Type.Object({
    kind: Type.Literal("pairs"),
    ...heading,
    valueLabel: text,
    better: Type.Union([Type.Literal("higher"), Type.Literal("lower")]),
    /** Share around x1 that counts as equal: a band across the rows. */
    margin: Type.Optional(number),
    rows: Type.Array(
      Type.Object({
        name: text,
        ratio: EstimateSchema,
        verdict: Type.Optional(text),
        pairs: Type.Array(Type.Object({ round: Type.Integer(), ratio: number })),
      }),
    ),
  }),
]);

export const DesignSchema = Type.Object({
  name: text,
  title: text,
  description: text,
  /** Only what differs from the other designs. */
  differs: Type.Record(text, scalar),
  runs: Type.Array(RunSchema),
});

export const VerdictSchema = Type.Object({
  sentence: text,
  metric: text,
  baseline: text,
  candidate: text,
  better: Type.Union([Type.Literal("higher"), Type.Literal("lower")]),
  /** Candidate over baseline. Absent when the baseline's figure is zero. */
  ratio: Type.Optional(EstimateSchema),
});

/** One design against the baseline on the headline's figure, round by round. */
export const ComparisonSchema = Type.Object({
  baseline: text,
  candidate: text,
  metric: text,
  better: Type.Union([Type.Literal("higher"), Type.Literal("lower")]),
  pairs: Type.Array(Type.Object({ round: Type.Integer(), ratio: number })),
  ratio: EstimateSchema,
  /** In a word: better, worse, equal or undecided. Without one the interval alone speaks. */
  verdict: Type.Optional(text),
});

/** One side of a comparison: its name as it was typed, and what is known of it (a commit, a machine, an instant). */
export const SideSchema = Type.Object({ name: text, facts: Type.Record(text, text) });

/** One figure of both sides, judged. */
export const JudgedMetricSchema = Type.Object({
  metric: text,
  better: Type.Union([Type.Literal("higher"), Type.Literal("lower")]),
  /** [baseline, candidate], in the order they were run, those of the warm-up first. */
  pairs: Type.Array(numbers),
  warmUpPairs: Type.Integer(),
  /** Candidate over baseline; null where a figure is zero or too few pairs were counted. */
  ratio: Type.Union([EstimateSchema, Type.Null()]),
  signedRankP: number,
  /** After Holm over the figures judged together. */
  adjustedP: number,
  verdict: Type.Union([
    Type.Literal("better"),
    Type.Literal("worse"),
    Type.Literal("equal"),
    Type.Literal("undecided"),
  ]),
  /** Counted pairs in all that would decide; null where it is decided, or no number in reach would. */
  pairsNeeded: Type.Union([Type.Integer(), Type.Null()]),
});

/** What `wavetank compare` was asked, how it was judged, and what it found: is the candidate better than the baseline? */
export const ComparedSchema = Type.Object({
  kind: Type.Union([Type.Literal("designs"), Type.Literal("revisions"), Type.Literal("urls"), Type.Literal("results")]),
  baseline: SideSchema,
  candidate: SideSchema,
  /** What was the same for both: experiment, tank, load. */
  shared: Type.Record(text, scalar),
  /** False for runs that were made before: what the machine did to one side only is then in the figures. */
  interleaved: Type.Boolean(),
  /** Stopped by a signal before all its pairs: nothing is decided. */
  partial: Type.Boolean(),
  /** Counted pairs asked for; null for runs that were made before. */
  pairsAsked: Type.Union([Type.Integer(), Type.Null()]),
  /** Pairs with an invalid run, and why. */
  leftOut: Type.Array(text),
  rule: Type.Object({ alpha: number, margin: number, warmUpPairs: Type.Integer(), seed: number }),
  /** One, with an empty name; or one a design that two results files share. No metrics: no pair was finished. */
  groups: Type.Array(Type.Object({ name: text, metrics: Type.Array(JudgedMetricSchema) })),
});

/** What the harness measured of a system whose answer is known in closed form. */
export const CalibrationSchema = Type.Object({
  /** "M/M/1 at rho 0.8" */
  oracle: text,
  tank: text,
  /** "mean wait (ms)" */
  quantity: text,
  theory: number,
  measured: number,
  /** In words: "3 sigma", "2 %". */
  tolerance: text,
  held: Type.Boolean(),
});

export const ExperimentSchema = Type.Object({
  name: text,
  title: text,
  question: text,
  source: text,
  notes: Type.Optional(text),
  /** service: somebody else's, at a URL, under load from this machine. */
  tank: Type.Union([Type.Literal("simulation"), Type.Literal("threads"), Type.Literal("service")]),
  /** invalid: the generator could not keep its promise; interrupted: stopped by a signal, figures partial. */
  status: Type.Union([
    Type.Literal("held"),
    Type.Literal("failed"),
    Type.Literal("undecided"),
    Type.Literal("invalid"),
    Type.Literal("interrupted"),
  ]),
  verdict: VerdictSchema,
  load: text,
  bands: Type.Array(BandSchema),
  /** What all designs share, by path: "deployment.service.virtualNodes" -> 150. */
  parameters: Type.Record(text, scalar),
  designs: Type.Array(DesignSchema),
  claims: Type.Array(ClaimSchema),
  charts: Type.Array(ChartSchema),
  comparisons: Type.Optional(Type.Array(ComparisonSchema)),
  tookS: number,
  rerun: text,
});

export const ResultsSchema = Type.Object(
  {
    schema: Type.Literal(schemaVersion),
    startedAt: text,
    tookS: number,
    seed: number,
    quick: Type.Boolean(),
    commit: text,
    /** The work tree had changes that the commit does not name. */
    dirty: Type.Boolean(),
    rerun: text,
    machine: Type.Object({
      cpu: text,
      cores: Type.Integer(),
      memoryGiB: number,
      os: text,
      node: text,
      disk: text,
    }),
    experiments: Type.Array(ExperimentSchema),
    calibration: Type.Optional(Type.Array(CalibrationSchema)),
    /** Of `wavetank compare`, whose file has no experiments. */
    compared: Type.Optional(ComparedSchema),
    /** One slice of a load: number `index` (from 0) of `count`, of the plan with this identity. */
    slice: Type.Optional(
      Type.Object({
        index: Type.Integer(),
        count: Type.Integer(),
        plan: text,
        /** The suite's options, from which the plan is made again; experiments by name. */
        options: Type.Record(text, Type.Unknown()),
      }),
    ),
  },
  { $id: "urn:wavetank:results:1", title: "Wavetank results" },
);

export type Estimate = Static<typeof EstimateSchema>;
export type ClaimStatus = Static<typeof ClaimStatusSchema>;
export type ClaimResult = Static<typeof ClaimSchema>;
export type OperationResult = Static<typeof OperationSchema>;
export type LatencyMap = Static<typeof LatencyMapSchema>;
export type Timeline = Static<typeof TimelineSchema>;
export type GeneratorHealth = Static<typeof GeneratorSchema>;
export type RunSlices = Static<typeof SlicesSchema>;
export type RecorderRemains = Static<typeof RecorderSchema>;
export type RunResult = Static<typeof RunSchema>;
export type Band = Static<typeof BandSchema>;
export type Chart = Static<typeof ChartSchema>;
export type DesignResult = Static<typeof DesignSchema>;
export type Comparison = Static<typeof ComparisonSchema>;
export type JudgedMetric = Static<typeof JudgedMetricSchema>;
export type Compared = Static<typeof ComparedSchema>;
export type Calibration = Static<typeof CalibrationSchema>;
export type Verdict = Static<typeof VerdictSchema>;
export type ExperimentResult = Static<typeof ExperimentSchema>;
export type Results = Static<typeof ResultsSchema>;
