/**
 * Who sees a server that stands still? It serves a request in 0.2 ms, one at a time, and stops for 1 s in every 10 s; 1,000
 * requests a second are asked for 30 s by this project's generator, by autocannon and by hey, each against a server of its own.
 *
 *     node scripts/bench-freeze.ts            40 s: the tools side by side, their freezes at different times
 *     node scripts/bench-freeze.ts --apart    100 s: one after the other, for a machine with one processor
 */
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runWavetank, type FreezeMeasured } from "./freeze-client.ts";
import { expectedMs, startFreezingServer, type FreezePlan } from "./freeze-run.ts";
import { runAutocannon, runHey, type Reported } from "./freeze-tools.ts";
import { ensureSystemPackages, findProgram } from "./system-packages.ts";

const plan: FreezePlan = {
  perSecond: 1_000,
  seconds: 30,
  serviceMs: 0.2,
  freezeMs: 1_000,
  everyMs: 10_000,
  firstMs: 5_000,
};
/** Between starts: one tool's queue is gone before another's server freezes. */
const staggerMs = 2_500;
const tolerance = 0.03;

type Row = Reported & { readonly name: string; readonly served: string };

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { apart: { type: "boolean" } } });
  ensureSystemPackages(["hey"]);
  const apart = values.apart === true || availableParallelism() < 2;
  let measured: FreezeMeasured | null = null;
  const tools: (() => Promise<Row[]>)[] = [
    async () =>
      against(async (url) => {
        measured = await runWavetank(url, plan);
        return [
          { name: "wavetank, from intended start", ...figures(measured.latency) },
          { name: "wavetank, from send (uncorrected)", ...figures(measured.service) },
        ];
      }),
    async () => against(async (url) => [{ name: "autocannon -R 1000", ...(await runAutocannon(url, plan)) }]),
  ];
  if (findProgram(["hey"]) !== undefined) {
    tools.push(async () => against(async (url) => [{ name: "hey -q 20 -c 50", ...(await runHey(url, plan)) }]));
  }
  print(
    `${plan.perSecond} requests/s for ${plan.seconds} s, 0.2 ms each, one at a time; the server stops 1 s in every 10 s`,
  );
  print(apart ? "one tool after the other" : "the tools side by side, each with a server of its own");
  print("");
  const rows: Row[] = [];
  if (apart) for (const tool of tools) rows.push(...(await tool()));
  else rows.push(...(await Promise.all(tools.map((tool, i) => pause(i * staggerMs).then(tool)))).flat());
  report(rows, measured!);
}

async function against(run: (url: string) => Promise<(Reported & { readonly name: string })[]>): Promise<Row[]> {
  const server = await startFreezingServer(plan);
  try {
    const reported = await run(server.url);
    const served = (await server.answered()).toLocaleString("en");
    return reported.map((row) => ({ ...row, served }));
  } finally {
    await server.stop();
  }
}

function figures(histogram: FreezeMeasured["latency"]): Reported {
  const ms = (q: number): number => histogram.quantile(q) / 1_000;
  return { p50Ms: ms(0.5), p90Ms: ms(0.9), p99Ms: ms(0.99), p999Ms: ms(0.999), maxMs: histogram.max / 1_000 };
}

function report(rows: readonly Row[], measured: FreezeMeasured): void {
  const theory = (q: number): number => expectedMs(plan, q);
  const expected = {
    p50Ms: theory(0.5),
    p90Ms: theory(0.9),
    p99Ms: theory(0.99),
    p999Ms: theory(0.999),
    maxMs: theory(1),
  };
  print(columns("latency in ms", "p50", "p90", "p99", "p99.9", "max", "served"));
  const planned = (plan.perSecond * plan.seconds).toLocaleString("en");
  for (const row of [{ name: "theory", ...expected, served: planned }, ...rows]) {
    const cells = [row.p50Ms, row.p90Ms, row.p99Ms, row.p999Ms, row.maxMs].map((ms) => ms.toFixed(ms < 10 ? 2 : 0));
    print(columns(row.name, ...cells, row.served));
  }
  print("");
  const [ours] = rows;
  for (const [name, got, wanted] of [
    ["p90", ours.p90Ms, expected.p90Ms],
    ["p99", ours.p99Ms, expected.p99Ms],
    ["p99.9", ours.p999Ms, expected.p999Ms],
  ] as const) {
    const off = got / wanted - 1;
    judge(Math.abs(off) <= tolerance, `${name} within 3 % of theory; got ${(100 * off).toFixed(1)} %`);
  }
  const all = measured.failed === 0 && measured.ok === plan.perSecond * plan.seconds;
  judge(all, `every request was sent and answered; ${measured.ok.toLocaleString("en")} ok, ${measured.failed} not`);
  const lateMs = measured.latenessP99Us / 1_000;
  print(`          sends were ${lateMs.toFixed(2)} ms late at p99${lateMs > 5 ? ": this machine was busy" : ""}`);
  if (!all || Math.abs(ours.p99Ms / expected.p99Ms - 1) > tolerance) process.exitCode = 1;
}

function judge(held: boolean, text: string): void {
  print(`${held ? "held    " : "NOT HELD"}  ${text}`);
}

function columns(name: string, ...cells: readonly string[]): string {
  return name.padEnd(36) + cells.map((cell, i) => cell.padStart(i === 5 ? 9 : 8)).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
