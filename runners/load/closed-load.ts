/**
 * `wavetank load --users n`: a closed loop, by our own engine or by autocannon. It is labelled closed wherever it is shown, is never
 * put into a results file, and no threshold is judged by it: a service that stalls is asked less meanwhile, which hides the stall.
 */
import { second } from "../../backend/kernel/units.ts";
import type { HttpReply } from "../targets/http/exchange.ts";
import { serialiseCall } from "../targets/http/serialise-call.ts";
import { runClosedLoop } from "../closed-loop.ts";
import type { ClosedOptions } from "../command-load.ts";
import { exitCodes } from "../command-exit.ts";
import type { Parts } from "../command-parts.ts";
import { Interruption } from "../command-terminal.ts";
import { measurePeak } from "../saturate.ts";
import { answerByStatus } from "./judge-answer.ts";
import type { LoadPlan } from "./load-plan.ts";
import { callText } from "./load-result.ts";
import { failedCheck } from "./reply-check.ts";

/** Prints the figures; 99 when an answer was not what was asked for, or a request had none. */
export async function closedLoad(plan: LoadPlan, closed: ClosedOptions, json: boolean, parts: Parts): Promise<number> {
  const { terminal } = parts;
  const interruption = new Interruption(
    parts.signals,
    () => terminal.note("stopping\n"),
    (code) => parts.leave(code),
  );
  try {
    terminal.note(
      `${callText(plan)}: ${closed.users} users in a closed loop for ${plan.forUs / second} s, by ${closed.engine}\n`,
    );
    const figures = await (closed.engine === "autocannon"
      ? byAutocannon(plan, closed)
      : byOwn(plan, closed, interruption.signal));
    if (json) terminal.print(`${JSON.stringify({ model: "closed loop", ...closed, ...figures }, null, 2)}\n`);
    else terminal.print(render(figures));
    return (
      interruption.exitCode ??
      (figures.wrong === 0 && Object.keys(figures.failed).length === 0 ? exitCodes.ok : exitCodes.failed)
    );
  } finally {
    interruption.end();
  }
}

interface ClosedFigures {
  readonly perSecond: number;
  readonly wrong: number;
  readonly failed: Readonly<Record<string, number>>;
  /** Milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number | null;
}

async function byOwn(plan: LoadPlan, closed: ClosedOptions, signal: AbortSignal): Promise<ClosedFigures> {
  const origin = new URL(plan.endpoint.origin);
  if (plan.source.kind !== "call") throw new Error("a closed loop asks one call again and again");
  const result = await runClosedLoop(
    {
      origin,
      request: serialiseCall(origin, plan.source.call),
      users: closed.users,
      warmUpMs: plan.warmUpUs / 1_000,
      forMs: (plan.forUs - plan.warmUpUs) / 1_000,
      think: closed.think,
      seed: plan.seed,
      insecure: plan.endpoint.insecure,
      timeoutMs: plan.endpoint.timeoutUs / 1_000,
      accept: (reply: HttpReply) =>
        plan.checks.length === 0 ? answerByStatus(reply).kind === "ok" : failedCheck(plan.checks, reply) === null,
    },
    signal,
  );
  const { latency, perSecond, wrong, failed } = result;
  const ms = (quantile: number): number => latency.quantile(quantile) / 1_000;
  return { perSecond, wrong, failed, p50Ms: ms(0.5), p99Ms: ms(0.99), maxMs: latency.max / 1_000 };
}

/** Whole milliseconds, no checks but the status, no think time: what autocannon has. */
async function byAutocannon({ endpoint, source, forUs }: LoadPlan, { users }: ClosedOptions): Promise<ClosedFigures> {
  if (source.kind !== "call") throw new Error("a closed loop asks one call again and again");
  const { method, path, headers, body } = source.call;
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const request = { method: (method ?? (text === undefined ? "GET" : "POST")) as "GET", path, headers, body: text };
  const durationS = Math.max(1, Math.round(forUs / second));
  const peak = await measurePeak({ url: endpoint.origin, connections: users, durationS, requests: [request] });
  const { requestsPerSecond: perSecond, errors, p50Ms, p99Ms } = peak;
  return { perSecond, wrong: errors, failed: {}, p50Ms, p99Ms, maxMs: null };
}

function render({ perSecond, wrong, failed, p50Ms, p99Ms, maxMs }: ClosedFigures): string {
  const lines = [
    `answered  ${Math.round(perSecond).toLocaleString("en-US")}/s`,
    `latency   p50 ${p50Ms} ms, p99 ${p99Ms} ms${maxMs === null ? "" : `, max ${maxMs} ms`}`,
  ];
  if (wrong > 0) lines.push(`wrong     ${wrong.toLocaleString("en-US")} answers were not what was asked for`);
  for (const [message, count] of Object.entries(failed))
    lines.push(`failed    ${count.toLocaleString("en-US")}: ${message}`);
  lines.push(
    "closed loop: latency is that of a queue the load itself makes, and a stall is asked less about; without --users the loop is open",
  );
  return `${lines.join("\n")}\n`;
}
