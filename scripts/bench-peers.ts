/**
 * This project's live backend beside a program that people use for the same purpose: PutItem and GetItem over HTTP against
 * dynalite, the DynamoDB emulator of npm, with its LevelDB on disk.
 *
 *     npm run bench:peers                 5 rounds of 4 s a side and operation
 *     npm run bench:peers -- --quick      2 rounds of 2 s, for a look
 *     npm run bench:peers -- --only generator     our load generator beside autocannon and wrk alone; or: backend
 *
 * Both servers run all the time; in each round each operation is measured on both, one right after the other, in random order,
 * and the ratio is taken inside that pair: what the machine does meanwhile, it does to both. Each server has one thread for its
 * JavaScript. What is compared is not equal, and not in our favour: each of our writes is three copies of which two at least are
 * synced to disk before the answer, dynalite's is one copy that is never synced.
 */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../backend/kernel/random.ts";
import { median, ratioEstimate } from "../runners/compare/estimate.ts";
import { compareGenerators } from "./bench-generators.ts";
import { prepare, startDynalite, startWavetank, verify } from "./bench-servers.ts";
import type { Server } from "./bench-servers.ts";
import { measure } from "./bench-wrk.ts";
import type { BenchOperation, Measured } from "./bench-wrk.ts";
import { ensureSystemPackages, findProgram } from "./system-packages.ts";

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly seed: number;
}

interface Row {
  readonly operation: BenchOperation;
  readonly title: string;
  /** Least ratio of rates that is claimed; null where none is. */
  readonly target: number | null;
  /** One of each a round. */
  readonly ours: Measured[];
  readonly theirs: Measured[];
}

const memoryFileSystem = 0x01021994;

function newRows(): Row[] {
  const row = (operation: BenchOperation, title: string, target: number | null): Row => ({
    operation,
    title,
    target,
    ours: [],
    theirs: [],
  });
  return [
    row("put", "PutItem", 1.5),
    row("get", "GetItem", 2),
    row("get-consistent", "GetItem, ConsistentRead: ours asks 2 copies", null),
  ];
}

function readPlan(quick: boolean, seed: number): Plan {
  return quick ? { rounds: 2, seconds: 2, connections: 64, seed } : { rounds: 5, seconds: 4, connections: 64, seed };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean" }, seed: { type: "string" }, only: { type: "string" } },
  });
  const { quick = false, only } = values;
  const seed = Number(values.seed ?? 1);
  if (only !== undefined && only !== "backend" && only !== "generator") {
    process.stderr.write(`bench:peers: --only ${only}: expected backend or generator; leave it out for both\n`);
    process.exitCode = 2;
    return;
  }
  if (only !== "generator") await compareBackends(readPlan(quick, seed));
  if (only === undefined) print("");
  if (only !== "backend") await compareGenerators(quick, seed);
}

async function compareBackends(plan: Plan): Promise<void> {
  ensureSystemPackages(["wrk"]);
  if (findProgram(["wrk"]) === undefined) {
    process.stderr.write("bench:peers: wrk is not on the path, so there is nothing to measure with\n");
    process.exitCode = 2;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "wavetank-peers-"));
  const servers: Server[] = [];
  try {
    introduce(plan, folder);
    for (const start of [startWavetank, startDynalite]) servers.push(await start(folder));
    for (const server of servers) await prepare(server);
    const [ours, theirs] = servers;
    const rows = newRows();
    await compare(rows, ours, theirs, plan, folder);
    for (const server of servers) await verify(server);
    report(rows, plan);
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function introduce({ rounds, seconds, connections }: Plan, folder: string): void {
  print(
    `PutItem and GetItem over HTTP, ${connections} closed-loop connections of wrk, ${availableParallelism()} processors shared by all`,
  );
  print("  wavetank   3 nodes on 1 thread, N=3 R=2 W=2: an answered write is synced to disk on 2 of 3 copies at least");
  print("  dynalite   1 process, LevelDB on disk: 1 copy, not synced");
  print(
    "  10,000 keys chosen evenly, items of about 100 bytes. GetItem without ConsistentRead is answered from one copy by both.",
  );
  print(
    `  ${rounds} rounds, each ${seconds} s a side and operation, the sides in random order, after a warm-up that is not counted`,
  );
  if (statfsSync(folder).type === memoryFileSystem) {
    print(`  CAUTION: ${tmpdir()} is in memory, so nothing is synced to a disk; set TMPDIR to a folder on one`);
  }
}

async function compare(rows: readonly Row[], ours: Server, theirs: Server, plan: Plan, folder: string): Promise<void> {
  const random = Random.stream(plan.seed, "order of sides");
  // Round 0 warms both up: compilers, caches, files.
  for (let round = 0; round <= plan.rounds; round++) {
    for (const row of rows) {
      const sides = [
        { server: ours, into: row.ours },
        { server: theirs, into: row.theirs },
      ];
      if (random.chance(0.5)) sides.reverse();
      for (const { server, into } of sides) {
        const load = { ...plan, seed: plan.seed + round };
        const measured = await measure(server.url, row.operation, load, folder);
        if (round > 0) into.push(measured);
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`round ${round} of ${plan.rounds}\n`);
  }
}

function report(rows: readonly Row[], { rounds }: Plan): void {
  print("");
  print(
    `${"".padEnd(44)}${"wavetank/s".padStart(11)}${"dynalite/s".padStart(12)}   ${"ratio".padEnd(22)}p50, p99 ms: ours, theirs`,
  );
  for (const { title, ours, theirs } of rows) {
    const [a, b] = [rate(ours), rate(theirs)].map((value) => Math.round(value).toLocaleString("en"));
    const latencies = `${tail(ours, "p50Ms")}, ${tail(ours, "p99Ms")}     ${tail(theirs, "p50Ms")}, ${tail(theirs, "p99Ms")}`;
    print(`${title.padEnd(44)}${a.padStart(11)}${b.padStart(12)}   ${ratioText(ours, theirs).padEnd(22)}${latencies}`);
  }
  print(
    `medians of ${rounds} rounds; ratio: geometric mean over rounds` +
      (rounds > 2 ? " with its 95 % interval" : " and the range seen: too few rounds for an interval"),
  );
  print("");
  for (const row of rows) if (row.target !== null) judge(row, row.target);
  const failed = rows.map((row) => ({
    row,
    count: [...row.ours, ...row.theirs].reduce((sum, each) => sum + each.failed, 0),
  }));
  for (const { row, count } of failed) if (count > 0) print(`NOT COUNTED: ${count} requests of ${row.title} failed`);
  if (failed.every(({ count }) => count === 0))
    print("Every request was answered 200 by both; items read back by hand came whole.");
}

function judge({ title, ours, theirs }: Row, least: number): void {
  const ratio = ratioEstimate(theirs.map(perSecond), ours.map(perSecond))!;
  const tails = ratioEstimate(theirs.map(p99), ours.map(p99))!;
  const rateHeld = ratio.value >= least;
  const sure = rateHeld === ratio.low >= least ? "" : ", though the interval crosses it";
  const losing = ratio.value < 1 ? "; wavetank loses" : "";
  print(
    `${verdict(rateHeld)}  ${title}: ${least} times the rate of dynalite or more; got ${ratio.value.toFixed(2)}${sure}${losing}`,
  );
  const tailHeld = tails.value <= 1;
  const tailSure = tailHeld === tails.high <= 1 ? "" : ", though the interval crosses it";
  print(
    `${verdict(tailHeld)}  ${title}: p99 no higher than that of dynalite; got ${tails.value.toFixed(2)} of it${tailSure}`,
  );
}

function verdict(held: boolean): string {
  return held ? "held    " : "NOT HELD";
}

function ratioText(ours: readonly Measured[], theirs: readonly Measured[]): string {
  const { value, low, high } = ratioEstimate(theirs.map(perSecond), ours.map(perSecond))!;
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function rate(measured: readonly Measured[]): number {
  return median(measured.map(perSecond));
}

function tail(measured: readonly Measured[], which: "p50Ms" | "p99Ms"): string {
  return median(measured.map((each) => each[which])).toFixed(1);
}

function perSecond(measured: Measured): number {
  return measured.perSecond;
}

function p99(measured: Measured): number {
  return measured.p99Ms;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
