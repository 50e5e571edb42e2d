/**
 * The replicated log behind etcd's interface beside etcd itself, three nodes each on this machine, every acknowledged put synchronized
 * to disk by a majority: puts and linearizable ranges through the JSON gateway of both, driven by the same script of wrk, and ours
 * against etcd's own gRPC door, which costs it less.
 */
import { availableParallelism } from "node:os";
import { diskLine } from "./disk.ts";
import type { Contest, PeerOptions, Plan, Side } from "./duel.ts";
import { duel, duelReport, print } from "./duel.ts";
import { startEtcd } from "./etcd-cluster.ts";
import { measureEtcdGrpc } from "./etcd-grpc.ts";
import type { EtcdOperation } from "./etcd-load.ts";
import { keyCount, measureEtcd, prepareEtcd, verifyEtcd } from "./etcd-load.ts";
import type { Bench, Target } from "./processes.ts";
import { hasPrograms, withBench } from "./processes.ts";
import { startDoor } from "./wavetank-door.ts";

interface Case {
  readonly operation: EtcdOperation;
  readonly connections: number;
  /** Of etcd; ours is asked through the JSON gateway always. */
  readonly door: "json" | "grpc";
  readonly least: number | null;
  readonly tail: boolean;
}

const cases: readonly Case[] = [
  { operation: "put", connections: 1, door: "json", least: 1, tail: false },
  { operation: "put", connections: 16, door: "json", least: 1, tail: false },
  { operation: "put", connections: 64, door: "json", least: 3, tail: true },
  { operation: "put", connections: 256, door: "json", least: 3, tail: true },
  { operation: "range", connections: 64, door: "json", least: 1.5, tail: false },
  { operation: "range", connections: 256, door: "json", least: 1.5, tail: false },
  { operation: "put", connections: 64, door: "grpc", least: 2, tail: false },
  { operation: "put", connections: 256, door: "grpc", least: 2, tail: false },
  { operation: "put", connections: 1_024, door: "grpc", least: 2, tail: false },
  { operation: "range", connections: 64, door: "grpc", least: null, tail: false },
  { operation: "range", connections: 256, door: "grpc", least: null, tail: false },
];

export async function compareConsensus({ quick, seed, peersOnly, named, threads }: PeerOptions): Promise<void> {
  const plan: Plan = { rounds: quick ? 2 : 5, seconds: quick ? 2 : 3, seed };
  const chosen = cases.filter((each) => titleOf(each).includes(named));
  if (chosen.length === 0) {
    const titles = cases.map((each) => `"${titleOf(each)}"`).join(", ");
    process.stderr.write(`bench:peers: --case "${named}": expected a part of one of ${titles}\n`);
    process.exitCode = 2;
    return;
  }
  if (!hasPrograms(["etcd-server", "etcd-client", "nghttp2-client", "wrk"], ["etcd", "h2load", "wrk"])) return;
  await withBench("consensus", async (bench) => {
    const etcd = await startEtcd(bench);
    const ours = peersOnly ? null : await startDoor(bench, "etcd", threads);
    introduce(bench, etcd.version, plan, ours === null ? 0 : threads);
    await prepareEtcd(bench, await etcd.leader());
    if (ours !== null) await prepareEtcd(bench, ours);
    const contests = chosen.map((each) => contestOf(bench, each, ours, etcd.leader));
    const outcomes = await duel(contests, plan);
    await verifyEtcd(await etcd.leader());
    if (ours !== null) await verifyEtcd(ours);
    print(...duelReport(outcomes, "etcd", plan));
    print("Revisions grew by what was answered; keys read back by hand came whole.");
  });
}

function contestOf(bench: Bench, each: Case, ours: Target | null, leader: () => Promise<Target>): Contest {
  const { operation, connections, door, least, tail } = each;
  const measureTheirs = door === "json" ? measureEtcd : measureEtcdGrpc;
  const theirs: Side = async (round) => measureTheirs(bench, await leader(), operation, { ...round, connections });
  return {
    title: titleOf(each),
    least,
    tail,
    ours: ours === null ? null : (round) => measureEtcd(bench, ours, operation, { ...round, connections }),
    theirs,
  };
}

function titleOf({ operation, connections, door }: Case): string {
  const asked = `${operation}, ${connections} connection${connections === 1 ? "" : "s"}`;
  return door === "json" ? asked : `${asked}, etcd by gRPC`;
}

function introduce(bench: Bench, version: string, { rounds, seconds }: Plan, threads: number): void {
  print(`Puts of 128 bytes and linearizable ranges, closed loop, ${availableParallelism()} processors shared by all`);
  print(`  etcd ${version}  3 processes on this machine, durability as it comes; asked at its leader`);
  print(
    threads > 0
      ? `  wavetank     3 nodes on ${threads} thread${threads === 1 ? "" : "s"}, one replicated log: an answered put is synced on 2 of 3 copies at least`
      : "  without wavetank: the peer alone",
  );
  print(
    `  ${keyCount.toLocaleString("en")} keys chosen evenly, JSON gateway and wrk; "by gRPC": etcd through h2load, ours as before`,
  );
  print(
    `  ${rounds} rounds, each ${seconds} s a side and case, the sides in random order, after a round that is not counted`,
  );
  print(`  ${diskLine(bench.folder)}`, "");
}
