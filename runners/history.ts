/**
 * The history of nights: a file of JSON lines, one for each metric of one suite on one machine, appended and never rewritten. Any
 * tool that reads lines reads it; a line that is torn or of another version is skipped and counted.
 *
 * A series is what may be compared: the same metric, asked the same way (`plan`), on the same kind of machine. A trend is all series
 * of a history with the nights at which their level changed.
 */
import { Type, type Static } from "typebox";

export const historySchema = "wavetank.history/1";

const text = Type.String();
const number = Type.Number();

export const HistoryLineSchema = Type.Object({
  schema: Type.Literal(historySchema),
  /** experiment/tank/design/name, for instance `retry-storm/threads/budget/p50Ms`. */
  metric: text,
  /** The night's figure: the median of `runs`. */
  value: number,
  /** One figure a valid run, in order of rounds. */
  runs: Type.Array(number, { minItems: 1 }),
  /** What `value` counts, as it is written after it: `/s`, `ms`, `%` (of 100), `per op`, `×` ... */
  unit: text,
  better: Type.Union([Type.Literal("higher"), Type.Literal("lower"), Type.Null()]),
  /** The change for the worse, as a share, from which a night fails; null: reported only. */
  gate: Type.Union([number, Type.Null()]),
  /** When the suite began, ISO 8601 in UTC: names the night. */
  time: text,
  commit: text,
  dirty: Type.Boolean(),
  /** What was asked: options, seed and load. Another plan is another series. */
  plan: text,
  /** The machine's fingerprint in words: figures of different ones are never compared. */
  machine: text,
  node: text,
});

export type HistoryLine = Static<typeof HistoryLineSchema>;
export type Better = HistoryLine["better"];

/** One suite on one machine. */
export interface Night {
  readonly time: string;
  readonly commit: string;
  readonly dirty: boolean;
  readonly node: string;
  readonly machine: string;
}

/**
 * What a change of level means. `regression`: confirmed, and the night that confirmed it is one of the last: the suite fails.
 * `suspected`: for the worse, but too few nights, too small or too uncertain to fail. `known`: for the
 * worse, and older than the nights that it may fail: the new level. `change`: neither direction is better.
 */
export type ChangeState = "regression" | "suspected" | "known" | "improvement" | "change";

export interface LevelChange {
  /** Position in the series of the first figure of the new level. */
  readonly at: number;
  /** Mean of the level before and of the one from here on. */
  readonly before: number;
  readonly after: number;
  /** (after - before) / |before|; null where the level before was zero. */
  readonly change: number | null;
  /** Probability that chance made the difference. */
  readonly chance: number;
  readonly state: ChangeState;
}

export interface TrendSeries {
  readonly metric: string;
  readonly experiment: string;
  readonly tank: string;
  readonly design: string;
  readonly name: string;
  readonly unit: string;
  readonly better: Better;
  readonly gate: number | null;
  readonly plan: string;
  readonly machine: string;
  /** Position in `Trend.nights` of each figure, rising. */
  readonly nights: readonly number[];
  readonly values: readonly number[];
  /** Least and greatest run of each night. */
  readonly lows: readonly number[];
  readonly highs: readonly number[];
  readonly changes: readonly LevelChange[];
  /** Has a figure of its machine's last night. */
  readonly current: boolean;
}

export interface Trend {
  /** In order of time. */
  readonly nights: readonly Night[];
  readonly series: readonly TrendSeries[];
  /** Lines of the history that were not read, and why: torn, or of another version. */
  readonly skipped: { readonly torn: number; readonly foreign: number };
}
