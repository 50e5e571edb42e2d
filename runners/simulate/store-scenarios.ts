/** The quorum store under faults: which cluster, which faults, and what is promised of each. */
import { runLineScenario } from "./line-scenario.ts";
import type { Scenario } from "./scenario.ts";
import type { StoreScenarioSpec } from "./store-scenario.ts";
import { runValueScenario } from "./value-scenario.ts";

const strict = { n: 3, r: 2, w: 2, sloppy: false };
const common = { faults: 8, clients: 6, records: 4 };
const quorum: StoreScenarioSpec = {
  ...common,
  nodes: [3, 4, 5],
  replication: strict,
  merge: "union",
  nemeses: ["crash", "partition", "pause", "slow", "link", "clock", "disk"],
};
const sloppy: StoreScenarioSpec = {
  ...common,
  nodes: [5, 6],
  replication: { ...strict, sloppy: true },
  merge: "union",
  nemeses: ["crash", "partition", "pause", "link"],
};
const wideQuorum: StoreScenarioSpec = {
  ...common,
  nodes: [5, 7],
  replication: { n: 5, r: 3, w: 3, sloppy: false },
  merge: "union",
  nemeses: ["link", "partition"],
  clients: 8,
  records: 8,
  faults: 20,
};
const powerLoss: StoreScenarioSpec = { ...quorum, nodes: [1, 3], nemeses: ["power", "disk"], clients: 8 };
/** Many records, so that what a coordinator forgot is seldom written again. */
const suddenDeath: StoreScenarioSpec = {
  ...quorum,
  nodes: [3],
  nemeses: ["crash", "disk"],
  records: 24,
  faults: 20,
};
const damagedLog: StoreScenarioSpec = { ...powerLoss, nodes: [3], nemeses: ["power", "disk", "corrupt"] };
const wipedDisk: StoreScenarioSpec = { ...quorum, nemeses: ["wipe", "crash", "link"], mayLose: true };

export const storeScenarios: readonly Scenario[] = [
  {
    name: "quorum",
    promise: "R + W > N, strict: no stale read, no lost write, replicas converge after the heal",
    catches: [
      "too-few-answers",
      "dropped-hint",
      "hint-deleted-on-send",
      "repair-with-oldest",
      "no-dot",
      "stand-in-counted-strictly",
      "sibling-dropped",
    ],
    tolerates: ["patient-peers", "other-fan-out", "repairs-twice"],
    run: (seed, plant) => runLineScenario(quorum, seed, plant),
  },
  {
    name: "wide-quorum",
    promise: "three of five on links that lose, double and delay: no stale read, no lost write, replicas converge",
    catches: ["answer-counted-twice", "any-acknowledgement-pays"],
    tolerates: ["repairs-twice"],
    run: (seed, plant) => runLineScenario(wideQuorum, seed, plant),
  },
  {
    name: "sloppy",
    promise: "sloppy quorum: stale reads are counted, no write is lost, hints reach their replicas",
    catches: ["dropped-hint", "hint-deleted-on-send", "no-dot", "sibling-dropped"],
    tolerates: ["patient-peers", "other-fan-out", "repairs-twice"],
    run: (seed, plant) => runLineScenario(sloppy, seed, plant),
  },
  {
    name: "siblings",
    promise: "siblings and deletions, strict: what was not seen is not overwritten, what was deleted never returns",
    catches: ["too-few-answers", "no-dot", "sibling-dropped", "tombstone-dropped"],
    tolerates: ["other-fan-out"],
    run: (seed, plant) => runValueScenario({ ...quorum, merge: "siblings" }, seed, plant),
  },
  {
    name: "last-writer",
    promise: "last writer wins, clocks that agree: a write loses to concurrent ones only, replicas converge",
    catches: ["too-few-answers", "hint-deleted-on-send", "actor-outlives-crash"],
    tolerates: ["other-fan-out"],
    run: (seed, plant) =>
      runValueScenario(
        {
          ...quorum,
          merge: "last-writer-wins",
          nemeses: ["crash", "partition", "pause", "slow", "link", "disk"],
        },
        seed,
        plant,
      ),
  },
  {
    name: "power-loss",
    promise: "all nodes lose power at once, again and again: every acknowledged write is there",
    catches: ["acknowledge-before-durable", "actor-outlives-crash"],
    tolerates: [],
    run: (seed, plant) => runLineScenario(powerLoss, seed, plant),
  },
  {
    name: "sudden-death",
    promise: "coordinators die with writes under way on slow disks: what one replica keeps, all get",
    catches: ["no-vouch"],
    tolerates: ["repairs-twice"],
    run: (seed, plant) => runValueScenario({ ...suddenDeath, merge: "last-writer-wins" }, seed, plant),
  },
  {
    name: "damaged-log",
    promise: "a node whose log is damaged stays down, the other two carry on and have every acknowledged write",
    catches: ["acknowledge-before-durable"],
    tolerates: [],
    run: (seed, plant) => runLineScenario(damagedLog, seed, plant),
  },
  {
    name: "wiped-disk",
    promise: "one disk is wiped, and again: losses are counted, nothing appears that nobody wrote, all comes to rest",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runLineScenario(wipedDisk, seed, plant),
  },
];
