/**
 * One closed-loop measurement with Debian's wrk: a C program on one thread of its own, so what it costs stays small beside what it
 * measures. Closed loop means that the rate is what the server can do with so many connections, and the latency is the one at that
 * rate. wrk counts statuses from 400 on by itself, without a call of Lua for each answer.
 *
 * wrk adds to its percentiles what slow answers kept from being sent; h2load and pgbench do not, so tails are only compared where wrk
 * drives both sides.
 *
 * A script is written in Lua by its caller and ends with `done`, which prints one line that is read back here.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Target } from "./processes.ts";
import { runAgainst } from "./processes.ts";

export interface Measured {
  /** Answers with status 200 a second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers with status 200. */
  readonly ok: number;
  /** Answers with another status, and connections that failed. */
  readonly failed: number;
  /** Of a mean answer, with its head; NaN where the tool does not say. */
  readonly answerBytes: number;
  /** Processor time of the server for each answer, microseconds; NaN where it is not known. */
  readonly cpuUs: number;
}

export interface Load {
  readonly seconds: number;
  readonly connections: number;
  /** Of the order of keys. */
  readonly seed: number;
}

/** Lua: what every script ends with. */
export const doneLua = `function done(summary, latency)
  local e = summary.errors
  io.write(string.format("measured %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.status + e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99), summary.bytes))
end
`;

/** @throws Error when the line that `done` prints is missing */
export function parseWrk(stdout: string, cpuSeconds = NaN): Measured {
  const figures = /^measured (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout);
  if (figures === null) throw new Error(`wrk printed no figures; it printed:\n${stdout}`);
  const [requests, durationUs, failed, p50Us, p99Us, bytes] = figures.slice(1).map(Number);
  const ok = Math.max(0, requests - failed);
  return {
    perSecond: (ok / durationUs) * 1e6,
    p50Ms: p50Us / 1_000,
    p99Ms: p99Us / 1_000,
    ok,
    failed,
    answerBytes: bytes / requests,
    cpuUs: (cpuSeconds / ok) * 1e6,
  };
}

/** Drives the target with a script that was given its name and the arguments of its `init`. */
export async function runWrk(
  bench: Bench,
  target: Target,
  script: { readonly name: string; readonly lua: string; readonly parameters: readonly string[] },
  load: Load,
): Promise<Measured> {
  const path = join(bench.folder, `${script.name}.lua`);
  writeFileSync(path, script.lua);
  const flags = [
    "-t1",
    `-c${load.connections}`,
    `-d${load.seconds}s`,
    "--timeout",
    "10s",
    "-s",
    path,
    `${target.url}/`,
  ];
  const { stdout, cpuSeconds } = await runAgainst(bench, target, ["wrk", ...flags, "--", ...script.parameters]);
  return parseWrk(stdout, cpuSeconds);
}
