/**
 * How true the generator is to its schedule: Poisson arrivals at 1,000, 10,000 and 30,000 a second on one thread, beside a control
 * that does nothing but wait for the same instants in a busy loop.
 *
 *     node scripts/bench-open-loop.ts                 6 s a rate and side
 *     node scripts/bench-open-loop.ts --seconds 30
 *
 * The two sides take turns of half a second, so that what the machine does meanwhile it does to both. *achieved* is what left
 * before the end of the load, against what was meant to. *KS p* is the chance that gaps between sends stray as far from the
 * exponential law if they follow it: below 0.01 they do not. It is taken over `ksGaps` gaps spread over the run, because with a
 * hundred thousand any clock fails: two sends are never nearer than the microsecond that an operation costs.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { serialiseCall } from "../runners/targets/http/serialise-call.ts";
import { startFreezingServer } from "./freeze-run.ts";
import { PoolTarget } from "./pool-target.ts";
import { control, NoTarget, paced, type Paced, type PacingPlan } from "./pacing-run.ts";
import { ksTest } from "./kolmogorov.ts";

/** What each row drives. */
interface Asked {
  readonly name: string;
  run(plan: PacingPlan): Promise<Paced>;
}

const rates = [100, 1_000, 10_000, 30_000];
const httpRates = [1_000, 10_000];
const turnUs = 500_000;
const ksGaps = 1_000;
/** The machine's own p99 above which a row is measured again, and how often at most. */
const disturbedUs = 300;
const attempts = 4;

interface Side {
  readonly turns: Paced[];
}

interface Row {
  readonly asked: Asked;
  readonly perSecond: number;
  readonly ours: Side;
  readonly control: Side;
  readonly attempt: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
  const turns = Math.max(1, Math.round((Number(values.seconds ?? 6) * 1_000_000) / turnUs));
  const seed = Number(values.seed ?? 1);
  print(
    `Poisson arrivals on one thread, to no target and over HTTP to a server beside it; ${availableParallelism()} processors shared with whatever else runs`,
  );
  print(
    `${turns} turns of ${turnUs / 1_000} ms a side, control and generator in alternation; lateness in microseconds`,
  );
  print("");
  print(columns("asked/s", "sent", "achieved", "p50", "p99", "p99.9", "control p99", "p99.9", "CPU", "KS p"));
  const nothing: Asked = { name: "", run: (plan) => paced(plan, new NoTarget(), null) };
  await measure(nothing, 1_000, 4, seed, 0); // Warms the compiler; not counted.
  const rows: Row[] = [];
  for (const perSecond of rates) {
    const row = await undisturbed(nothing, perSecond, turns, seed);
    rows.push(row);
    print(line(row));
  }
  for (const row of await overHttp(turns, seed)) print(line(row));
  print("");
  for (const row of rows.filter(({ perSecond }) => perSecond >= 1_000)) judge(row);
  const slow = rows.filter(({ perSecond }) => perSecond <= 1_000);
  const idle = slow.every(({ ours }) => cpuShare(ours) < 0.5);
  print(`${verdict(idle)}  up to 1,000/s the generator leaves more than half of its processor idle`);
}

/** The same over sockets, to a process that answers at once and needs a processor for it. */
async function overHttp(turns: number, seed: number): Promise<Row[]> {
  const server = await startFreezingServer({ serviceMs: 0, freezeMs: 0, everyMs: 0, firstMs: 0 });
  const origin = new URL(server.url);
  const target = new PoolTarget(origin, 64);
  const request = serialiseCall(origin, { path: "/" });
  const http: Asked = { name: "HTTP", run: (plan) => paced(plan, target, request) };
  try {
    const rows: Row[] = [];
    for (const perSecond of httpRates) rows.push(await undisturbed(http, perSecond, turns, seed));
    return rows;
  } finally {
    await target.close();
    await server.stop();
  }
}

/** Measured again while the control itself is disturbed. */
async function undisturbed(asked: Asked, perSecond: number, turns: number, seed: number): Promise<Row> {
  for (let attempt = 1; ; attempt++) {
    const row = await measure(asked, perSecond, turns, seed, attempt);
    if (attempt === attempts || quantile(lateness(row.control), 0.99) <= disturbedUs) return row;
  }
}

async function measure(asked: Asked, perSecond: number, turns: number, seed: number, attempt: number): Promise<Row> {
  const row: Row = { asked, perSecond, ours: { turns: [] }, control: { turns: [] }, attempt };
  for (let turn = 0; turn < turns; turn++) {
    const load = { kind: "poisson", perSecond } as const;
    const plan: PacingPlan = { load, forUs: turnUs, seed: seed * 1_000 + turn };
    row.control.turns.push(control(plan));
    row.ours.turns.push(await asked.run(plan));
  }
  return row;
}

function line({ asked, perSecond, ours, control: spin, attempt }: Row): string {
  const late = lateness(ours);
  const jitter = lateness(spin);
  const us = (of: Float64Array, q: number): string => quantile(of, q).toFixed(of === late && q === 0.5 ? 1 : 0);
  return (
    columns(
      `${asked.name} ${perSecond.toLocaleString("en")}`,
      late.length.toLocaleString("en"),
      `${(100 * achieved(ours)).toFixed(2)} %`,
      us(late, 0.5),
      us(late, 0.99),
      us(late, 0.999),
      us(jitter, 0.99),
      us(jitter, 0.999),
      `${(100 * cpuShare(ours)).toFixed(0)} %`,
      ksOf(perSecond, ours).p.toFixed(2),
    ) + (attempt > 1 ? `   attempt ${attempt}: the machine was disturbed` : "")
  );
}

function judge({ perSecond, ours, control: spin }: Row): void {
  const p99 = quantile(lateness(ours), 0.99);
  const jitter = quantile(lateness(spin), 0.99);
  const share = achieved(ours);
  const { p, distance } = ksOf(perSecond, ours);
  const rate = perSecond.toLocaleString("en");
  if (jitter > disturbedUs) {
    print(
      `UNDECIDED ${rate}/s: a busy loop was ${jitter.toFixed(0)} us late at p99, so this says nothing about the generator`,
    );
    return;
  }
  print(
    `${verdict(share >= 0.999)}  ${rate}/s: within 0.1 % of the rate; got ${(100 * share).toFixed(3)} % of what was planned`,
  );
  print(`${verdict(p99 < 500)}  ${rate}/s: lateness p99 below 500 us; got ${p99.toFixed(0)}`);
  print(
    `${verdict(p99 <= jitter + 200)}  ${rate}/s: at most 200 us above the control; got ${(p99 - jitter).toFixed(0)}`,
  );
  const gaps = Math.min(ksGaps, gapsOf(ours).length);
  print(
    `${verdict(p >= 0.01)}  ${rate}/s: gaps between sends are exponential; p = ${p.toFixed(3)} over ${gaps}, ` +
      `distance ${distance.toFixed(4)}; over all ${ksOf(perSecond, ours, Infinity).distance.toFixed(4)}`,
  );
}

function lateness({ turns }: Side): Float64Array {
  return joined(turns.map(({ intendedUs, sentUs }) => sentUs.map((sent, i) => sent - intendedUs[i]))).sort();
}

/** What left before the end of its turn, of what was meant to. */
function achieved({ turns }: Side): number {
  const inTime = turns.map(({ sentUs }) => sentUs.filter((sent) => sent < turnUs).length);
  const meant = turns.map(({ intendedUs }) => intendedUs.length);
  return sum(inTime) / sum(meant);
}

function cpuShare({ turns }: Side): number {
  return sum(turns.map((turn) => turn.cpuShare)) / turns.length;
}

function gapsOf({ turns }: Side): Float64Array {
  return joined(turns.map(({ sentUs }) => sentUs.subarray(1).map((sent, i) => sent - sentUs[i])));
}

function ksOf(perSecond: number, side: Side, most = ksGaps): ReturnType<typeof ksTest> {
  const gaps = gapsOf(side);
  const every = Math.max(1, gaps.length / most);
  const sample = Float64Array.from({ length: Math.floor(gaps.length / every) }, (_, i) => gaps[Math.floor(i * every)]);
  return ksTest(sample, (gapUs) => 1 - Math.exp((-gapUs * perSecond) / 1_000_000));
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(sum(parts.map(({ length }) => length)));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function quantile(sorted: Float64Array, q: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function columns(...texts: readonly string[]): string {
  return texts.map((text, i) => text.padStart([11, 8, 10, 7, 7, 7, 13, 7, 6, 6][i])).join("");
}

function verdict(held: boolean): string {
  return held ? "held    " : "NOT HELD";
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await main();
