/**
 * One short run of the pacer and one of its control, for the open-loop benchmark. Both follow the same schedule and note when each
 * arrival really left. The control is a busy loop that does nothing else: what it is late by is this machine's own jitter, which
 * no program can pace away.
 */
import { performance } from "node:perf_hooks";
import type { Answer } from "../backend/api.ts";
import type { Micros } from "../backend/kernel/units.ts";
import type { LoadShape } from "../runners/experiment.ts";
import { PacedHost } from "../runners/hosts/paced-host.ts";
import { Recorder } from "../runners/measure/recorder.ts";
import { createSchedule } from "../runners/schedule.ts";
import type { Target } from "../runners/targets/target.ts";
import type { Step } from "../workloads/workload.ts";

export interface PacingPlan {
  readonly load: LoadShape;
  readonly forUs: Micros;
  readonly seed: number;
}

export interface Paced {
  /** Intended starts, microseconds since the load began. */
  readonly intendedUs: Float64Array;
  /** When each arrival left, on the same clock, with fractions. */
  readonly sentUs: Float64Array;
  /** Of this thread, while it paced. */
  readonly cpuShare: number;
}

/** Time to get going before the first arrival. */
const headStartMs = 5;

function intendedStarts({ load, forUs, seed }: PacingPlan): Float64Array {
  return Float64Array.from(createSchedule(load, forUs, seed), ({ atUs }) => atUs);
}

export function control(plan: PacingPlan): Paced {
  const intendedUs = intendedStarts(plan);
  const sentUs = new Float64Array(intendedUs.length);
  const startMs = performance.now() + headStartMs;
  for (let i = 0; i < intendedUs.length; i++) {
    const dueMs = startMs + intendedUs[i] / 1_000;
    let nowMs = performance.now();
    while (nowMs < dueMs) nowMs = performance.now();
    sentUs[i] = (nowMs - startMs) * 1_000;
  }
  return { intendedUs, sentUs, cpuShare: 1 };
}

/** Through the whole generator (schedule, driver, recorder, pacer) to `target`, where attempts are timed as they arrive. */
export async function paced<Q, R>(plan: PacingPlan, target: Target<Q, R>, request: Q): Promise<Paced> {
  const intendedUs = intendedStarts(plan);
  const timed = new TimedTarget(target, intendedUs.length);
  const recorder = new Recorder({ forUs: plan.forUs, warmUpUs: 0 });
  // No fact, so that nothing is kept for a check: a load on somebody else's service has none either.
  const step: Step<Q> = { operation: "ask", request, thinkUs: 0 };
  const host = new PacedHost<Q, R>(timed, "eager", {
    schedule: createSchedule(plan.load, plan.forUs, plan.seed),
    workload: { begin: () => ({ next: (previous) => (previous === null ? step : null) }) },
    calls: { clients: 1, timeoutUs: 10_000_000 },
    seed: plan.seed,
    forUs: plan.forUs,
    recorder,
  });
  const before = process.threadCpuUsage();
  const beganMs = performance.now();
  const startMs = beganMs + headStartMs;
  await host.run(startMs);
  const { user, system } = process.threadCpuUsage(before);
  const cpuShare = (user + system) / 1_000 / (performance.now() - beganMs);
  return { intendedUs, sentUs: timed.sentMs.map((ms) => (ms - startMs) * 1_000), cpuShare };
}

class TimedTarget<Q, R> implements Target<Q, R> {
  readonly sentMs: Float64Array;
  private readonly target: Target<Q, R>;
  private count = 0;

  constructor(target: Target<Q, R>, attempts: number) {
    this.target = target;
    this.sentMs = new Float64Array(attempts);
  }

  get onAnswer(): (attempt: number, answer: Answer<R>) => void {
    return this.target.onAnswer;
  }

  set onAnswer(take: (attempt: number, answer: Answer<R>) => void) {
    this.target.onAnswer = take;
  }

  submit(...attempt: Parameters<Target<Q, R>["submit"]>): void {
    this.sentMs[this.count++] = performance.now();
    this.target.submit(...attempt);
  }

  flush(): void {
    this.target.flush();
  }

  close(): Promise<void> {
    return this.target.close();
  }
}

/** Answers everything at the end of the batch: what is left is the generator's own cost. */
export class NoTarget implements Target<null, null> {
  onAnswer: (attempt: number, answer: Answer<null>) => void = () => undefined;
  private batch: number[] = [];
  private spare: number[] = [];

  submit(attempt: number): void {
    this.batch.push(attempt);
  }

  flush(): void {
    const answered = this.batch;
    this.batch = this.spare;
    this.spare = answered;
    for (const attempt of answered) this.onAnswer(attempt, done);
    answered.length = 0;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const done: Answer<null> = { kind: "ok", result: null };
