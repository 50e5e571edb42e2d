/** Other generators in the freeze test, each in its own rate mode, and what they report in milliseconds. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FreezePlan } from "./freeze-run.ts";

export interface Reported {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

const run = promisify(execFile);
const mostOutputBytes = 64 << 20;
const autocannonCli = join(import.meta.dirname, "..", "node_modules", "autocannon", "autocannon.js");

/** 50 connections, `-R`: requests a second over all of them. Its percentiles are corrected by its own rule, as it does by default. */
export async function runAutocannon(url: string, { perSecond, seconds }: FreezePlan): Promise<Reported> {
  const flags = ["-j", "-c", "50", "-R", String(perSecond), "-d", String(seconds), url];
  const { stdout } = await run(process.execPath, [autocannonCli, ...flags], { maxBuffer: mostOutputBytes });
  const { latency } = JSON.parse(stdout) as { readonly latency: Readonly<Record<string, number>> };
  const { p50, p90, p99, p99_9, max } = latency;
  return { p50Ms: p50, p90Ms: p90, p99Ms: p99, p999Ms: p99_9, maxMs: max };
}

/** 50 workers, `-q`: requests a second of each. It prints no p99.9, so all are taken from the list of its response times. */
export async function runHey(url: string, { perSecond, seconds }: FreezePlan): Promise<Reported> {
  const workers = 50;
  const flags = ["-z", `${seconds}s`, "-c", String(workers), "-q", String(perSecond / workers), "-o", "csv", url];
  const { stdout } = await run("hey", flags, { maxBuffer: mostOutputBytes });
  const times = stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => Number(line.split(",")[0]) * 1_000)
    .sort((a, b) => a - b);
  if (times.length === 0 || times.some(Number.isNaN))
    throw new Error(`hey printed no response times:\n${stdout.slice(0, 500)}`);
  const at = (q: number): number => times[Math.min(times.length - 1, Math.floor(q * times.length))];
  return { p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), p999Ms: at(0.999), maxMs: times[times.length - 1] };
}
