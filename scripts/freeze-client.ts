/**
 * This project's generator in the freeze test: the open-loop driver and pacer over its own HTTP client. Beside the latencies from
 * the intended starts it keeps what a client without a schedule would have seen: from when each request was written to a
 * connection.
 */
import { performance } from "node:perf_hooks";
import type { Answer } from "../backend/api.ts";
import { PacedHost } from "../runners/hosts/paced-host.ts";
import type { Histogram } from "../runners/measure/histogram.ts";
import { Recorder } from "../runners/measure/recorder.ts";
import { createSchedule } from "../runners/schedule.ts";
import type { WireRequest } from "../runners/targets/http/exchange.ts";
import { HttpPool } from "../runners/targets/http/http-pool.ts";
import { serialiseCall } from "../runners/targets/http/serialise-call.ts";
import type { Target } from "../runners/targets/target.ts";
import type { FreezePlan } from "./freeze-run.ts";

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

/** The HTTP client as a target: requests wait in it for one of its connections. */
class PoolTarget implements Target<WireRequest, null> {
  onAnswer: (attempt: number, answer: Answer<null>) => void = () => undefined;
  onWritten: (attempt: number) => void = () => undefined;
  private readonly pool: HttpPool;

  constructor(origin: URL, connections: number) {
    this.pool = new HttpPool(origin, { connections });
    this.pool.onWritten = (attempt) => this.onWritten(attempt);
    this.pool.onFailure = (attempt, failure) => this.onAnswer(attempt, failure);
    this.pool.onReply = (attempt, { status }) => {
      const failed: Answer<null> = { kind: "unknown", code: "server-error", message: String(status) };
      this.onAnswer(attempt, status === 200 ? { kind: "ok", result: null } : failed);
    };
  }

  submit(attempt: number, request: WireRequest): void {
    this.pool.submit(attempt, request);
  }

  flush(): void {
    this.pool.flush();
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
