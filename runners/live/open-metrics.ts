/**
 * The live view for scrapers: OpenMetrics 1.0 text. Written by hand, because the figures come as finished histograms and a client
 * library only knows how to observe one value after another. Latency is a summary: its quantiles are HdrHistogram's, exact to 1 %,
 * where buckets chosen ahead would be exact to nothing.
 */
import type { LiveFrame, LiveSeries, LiveState } from "./live-frame.ts";

export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export interface Scraped {
  readonly state: LiveState | null;
  readonly frame: LiveFrame | null;
  readonly series: readonly LiveSeries[];
}

type Labels = Readonly<Record<string, string>>;

export function openMetrics({ state, frame, series }: Scraped): string {
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, unit?: string): void => {
    lines.push(`# TYPE ${name} ${type}`);
    if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
    lines.push(`# HELP ${name} ${help}`);
  };
  const sample = (name: string, labels: Labels, value: number): number =>
    lines.push(`${name}${braces(labels)} ${value}`);

  family("wavetank_build", "info", "The generator.");
  sample("wavetank_build_info", { node: process.version }, 1);
  family("wavetank_operations", "counter", "Operations ended, by outcome.");
  for (const one of series) sample("wavetank_operations_total", labelsOf(one), one.count);
  family("wavetank_latency_seconds", "summary", "From the intended start to the end, by outcome.", "seconds");
  for (const one of series) {
    const labels = labelsOf(one);
    for (const [q, s] of one.quantiles) sample("wavetank_latency_seconds", { ...labels, quantile: String(q) }, s);
    sample("wavetank_latency_seconds_count", labels, one.count);
    sample("wavetank_latency_seconds_sum", labels, one.sumS);
  }
  const run = state?.run ?? null;
  const current: Labels = run === null ? {} : { experiment: run.experiment, tank: run.tank, design: run.design };
  if (run !== null && frame !== null && frame.run === run.number) {
    family("wavetank_rate", "gauge", "Operations a second in the latest interval.");
    for (const [what, value] of Object.entries(frame.rate)) sample("wavetank_rate", { ...current, what }, value);
    if (frame.lateP99Ms !== null) {
      family("wavetank_lateness_p99_seconds", "gauge", "Sends behind their time, since the load began.", "seconds");
      sample("wavetank_lateness_p99_seconds", current, frame.lateP99Ms / 1_000);
    }
    family("wavetank_dropped", "gauge", "Arrivals of this run that the generator had no room for.");
    sample("wavetank_dropped", current, frame.dropped);
    family("wavetank_faults", "gauge", "Faults in force.");
    sample("wavetank_faults", current, frame.faults.length);
  }
  if (state !== null) {
    family("wavetank_runs", "gauge", "Runs of the suite.");
    sample("wavetank_runs", { state: "planned" }, state.planned);
    sample("wavetank_runs", { state: "ended" }, state.ended);
  }
  lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

function labelsOf({ experiment, tank, design, operation, outcome, code }: LiveSeries): Labels {
  return { experiment, tank, design, operation, outcome, code };
}

function braces(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
