/**
 * This project's generator in the freeze test: the open-loop driver and pacer over its own HTTP client. Beside the latencies from
 * the intended starts it keeps what a client without a schedule would have seen: from when each request was written to a
 * connection. To know that instant, requests wait here and not in the HTTP client, which gets no more than it has connections for.
 */
import { performance } from "node:perf_hooks";
import type { Answer } from "../backend/api.ts";
import { PacedHost } from "../runners/hosts/paced-host.ts";
import { Histogram } from "../runners/measure/histogram.ts";
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
  const target = new OneAtATime(new URL(url), connections);
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
  const latency = recorder.byOperation()[0].latency;
  const latenessP99Us = recorder.lateness.quantile(0.99);
  return { latency, service: target.service, ok, failed: refused + unknown + dropped, latenessP99Us };
}

class OneAtATime implements Target<WireRequest, null> {
  onAnswer: (attempt: number, answer: Answer<null>) => void = () => undefined;
  readonly service = new Histogram();
  private readonly pool: HttpPool;
  private readonly connections: number;
  private readonly writtenMs = new Map<number, number>();
  private readonly waiting: { readonly attempt: number; readonly request: WireRequest }[] = [];

  constructor(origin: URL, connections: number) {
    this.connections = connections;
    this.pool = new HttpPool(origin, { connections });
    this.pool.onReply = (attempt, { status }) => {
      this.service.record((performance.now() - this.writtenMs.get(attempt)!) * 1_000);
      const failed: Answer<null> = { kind: "unknown", code: "server-error", message: String(status) };
      this.onEnd(attempt, status === 200 ? { kind: "ok", result: null } : failed);
    };
    this.pool.onFailure = (attempt, failure) => this.onEnd(attempt, failure);
  }

  submit(attempt: number, request: WireRequest): void {
    if (this.writtenMs.size < this.connections) this.write(attempt, request);
    else this.waiting.push({ attempt, request });
  }

  flush(): void {
    this.pool.flush();
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private onEnd(attempt: number, answer: Answer<null>): void {
    this.writtenMs.delete(attempt);
    const next = this.waiting.shift();
    if (next !== undefined) this.write(next.attempt, next.request);
    this.onAnswer(attempt, answer);
  }

  private write(attempt: number, request: WireRequest): void {
    this.writtenMs.set(attempt, performance.now());
    this.pool.submit(attempt, request);
  }
}
