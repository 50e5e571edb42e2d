/**
 * The quorum store behind DynamoDB's interface beside dynalite, npm's emulator of DynamoDB, with its LevelDB on disk. Each server has one
 * thread for its JavaScript. What is compared is not equal, and not in our favour: each of our writes is three copies of which two
 * at least are synced to disk before the answer, dynalite's is one copy that is never synced.
 */
import { availableParallelism } from "node:os";
import { diskLine } from "./disk.ts";
import type { Contest, Outcome, Plan } from "./duel.ts";
import { duel, duelReport, print } from "./duel.ts";
import type { BenchOperation } from "./dynalite-load.ts";
import { measure } from "./dynalite-load.ts";
import type { Server } from "./dynalite-servers.ts";
import { prepare, startDynalite, startWavetank, verify } from "./dynalite-servers.ts";
import type { Bench } from "./processes.ts";
import { hasPrograms, withBench } from "./processes.ts";

const connections = 64;

const cases: readonly { readonly operation: BenchOperation; readonly title: string; readonly least: number | null }[] =
  [
    { operation: "put", title: "PutItem", least: 1.5 },
    { operation: "get", title: "GetItem", least: 2 },
    { operation: "get-consistent", title: "GetItem, ConsistentRead: ours asks 2 copies", least: null },
  ];

export async function compareBackends({
  quick,
  seed,
}: {
  readonly quick: boolean;
  readonly seed: number;
}): Promise<void> {
  const plan: Plan = { rounds: quick ? 2 : 5, seconds: quick ? 2 : 4, seed };
  if (!hasPrograms(["wrk"], ["wrk"])) return;
  await withBench("peers", async (bench) => {
    introduce(plan, bench.folder);
    const ours = await startWavetank(bench);
    const theirs = await startDynalite(bench);
    for (const server of [ours, theirs]) await prepare(server);
    const outcomes = await duel(contests(bench, ours, theirs), plan);
    for (const server of [ours, theirs]) await verify(server);
    print(...duelReport(outcomes, "dynalite", plan));
    if (outcomes.every(isWhole)) print("Every request was answered 200 by both; items read back by hand came whole.");
  });
}

function contests(bench: Bench, ours: Server, theirs: Server): Contest[] {
  return cases.map(({ operation, title, least }) => ({
    title,
    least,
    tail: least !== null,
    ours: (round) => measure(bench, ours, operation, { ...round, connections }),
    theirs: (round) => measure(bench, theirs, operation, { ...round, connections }),
  }));
}

function isWhole({ ours, theirs }: Outcome): boolean {
  return [...ours, ...theirs].every(({ failed }) => failed === 0);
}

function introduce({ rounds, seconds }: Plan, folder: string): void {
  print(
    `PutItem and GetItem over HTTP, ${connections} closed-loop connections of wrk, ${availableParallelism()} processors shared by all`,
    "  wavetank   3 nodes on 1 thread, N=3 R=2 W=2: an answered write is synced to disk on 2 of 3 copies at least",
    "  dynalite   1 process, LevelDB on disk: 1 copy, not synced",
    "  10,000 keys chosen evenly, items of about 100 bytes. GetItem without ConsistentRead is answered from one copy by both.",
    `  ${rounds} rounds, each ${seconds} s a side and operation, the sides in random order, after a warm-up that is not counted`,
    `  ${diskLine(folder)}`,
    "",
  );
}
