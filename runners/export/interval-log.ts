/**
 * A run as an HdrHistogram interval log, version 1.3: what every port of HdrHistogram, HdrHistogramVisualizer and hdr-plot read.
 * One line an interval and kind that ended in it, tagged `operation.outcome` or `operation.outcome.code`.
 *
 * Values are microseconds from the intended start, kept to two digits; Interval_Max is in milliseconds, so the log's maximum
 * value unit ratio is 1000. Timestamps are seconds since the load began, which the log's StartTime anchors.
 */
import type { Kind } from "../measure/interval-kinds.ts";
import type { Recorder } from "../measure/recorder.ts";

/** Microseconds of the values in a millisecond of Interval_Max. */
export const maxValueUnitRatio = 1_000;

export interface LoggedRun {
  readonly experiment: string;
  readonly tank: string;
  readonly design: string;
  /** From 0. */
  readonly round: number;
  /** ISO 8601. */
  readonly startedAt: string;
}

export function intervalLog(run: LoggedRun, recorder: Recorder): string {
  const startMs = Date.parse(run.startedAt);
  const lines = [
    `#[wavetank: ${run.experiment}, ${run.tank}, ${run.design}, round ${run.round + 1}]`,
    "#[values: microseconds from the intended start; max value unit ratio 1000]",
    "#[Histogram log format version 1.3]",
    `#[StartTime: ${(startMs / 1_000).toFixed(3)} (seconds since epoch), ${run.startedAt}]`,
    `#[BaseTime: ${(startMs / 1_000).toFixed(3)} (seconds since epoch)]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ];
  const lengthS = recorder.intervalUs / 1e6;
  for (const { row, kind, latency } of recorder.intervals?.each() ?? []) {
    const max = (latency.max / maxValueUnitRatio).toFixed(3);
    lines.push(`Tag=${tagOf(kind)},${(row * lengthS).toFixed(3)},${lengthS.toFixed(3)},${max},${latency.encode()}`);
  }
  return `${lines.join("\n")}\n`;
}

/** The format allows neither commas nor spaces in a tag. */
export function tagOf({ operation, outcome, code }: Kind): string {
  return [operation, outcome, code]
    .filter((part) => part !== "")
    .join(".")
    .replaceAll(/[\s,]/g, "_");
}
