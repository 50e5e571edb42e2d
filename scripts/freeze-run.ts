/**
 * The freeze test: a load of 1,000 operations a second against a server that stands still now and then, and what theory says of
 * its latencies. With a service of s, a load that keeps the server busy for a share rho, and a freeze of f in every period T,
 * the arrival at t into a freeze waits for its end and for those before it, and the queue is gone f / (1 - rho) after its start:
 *
 *     latency  f |\                             P(latency > x) = f / T (1 - x / f) / (1 - rho)      for x well above s
 *                |  \ slope -(1 - rho)          quantile q     = f (1 - (1 - q) (1 - rho) T / f)
 *              0 |____\______________
 *                freeze  drain
 *
 * A client that lets a slow answer hold back its next request meets the freeze with a few requests instead of hundreds
 * (coordinated omission).
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface FreezePlan {
  readonly perSecond: number;
  readonly seconds: number;
  /** Of one request; the server serves one at a time. */
  readonly serviceMs: number;
  readonly freezeMs: number;
  readonly everyMs: number;
  /** Of the first freeze, after the first request. */
  readonly firstMs: number;
}

/** Milliseconds at quantile `q`; the service time where the quantile lies outside the freeze and its queue. */
export function expectedMs({ perSecond, serviceMs, freezeMs, everyMs }: FreezePlan, q: number): number {
  const busy = (perSecond * serviceMs) / 1_000;
  return Math.max(serviceMs, freezeMs * (1 - ((1 - q) * (1 - busy) * everyMs) / freezeMs));
}

export interface FreezingServer {
  readonly url: string;
  /** Requests answered so far. */
  answered(): Promise<number>;
  stop(): Promise<void>;
}

export async function startFreezingServer(plan: Omit<FreezePlan, "perSecond" | "seconds">): Promise<FreezingServer> {
  const file = fileURLToPath(new URL("freezing-server.ts", import.meta.url));
  const child = fork(file, [plan.serviceMs, plan.freezeMs, plan.everyMs, plan.firstMs].map(String));
  const [{ port }] = (await once(child, "message")) as [{ readonly port: number }];
  return { url: `http://127.0.0.1:${port}/`, answered: () => ask(child), stop: () => stop(child) };
}

async function ask(child: ChildProcess): Promise<number> {
  child.send("answered?");
  const [{ answered }] = (await once(child, "message")) as [{ readonly answered: number }];
  return answered;
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill();
  await ended;
}
