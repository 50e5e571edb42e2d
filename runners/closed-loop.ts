/**
 * A closed loop over HTTP: so many users, each of whom asks, waits for the answer, thinks, and asks again. It finds what a service
 * can do, and nothing else: a service that stalls is asked less meanwhile, so its latencies are those at the rate that it allowed.
 * They are never set beside open-loop ones.
 *
 * Every answer is parsed and checked and every latency recorded; memory is constant in the number of operations. Impatience costs a
 * request nothing: what a user waits for is looked at every so often, and is given up on between `timeoutMs` and 5 % later.
 */
import { performance } from "node:perf_hooks";
import { Random } from "../backend/kernel/random.ts";
import { TimeHeap } from "../backend/kernel/heap.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { draw, type Distribution } from "../workloads/distribution.ts";
import { Histogram } from "./measure/histogram.ts";
import { HttpPool } from "./targets/http/http-pool.ts";
import type { HttpReply, WireRequest } from "./targets/http/exchange.ts";

export interface ClosedLoopPlan {
  readonly origin: URL;
  readonly request: WireRequest;
  /** As many connections, so that no user waits for one. */
  readonly users: number;
  /** Not counted, before the measured time. */
  readonly warmUpMs: number;
  readonly forMs: number;
  /** Microseconds from an answer to the next request; none when absent. */
  readonly think?: Distribution;
  readonly seed?: number;
  readonly insecure?: boolean;
  /** How long a user waits for an answer; 10,000 when absent. */
  readonly timeoutMs?: number;
  /** Is this the answer that was asked for? */
  accept(reply: HttpReply): boolean;
}

export interface ClosedLoopResult {
  readonly perSecond: number;
  /** Answers accepted in the measured time. */
  readonly ok: number;
  /** Answers that were not. */
  readonly wrong: number;
  /** Requests without an answer, by what was said about them. */
  readonly failed: Readonly<Record<string, number>>;
  /** Microseconds, of accepted answers. */
  readonly latency: Histogram;
  readonly bodyBytes: number;
  /** Processor time of this process in the measured time, microseconds. */
  readonly cpuUs: number;
}

const defaultTimeoutMs = 10_000;
const looksPerTimeout = 20;

/** A user whose request failed asks again after this, so that a dead service is not asked a million times a second. */
const afterFailureMs = 50;

export async function runClosedLoop(plan: ClosedLoopPlan, signal?: AbortSignal): Promise<ClosedLoopResult> {
  const loop = new ClosedLoop(plan);
  try {
    return await loop.run(signal);
  } finally {
    await loop.close();
  }
}

class ClosedLoop {
  private readonly plan: ClosedLoopPlan;
  private readonly pool: HttpPool;
  /** By user; Infinity while no answer is waited for. */
  private readonly sentMs: Float64Array;
  private readonly timeoutMs: number;
  /** Users who think, by when they ask again, milliseconds. */
  private readonly thinking = new TimeHeap();
  private sequence = 0;
  private readonly random: Random;
  private timer: NodeJS.Timeout | undefined;
  private readonly looks: NodeJS.Timeout;
  private over = false;
  private latency = new Histogram();
  private ok = 0;
  private wrong = 0;
  private bodyBytes = 0;
  private failed: Record<string, number> = {};

  constructor(plan: ClosedLoopPlan) {
    this.plan = plan;
    this.sentMs = new Float64Array(plan.users).fill(Infinity);
    this.timeoutMs = plan.timeoutMs ?? defaultTimeoutMs;
    this.looks = setInterval(() => this.giveUpOnLate(), Math.max(1, this.timeoutMs / looksPerTimeout));
    this.random = Random.stream(plan.seed ?? 1, "think");
    this.pool = new HttpPool(plan.origin, { connections: plan.users, insecure: plan.insecure });
    this.pool.onReply = (user, reply) => this.onReply(user, reply);
    this.pool.onFailure = (user, { message }) => this.onFailure(user, message);
  }

  async run(signal?: AbortSignal): Promise<ClosedLoopResult> {
    const { plan } = this;
    for (let user = 0; user < plan.users; user++) this.ask(user);
    this.pool.flush();
    await passed(plan.warmUpMs, signal);
    this.forget();
    const cpu = process.cpuUsage();
    const startedMs = performance.now();
    await passed(plan.forMs, signal);
    const tookS = (performance.now() - startedMs) / 1_000;
    const used = process.cpuUsage(cpu);
    this.over = true;
    if (signal?.aborted !== true) this.countUnheard(startedMs);
    const { ok, wrong, failed, latency, bodyBytes } = this;
    return { perSecond: ok / tookS, ok, wrong, failed, latency, bodyBytes, cpuUs: used.user + used.system };
  }

  async close(): Promise<void> {
    this.over = true;
    clearTimeout(this.timer);
    clearInterval(this.looks);
    await this.pool.close();
  }

  /** The warm-up is over: what was recorded is not counted. */
  private forget(): void {
    this.latency = new Histogram();
    this.ok = 0;
    this.wrong = 0;
    this.bodyBytes = 0;
    this.failed = {};
  }

  private giveUpOnLate(): void {
    const beforeMs = performance.now() - this.timeoutMs;
    for (let user = 0; user < this.sentMs.length; user++) {
      if (this.sentMs[user] > beforeMs) continue;
      this.pool.cancel(user);
      this.onFailure(user, `no answer in ${this.timeoutMs / 1_000} s`);
    }
  }

  /** Who waited for all of the measured time has no answer to show for it: a service that is silent must not look as if unasked. */
  private countUnheard(startedMs: number): void {
    const unheard = this.sentMs.filter((sentMs) => sentMs <= startedMs).length;
    if (unheard > 0) this.failed["no answer before the end"] = unheard;
  }

  private ask(user: number): void {
    this.sentMs[user] = performance.now();
    this.pool.submit(user, this.plan.request);
  }

  private onReply(user: number, reply: HttpReply): void {
    const { plan } = this;
    const tookMs = performance.now() - this.sentMs[user];
    this.sentMs[user] = Infinity;
    if (plan.accept(reply)) {
      this.ok++;
      this.bodyBytes += reply.bodyBytes;
      this.latency.record(tookMs * 1_000);
    } else this.wrong++;
    if (this.over) return;
    const thinkUs: Micros = plan.think === undefined ? 0 : draw(plan.think, this.random);
    if (thinkUs === 0) this.ask(user);
    else this.askLater(user, thinkUs / 1_000);
  }

  private onFailure(user: number, message: string): void {
    this.sentMs[user] = Infinity;
    this.failed[message] = (this.failed[message] ?? 0) + 1;
    if (!this.over) this.askLater(user, afterFailureMs);
  }

  private askLater(user: number, afterMs: number): void {
    this.thinking.push(performance.now() + afterMs, this.sequence++, user);
    this.arm();
  }

  private arm(): void {
    clearTimeout(this.timer);
    const waitMs = this.thinking.earliest - performance.now();
    if (!Number.isFinite(waitMs) || this.over) return;
    this.timer = setTimeout(() => this.onTimer(), Math.max(0, waitMs));
  }

  private onTimer(): void {
    while (this.thinking.earliest <= performance.now()) this.ask(this.thinking.pop());
    this.pool.flush();
    this.arm();
  }
}

/** Resolves after the time, or at once when it is aborted. */
function passed(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
