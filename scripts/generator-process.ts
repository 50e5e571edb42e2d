/**
 * One load generator in a process of its own, so that its processor and memory are its own: ours or autocannon, closed loop.
 * Prints one line of JSON when it is done. Both have warmed up in the same process before the time that counts.
 *
 *     node scripts/generator-process.ts wavetank|autocannon <url> <connections> <seconds> <warm-up seconds>
 */
import { runClosedLoop } from "../runners/closed-loop.ts";
import { serialiseCall } from "../runners/targets/http/serialise-call.ts";

/** What every side of the comparison reports; latencies are as fine as the side itself keeps them. */
export interface Generated {
  readonly perSecond: number;
  readonly ok: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time of the generator for each answer. */
  readonly cpuUsEach: number;
}

export const answerBody = "ok";

async function ours(url: string, connections: number, seconds: number, warmUp: number): Promise<Generated> {
  const origin = new URL(url);
  const body = Buffer.from(answerBody);
  const { perSecond, ok, wrong, failed, latency, cpuUs } = await runClosedLoop({
    origin,
    request: serialiseCall(origin, { path: "/" }),
    users: connections,
    warmUpMs: warmUp * 1_000,
    forMs: seconds * 1_000,
    accept: (reply) => reply.status === 200 && reply.bodyBytes === body.length && reply.body.equals(body),
  });
  if (latency.count !== ok) throw new Error(`${ok} answers but ${latency.count} latencies: expected one for each`);
  const lost = Object.values(failed).reduce((a, b) => a + b, 0);
  return {
    perSecond,
    ok,
    failed: wrong + lost,
    p50Us: latency.quantile(0.5),
    p99Us: latency.quantile(0.99),
    cpuUsEach: cpuUs / ok,
  };
}

async function theirs(url: string, connections: number, seconds: number, warmUp: number): Promise<Generated> {
  // Only here: it would count as our memory, too.
  const { default: autocannon } = await import("autocannon");
  await autocannon({ url, connections, duration: warmUp });
  const cpu = process.cpuUsage();
  const result = await autocannon({ url, connections, duration: seconds });
  const used = process.cpuUsage(cpu);
  const ok = result["2xx"];
  return {
    perSecond: ok / result.duration,
    ok,
    failed: result.non2xx + result.errors + result.timeouts,
    p50Us: result.latency.p50 * 1_000,
    p99Us: result.latency.p99 * 1_000,
    cpuUsEach: (used.user + used.system) / ok,
  };
}

if (import.meta.main) {
  const [side, url, ...numbers] = process.argv.slice(2);
  const [connections, seconds, warmUp] = numbers.map(Number);
  const run = side === "wavetank" ? ours : theirs;
  process.stdout.write(`${JSON.stringify(await run(url, connections, seconds, warmUp))}\n`);
}
