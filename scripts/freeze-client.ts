/**
 * This project's generator in the freeze test: the open-loop driver and pacer over its own HTTP client. Beside the latencies from
 * the intended starts it keeps what a client without a schedule would have seen: from when each request was written to a
 * connection.
 */
import { performance } from "node:perf_hooks";
import { PacedHost } from "../runners/hosts/paced-host.ts";
import type { Histogram } from "../runners/measure/histogram.ts";
import { Recorder } from "../runners/measure/recorder.ts";
import { createSchedule } from "../runners/schedule.ts";
import type { WireRequest } from "../runners/targets/http/exchange.ts";
import { serialiseCall } from "../runners/targets/http/serialise-call.ts";
import type { FreezePlan } from "./freeze-run.ts";
import { PoolTarget } from "./pool-target.ts";

export interface FreezeMeasured {
  /** From intended starts. */
  readonly latency: Histogram;
  /** From the write to the connection. */
  readonly service: Histogram;
  readonly ok: number;
  /** Refused, unknown or dropped. */
  readonly failed: number;
  readonly latenessP99Us: number;
}

export async function runWavetank(url: string, plan: FreezePlan, connections = 64): Promise<FreezeMeasured> {
  const { perSecond, seconds } = plan;
  const forUs = seconds * 1_000_000;
  const recorder = new Recorder({ forUs, warmUpUs: 0 });
  const target = new PoolTarget(new URL(url), connections);
  const step = { operation: "get", request: serialiseCall(new URL(url), { path: "/" }), thinkUs: 0 };
  const host = new PacedHost<WireRequest, null>(target, "eager", {
    schedule: createSchedule({ kind: "constant", perSecond }, forUs, 1),
    workload: { begin: () => ({ next: (previous) => (previous === null ? step : null) }) },
    calls: { clients: 1, timeoutUs: 60_000_000 },
    seed: 1,
    forUs,
    recorder,
  });
  await host.run(performance.now() + 5);
  await target.close();
  const { ok, refused, unknown, dropped } = recorder.totals;
  const [{ latency, service }] = recorder.byOperation();
  const latenessP99Us = recorder.lateness.quantile(0.99);
  return { latency, service, ok, failed: refused + unknown + dropped, latenessP99Us };
}
