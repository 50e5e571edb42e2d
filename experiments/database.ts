/** What the experiments on the transactional database share: its deployment, and figures read off a run's own checks. */
import type { DatabaseService, Deployment } from "../backend/api.ts";
import type { TimeSpec } from "../backend/kernel/time-spec.ts";
import type { Topology } from "../backend/kernel/topology.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { inEveryRun } from "../runners/compare/judge.ts";
import type { Judgement, Measured } from "../runners/experiment.ts";
import { tabletFrom } from "../workloads/transactions.ts";

export interface DatabaseShape {
  readonly topology: Topology;
  readonly tablets: number;
  /** Of each tablet; the first of them leads. */
  replicas(tablet: number): readonly number[];
  readonly leaseUs: Micros;
  readonly heartbeatUs?: Micros;
  readonly turnUs: Micros;
  readonly commitWait?: boolean;
  readonly time?: TimeSpec;
}

export function database(shape: DatabaseShape): Deployment {
  const { topology, turnUs, time, leaseUs, heartbeatUs, commitWait } = shape;
  const tablets = Array.from({ length: shape.tablets }, (_, tablet) => ({
    from: tabletFrom(tablet),
    replicas: shape.replicas(tablet),
  }));
  const service: DatabaseService = { kind: "database", log: { leaseUs, heartbeatUs }, tablets, commitWait };
  return { topology, durability: "log", turnUs, time, service };
}

/** `count` neighbours from `first` on, of `nodes` that stand in a ring. */
export function neighbours(first: number, count: number, nodes: number): number[] {
  return Array.from({ length: count }, (_, i) => (first + i) % nodes);
}

/** Transactions of one run whose timestamps contradict real time. */
export function disordered(measured: Measured, design: string): number[] {
  const stale = measured.values(design, "check.staleReads");
  return measured.values(design, "check.inversions").map((inversions, i) => inversions + stale[i]);
}

export function noneDisordered(measured: Measured, designs: readonly string[]): Judgement {
  const counts = designs.flatMap((name) => disordered(measured, name));
  const asked = designs.flatMap((name) => measured.of(name).runs).reduce((sum, { check }) => sum + check.examined, 0);
  return inEveryRun(
    counts.map((count) => count === 0),
    `${counts.reduce((sum, count) => sum + count, 0)} in ${counts.length} runs, ${asked} facts examined`,
  );
}

export function someDisordered(measured: Measured, design: string): Judgement {
  const counts = disordered(measured, design);
  return inEveryRun(
    counts.map((count) => count > 0),
    `${counts.join(", ")} in ${counts.length} runs`,
  );
}
