/**
 * Our HTTP client as a load generator beside autocannon (its main thread) and wrk: what one processor can ask of one nginx
 * processor over 64 kept-alive connections, closed loop.
 *
 * Every round runs each side once in random order, and ratios are taken inside a round. nginx is pinned to one processor, the
 * generator to another. Ours compares every answer's status and body and records every latency; autocannon and wrk are as they
 * come, which checks less. *CPU* is the same ratio for each second of the generator's processor time, which others on the machine
 * disturb less: where the two ratios differ much, the processors were not free and the rates say little. Peak memory is the kernel's own figure for the process (VmHWM).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../backend/kernel/random.ts";
import { median, ratioEstimate } from "../runners/compare/estimate.ts";
import { answerBody, type Generated } from "./generator-process.ts";
import { ensureSystemPackages, findProgram } from "./system-packages.ts";

const sides = ["wavetank", "autocannon", "wrk"] as const;
type Side = (typeof sides)[number];
type Run = Generated & { readonly peakMb: number };

const connections = 64;
const warmUpSeconds = 1;
const serverCpu = "0";
const generatorCpu = "1";
const leastRatio = { autocannon: 2, wrk: 1 } as const;
const mostPeakMb = 150;
const pollMs = 50;
/** Ticks a second of /proc/<pid>/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;

export async function compareGenerators(quick: boolean, seed: number): Promise<void> {
  const [rounds, seconds] = quick ? [3, 2] : [5, 4];
  ensureSystemPackages(["nginx", "wrk"]);
  const nginx = findProgram(["nginx"]) ?? "/usr/sbin/nginx";
  const missing = ["wrk", "taskset"].filter((name) => findProgram([name]) === undefined);
  if (missing.length > 0 || availableParallelism() < 2) {
    process.stderr.write(`bench:peers: needs two processors, nginx, wrk and taskset; missing: ${missing.join(", ")}\n`);
    process.exitCode = 2;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "wavetank-generators-"));
  const port = await freePort();
  const server = startNginx(nginx, folder, port);
  const url = `http://127.0.0.1:${port}/`;
  try {
    await answers(url, server);
    print(`Load generators: ${connections} closed-loop connections, one processor for the generator, one for nginx`);
    print(`  ${rounds} rounds of ${seconds} s a side, in random order; warmed up for ${warmUpSeconds} s before`);
    const runs: Record<Side, Run[]> = { wavetank: [], autocannon: [], wrk: [] };
    const random = Random.stream(seed, "order of generators");
    for (let round = 0; round < rounds; round++) {
      const order = sides.map((side) => ({ side, at: random.float() })).sort((a, b) => a.at - b.at);
      for (const { side } of order) runs[side].push(await runSide(side, url, seconds));
    }
    report(runs);
  } finally {
    if (server.exitCode === null && server.kill()) await once(server, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}

function startNginx(program: string, folder: string, port: number): ChildProcess {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(" ");
  const server = `server { listen 127.0.0.1:${port}; location / { return 200 "${answerBody}"; } }`;
  const config = join(folder, "nginx.conf");
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; ${temporary} ${server} }
`,
  );
  const flags = ["-c", serverCpu, program, "-e", join(folder, "error.log"), "-p", folder, "-c", config];
  return spawn("taskset", flags, { stdio: "ignore" });
}

async function answers(url: string, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100 && server.exitCode === null; attempt++) {
    const text = await fetch(url).then(
      (response) => response.text(),
      () => undefined,
    );
    if (text === answerBody) return;
    await delay(pollMs);
  }
  throw new Error(`nginx did not answer at ${url} (exit code ${server.exitCode}): expected "${answerBody}"`);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function runSide(side: Side, url: string, seconds: number): Promise<Run> {
  if (side !== "wrk") {
    const script = join(import.meta.dirname, "generator-process.ts");
    const flags = [script, side, url, connections, seconds, warmUpSeconds].map(String);
    const { output, peakMb } = await watched([process.execPath, ...flags]);
    return { ...(JSON.parse(output) as Generated), peakMb };
  }
  await watched(["wrk", "-t1", `-c${connections}`, `-d${warmUpSeconds}s`, url]);
  const { output, peakMb, cpuShare } = await watched([
    "wrk",
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    url,
  ]);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output);
  const total = /(\d+) requests in/.exec(output);
  if (rate === null || total === null) throw new Error(`wrk printed no figures; it printed:\n${output}`);
  const perSecond = Number(rate[1]);
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(output);
  return {
    perSecond,
    ok: Number(total[1]),
    failed: Number(failed?.[1] ?? 0) + (output.includes("Socket errors") ? 1 : 0),
    p50Us: wrkQuantile(output, "50%"),
    p99Us: wrkQuantile(output, "99%"),
    cpuUsEach: (cpuShare * 1e6) / perSecond,
    peakMb,
  };
}

function wrkQuantile(output: string, name: string): number {
  const match = new RegExp(`^\\s+${name}\\s+([\\d.]+)(us|ms|s)$`, "m").exec(output);
  if (match === null) return NaN;
  return Number(match[1]) * { us: 1, ms: 1e3, s: 1e6 }[match[2] as "us" | "ms" | "s"];
}

/** Runs a program on the generator's processor; what it used is read while it lives. */
async function watched(command: readonly string[]): Promise<{ output: string; peakMb: number; cpuShare: number }> {
  const child = spawn("taskset", ["-c", generatorCpu, ...command], { stdio: ["ignore", "pipe", "inherit"] });
  const startedMs = performance.now();
  let [output, peakMb, cpuShare] = ["", 0, 0];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const poll = setInterval(() => {
    try {
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
      if (peak === null) return;
      peakMb = Number(peak[1]) / 1_024;
      // Behind the name in parentheses: utime and stime are the 12th and 13th.
      const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1].split(" ");
      cpuShare = (Number(stat[11]) + Number(stat[12])) / ticksPerSecond / ((performance.now() - startedMs) / 1_000);
    } catch {
      // It has just ended.
    }
  }, pollMs);
  const [code] = (await once(child, "close")) as [number | null];
  clearInterval(poll);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}; it printed:\n${output}`);
  return { output, peakMb, cpuShare };
}

function report(runs: Runs): void {
  print("");
  print(
    `${"".padEnd(12)}${"answers/s".padStart(10)}  ${"ours is, times".padEnd(20)}${"CPU, times".padEnd(20)}${"CPU us each".padStart(12)}${"peak MB".padStart(9)}   p50, p99 us`,
  );
  for (const side of sides) {
    const of = (pick: (run: Run) => number, digits = 0): string => median(runs[side].map(pick)).toFixed(digits);
    const peak = Math.max(...runs[side].map((run) => run.peakMb)).toFixed(0);
    const ratios =
      side === "wavetank" ? ["", ""] : [ratioText(runs, side, rateOf), ratioText(runs, side, perCpuSecond)];
    print(
      `${side.padEnd(12)}${of((run) => run.perSecond).padStart(10)}  ${ratios.map((text) => text.padEnd(20)).join("")}` +
        `${of((run) => run.cpuUsEach, 1).padStart(12)}${peak.padStart(9)}   ${of((run) => run.p50Us)}, ${of((run) => run.p99Us)}`,
    );
  }
  print("medians over rounds, the highest peak; autocannon keeps latencies in whole milliseconds");
  print("");
  for (const side of ["autocannon", "wrk"] as const) {
    const { value, low } = ratio(runs, side, rateOf);
    const perCpu = ratio(runs, side, perCpuSecond).value;
    const held = value >= leastRatio[side];
    const sure = held === low >= leastRatio[side] ? "" : ", though the interval crosses it";
    const losing = value < 1 ? "; we lose" : "";
    print(
      `${verdict(held)}  ${leastRatio[side]} times the rate of ${side} or more; got ${value.toFixed(2)}${sure}${losing}` +
        ` (${perCpu.toFixed(2)} for each second of processor time)`,
    );
  }
  const peakMb = Math.max(...runs.wavetank.map((run) => run.peakMb));
  print(`${verdict(peakMb < mostPeakMb)}  peak memory below ${mostPeakMb} MB; got ${peakMb.toFixed(0)}`);
  for (const side of sides) {
    const failed = runs[side].reduce((sum, run) => sum + run.failed, 0);
    if (failed > 0) print(`NOT COUNTED: ${failed} requests of ${side} failed or were answered otherwise`);
  }
}

type Runs = Readonly<Record<Side, readonly Run[]>>;

/** Ours over theirs. */
function ratio(runs: Runs, side: Side, of: (run: Run) => number): { value: number; low: number; high: number } {
  return ratioEstimate(runs[side].map(of), runs.wavetank.map(of))!;
}

function ratioText(runs: Runs, side: Side, of: (run: Run) => number): string {
  const { value, low, high } = ratio(runs, side, of);
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function rateOf({ perSecond }: Run): number {
  return perSecond;
}

function perCpuSecond({ cpuUsEach }: Run): number {
  return 1e6 / cpuUsEach;
}

function verdict(held: boolean): string {
  return held ? "held    " : "NOT HELD";
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
