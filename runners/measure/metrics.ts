/**
 * The standard figures of a run, by name, from its merged recorder. Percentiles come from merged histograms and are absent when
 * no operation was ok: a run without an answer has no latency, and a claim that asks for one should fail loudly.
 *
 *   offeredPerSecond okPerSecond goodputPerSecond attemptsPerSecond attemptsPerOperation okShare goodShare refusedShare
 *   unknownShare <code>Share for each code (throttledShare, timeoutShare ...) p50Ms p90Ms p95Ms p99Ms p999Ms maxMs meanMs
 *   serviceP50Ms serviceP99Ms, and the first eight again for each operation kind: "add.okPerSecond", "add.p99Ms" ...
 */
import type { RefusalCode, UnknownCode } from "../../backend/api.ts";
import { Histogram } from "./histogram.ts";
import type { Recorder, Tally } from "./recorder.ts";

const refusalCodes: readonly RefusalCode[] = [
  "throttled",
  "overloaded",
  "unavailable",
  "condition-failed",
  "not-found",
  "exists",
  "invalid",
  "breaker-open",
  "expired",
];
const unknownCodes: readonly UnknownCode[] = [
  "timeout",
  "connection-lost",
  "quorum-lost",
  "server-error",
  "check-failed",
];

/** Every standard figure; more names may be added by the run (the check's counts, for instance). */
export function standardMetrics(recorder: Recorder): Record<string, number> {
  const tallies = recorder.byOperation();
  const latency = new Histogram();
  const service = new Histogram();
  for (const tally of tallies) {
    latency.merge(tally.latency);
    service.merge(tally.service);
  }
  const metrics = { ...rates(tallies, recorder.windowS), ...shares(tallies), ...latencies(latency) };
  if (service.count > 0) {
    metrics.serviceP50Ms = service.quantile(0.5) / 1_000;
    metrics.serviceP99Ms = service.quantile(0.99) / 1_000;
  }
  for (const tally of tallies) {
    const own = { ...rates([tally], recorder.windowS), ...shares([tally]), ...latencies(tally.latency) };
    for (const [name, value] of Object.entries(own)) metrics[`${tally.name}.${name}`] = value;
  }
  return metrics;
}

function rates(tallies: readonly Tally[], windowS: number): Record<string, number> {
  const offered = sum(tallies, (tally) => tally.offered);
  const attempts = sum(tallies, (tally) => tally.attempts);
  return {
    offeredPerSecond: offered / windowS,
    okPerSecond: sum(tallies, (tally) => tally.okEnded) / windowS,
    goodputPerSecond: sum(tallies, (tally) => tally.goodEnded) / windowS,
    attemptsPerSecond: attempts / windowS,
    attemptsPerOperation: offered === 0 ? 0 : attempts / offered,
  };
}

/** Of the operations offered; an operation that was dropped or still under way at the end is in none of the three. */
function shares(tallies: readonly Tally[]): Record<string, number> {
  const offered = sum(tallies, (tally) => tally.offered);
  const share = (n: number): number => (offered === 0 ? 0 : n / offered);
  const counted = (kind: "refused" | "unknown", code: string): number =>
    sum(tallies, (tally) => tally[kind].get(code) ?? 0);
  const result: Record<string, number> = {
    okShare: share(sum(tallies, (tally) => tally.ok)),
    goodShare: share(sum(tallies, (tally) => tally.good)),
    refusedShare: share(sum(refusalCodes, (code) => counted("refused", code))),
    unknownShare: share(sum(unknownCodes, (code) => counted("unknown", code))),
  };
  for (const code of refusalCodes) result[`${camelCase(code)}Share`] = share(counted("refused", code));
  for (const code of unknownCodes) result[`${camelCase(code)}Share`] = share(counted("unknown", code));
  return result;
}

function latencies(latency: Histogram): Record<string, number> {
  if (latency.count === 0) return {};
  return {
    p50Ms: latency.quantile(0.5) / 1_000,
    p90Ms: latency.quantile(0.9) / 1_000,
    p95Ms: latency.quantile(0.95) / 1_000,
    p99Ms: latency.quantile(0.99) / 1_000,
    p999Ms: latency.quantile(0.999) / 1_000,
    maxMs: latency.max / 1_000,
    meanMs: latency.mean / 1_000,
  };
}

function camelCase(code: string): string {
  return code.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
