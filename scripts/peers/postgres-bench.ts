/**
 * Charges on the replicated log, through Stripe's interface over HTTP, beside PostgreSQL with a synchronous standby doing the same work in
 * one serializable transaction, driven by pgbench in its native protocol. PostgreSQL gets the number of clients that suits it best, found
 * in a short search, and no HTTP before it.
 */
import { availableParallelism } from "node:os";
import { measureCharging, prepareCharges } from "./charges-load.ts";
import { diskLine } from "./disk.ts";
import type { Contest, PeerOptions, Plan, Side } from "./duel.ts";
import { duel, duelReport, print } from "./duel.ts";
import type { ChargeShape } from "./postgres-charges.ts";
import { accountCount, chargesIn, createChargeTables, measureCharges } from "./postgres-charges.ts";
import type { PostgresPair } from "./postgres-pair.ts";
import { startPostgres } from "./postgres-pair.ts";
import type { Bench } from "./processes.ts";
import { hasPrograms, withBench } from "./processes.ts";
import { startDoor } from "./wavetank-door.ts";

const clientCounts = [1, 4, 8, 16, 32, 64];
const shapes: readonly { readonly shape: ChargeShape; readonly title: string; readonly least: number | null }[] = [
  { shape: "statements", title: "charge", least: 4 },
  { shape: "function", title: "charge, PostgreSQL in one function call", least: null },
];
const ourConnections = 64;
const searchSeconds = 2;

export async function compareCharges({ quick, seed, peersOnly, threads }: PeerOptions): Promise<void> {
  const plan: Plan = { rounds: quick ? 2 : 5, seconds: quick ? 2 : 4, seed };
  if (!hasPrograms(["postgresql", "wrk"], ["wrk"])) return;
  await withBench("charges", async (bench) => {
    const pair = await startPostgres(bench);
    await createChargeTables(pair);
    const ours = peersOnly ? null : await ourSide(bench, threads);
    introduce(bench, await pair.version(), plan, ours === null ? 0 : threads);
    const contests: Contest[] = [];
    for (const { shape, title, least } of shapes) {
      const clients = await bestClients(bench, pair, shape, seed);
      const theirs: Side = (round) => measureCharges(bench, pair, shape, { ...round, connections: clients });
      contests.push({ title, least, tail: false, ours, theirs });
    }
    print("");
    const outcomes = await duel(contests, plan);
    print(...duelReport(outcomes, "postgres", plan));
    const charges = await chargesIn(pair);
    print(
      `PostgreSQL: ${charges.toLocaleString("en")} charges, as many keys and events, and balances that sum up to them.`,
    );
    if (ours !== null) print("wavetank: the balance grew by what was answered, run by run.");
  });
}

async function ourSide(bench: Bench, threads: number): Promise<Side> {
  const target = await startDoor(bench, "stripe", threads);
  const customers = await prepareCharges(bench, target);
  return (round) => measureCharging(bench, target, customers, { ...round, connections: ourConnections });
}

/** The best run of two each, after a warm-up; prints what it saw. */
async function bestClients(bench: Bench, pair: PostgresPair, shape: ChargeShape, seed: number): Promise<number> {
  const measure = async (connections: number): Promise<number> =>
    (await measureCharges(bench, pair, shape, { seconds: searchSeconds, seed, connections })).perSecond;
  await measure(8);
  const best = new Map<number, number>();
  for (const pass of [1, 2]) {
    for (const clients of pass === 1 ? clientCounts : clientCounts.toReversed()) {
      best.set(clients, Math.max(best.get(clients) ?? 0, await measure(clients)));
    }
  }
  const [[clients]] = [...best].sort(([, a], [, b]) => b - a);
  const seen = [...best].map(([count, rate]) => `${count}: ${Math.round(rate).toLocaleString("en")}`).join(", ");
  const how = shape === "function" ? "one function call" : "statements";
  print(`  PostgreSQL, ${how}: charges/s by clients ${seen}; most with ${clients}`);
  return clients;
}

function introduce(bench: Bench, version: string, { rounds, seconds }: Plan, threads: number): void {
  print(`Charges: key, charge, balance and outbox row together; ${availableParallelism()} processors shared by all`);
  print(
    `  PostgreSQL ${version}  primary and synchronous standby, both flush before a commit is answered; serializable, prepared,`,
  );
  print(`                    ${accountCount.toLocaleString("en")} accounts chosen evenly, pgbench over TCP: no HTTP`);
  print(
    threads > 0
      ? `  wavetank          3 replicas on ${threads} thread${threads === 1 ? "" : "s"}, a charge is answered when synced on 2; Stripe's interface, ${ourConnections} connections of wrk`
      : "  without wavetank: the peer alone",
  );
  print(
    `  ${rounds} rounds, each ${seconds} s a side and case, the sides in random order, after a round that is not counted`,
  );
  print(`  ${diskLine(bench.folder)}`);
}
