/**
 * The generator's judgement of itself. Latency counts from the intended start, so a late generator adds its own delay to every
 * figure; past a limit the run measures the generator and is *invalid*. The rule, stated in the report:
 *
 *   1. Lateness p99 is at most the larger of 20 ms and a quarter of the run's own p99. A virtual machine under load shows
 *      5 to 10 ms at p99 even to a busy loop, so a tighter floor would condemn the machine; and where the design answers in
 *      seconds, lateness below a quarter of that does not change what is concluded.
 *   2. Lateness p50 is at most the larger of 2 ms and half of the run's own p50: the typical figure is the design's.
 *   3. Nothing was dropped.
 *
 * In virtual time lateness is zero by construction and the rule cannot fire.
 */
import type { GeneratorHealth } from "../results.ts";
import type { Recorder } from "./recorder.ts";

export interface LoopDelay {
  /** 99th percentile of event-loop delay of the worst slice, microseconds. */
  readonly p99Us: number;
}

export function generatorHealth(
  recorder: Recorder,
  loop: LoopDelay,
  metrics: Readonly<Record<string, number>>,
): GeneratorHealth {
  const { planned, sent, dropped } = recorder.totals;
  const p50 = recorder.lateness.quantile(0.5);
  const p99 = recorder.lateness.quantile(0.99);
  const reasons: string[] = [];
  const limit99 = Math.max(20_000, ((metrics.p99Ms ?? 0) * 1_000) / 4);
  const limit50 = Math.max(2_000, ((metrics.p50Ms ?? 0) * 1_000) / 2);
  const ms = (us: number): string => `${(us / 1_000).toFixed(1)} ms`;
  if (p99 > limit99) reasons.push(`sends were late by ${ms(p99)} at p99; at most ${ms(limit99)} is allowed`);
  if (p50 > limit50) reasons.push(`sends were late by ${ms(p50)} at p50; at most ${ms(limit50)} is allowed`);
  if (dropped > 0) reasons.push(`${dropped} of ${planned} operations were never sent`);
  if (planned === 0) reasons.push("no operation was planned");
  return {
    planned,
    sent,
    dropped,
    latenessP50Us: p50,
    latenessP99Us: p99,
    latenessMaxUs: recorder.lateness.max,
    loopDelayP99Us: Math.round(loop.p99Us),
    valid: reasons.length === 0,
    reasons,
  };
}
