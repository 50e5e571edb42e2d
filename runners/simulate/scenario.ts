/** The scenarios that `wavetank simulate` knows: a system, its faults, and what must hold whatever the seed. */
import type { FaultPlan } from "../../backend/kernel/fault.ts";
import { millisecond } from "../../backend/kernel/units.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { chargesScenarios } from "./charges-scenario.ts";
import { runDatabaseScenario } from "./database-scenario.ts";
import type { DatabaseScenarioSpec } from "./database-scenario.ts";
import { hedgeChoices, runHedgeScenario } from "./hedge-scenario.ts";
import type { HedgeScenarioSpec } from "./hedge-scenario.ts";
import { dispatchScenarios } from "./dispatch-scenario.ts";
import { runLogScenario } from "./log-scenario.ts";
import type { LogScenarioSpec } from "./log-scenario.ts";
import { runLineScenario } from "./line-scenario.ts";
import type { StoreScenarioSpec } from "./store-scenario.ts";
import type { Violation } from "./scenario-history.ts";
import { runMembersScenario } from "./members-scenario.ts";
import type { MembersScenarioSpec } from "./members-scenario.ts";
import { runTabletScenario } from "./tablet-scenario.ts";
import type { TabletScenarioSpec } from "./tablet-scenario.ts";
import { runValueScenario } from "./value-scenario.ts";
import { zonesScenarios } from "./zones-scenario.ts";

export interface ScenarioRun {
  readonly violations: readonly Violation[];
  /** False when too few writes were acknowledged before the first fault or after it: such a run has shown nothing. */
  readonly valid: boolean;
  readonly events: number;
  readonly virtualUs: Micros;
  readonly acknowledged: number;
  readonly reads: number;
  readonly staleReads: number;
  /** Acknowledged writes that final reads miss, where the scenario allows it. */
  readonly lost: number;
  readonly digest: string;
  readonly plan: FaultPlan;
}

export interface Scenario {
  readonly name: string;
  readonly promise: string;
  /** Planted bugs that this scenario is expected to catch. */
  readonly catches: readonly string[];
  /** Harmless changes that this scenario must not take for a bug. */
  readonly tolerates: readonly string[];
  run(seed: number, plant?: string): ScenarioRun;
}

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

/** Short leases, few slots kept and a narrow window, so that what is rare in a day happens in a second. */
const log: LogScenarioSpec = {
  shapes: [
    { nodes: 3, replicas: 3 },
    { nodes: 5, replicas: 5 },
    { nodes: 4, replicas: 3 },
  ],
  log: { leaseUs: 500 * millisecond, window: 4, batch: 8, keepSlots: 32 },
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk", "drift"],
  faults: 10,
  clients: 6,
  keys: 3,
};
const logPower: LogScenarioSpec = { ...log, nemeses: ["power", "disk", "link"] };
const logWiped: LogScenarioSpec = {
  ...log,
  shapes: [{ nodes: 3, replicas: 3 }],
  nemeses: ["wipe", "crash", "partition", "link", "disk"],
  faults: 8,
};
/** Leases so short, links so slow and disturbances so many that leaders follow one another with proposals half accepted. */
const logDuels: LogScenarioSpec = {
  ...log,
  shapes: [
    { nodes: 5, replicas: 5 },
    { nodes: 3, replicas: 3 },
  ],
  log: { leaseUs: 60 * millisecond, heartbeatUs: 10 * millisecond, window: 8, batch: 2, keepSlots: 64 },
  nemeses: ["crash", "partition", "link", "pause"],
  faults: 40,
  clients: 8,
  keys: 5,
};
/** Leaders lose their voice as they begin to propose, and three of them have been at the same slot before one is heard. */
const logHunted: LogScenarioSpec = {
  ...logDuels,
  shapes: [
    { nodes: 3, replicas: 3 },
    { nodes: 3, replicas: 3 },
    { nodes: 5, replicas: 5 },
    { nodes: 4, replicas: 4 },
  ],
  nemeses: ["disk"],
  faults: 4,
  hunt: {
    snares: ["mute", "relay", "cut-off", "crash", "pause", "blink"],
    lossy: ["accept", "accepted", "chosen", "heartbeat"],
    snareUs: 120 * millisecond,
  },
};
const logAmnesia: LogScenarioSpec = {
  ...logDuels,
  shapes: [{ nodes: 3, replicas: 3 }],
  nemeses: ["disk"],
  faults: 2,
  hunt: { snares: ["amnesia", "crash", "mute"], snareUs: 60 * millisecond, restUs: 400 * millisecond },
};
const logMoves: LogScenarioSpec = {
  ...log,
  shapes: [
    { nodes: 5, replicas: 3 },
    { nodes: 4, replicas: 3 },
  ],
  nemeses: ["crash", "partition", "link", "pause"],
  moves: true,
};
const logQuorumReads: LogScenarioSpec = { ...log, log: { ...log.log, reads: "quorum" }, moves: true };

const hedges: HedgeScenarioSpec = {
  nodes: [3, 5],
  hedges: hedgeChoices,
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk"],
  faults: 6,
  clients: 6,
};

const database: DatabaseScenarioSpec = {
  shapes: [
    { nodes: 3, groups: 3 },
    { nodes: 4, groups: 3 },
    { nodes: 5, groups: 5 },
  ],
  log: { leaseUs: 500 * millisecond, window: 4, batch: 8, keepSlots: 32 },
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk", "drift"],
  faults: 6,
  clients: 6,
  accounts: 9,
};
/** Leaders lose their voice with commits under way, their successors promise timestamps to readers, and then they are heard again. */
const databaseHunted: DatabaseScenarioSpec = {
  ...database,
  shapes: [{ nodes: 3, groups: 2 }],
  log: { leaseUs: 120 * millisecond, window: 4, batch: 4, keepSlots: 32 },
  nemeses: ["disk"],
  faults: 3,
  accounts: 6,
  hunt: { snares: ["mute", "relay", "cut-off"], snareUs: 150 * millisecond },
};
const databasePower: DatabaseScenarioSpec = { ...database, nemeses: ["power", "disk", "link"] };

/** Accounts that are few tablets' now, and many a moment later. */
const databaseSplits: DatabaseScenarioSpec = {
  ...database,
  shapes: [
    { nodes: 3, groups: 1 },
    { nodes: 3, groups: 3 },
    { nodes: 4, groups: 2 },
    { nodes: 5, groups: 3 },
  ],
  clients: 10,
  // Some reads come too late, and have to be told.
  versionsKeptUs: 200 * millisecond,
  moves: {
    actEveryUs: 150 * millisecond,
    balance: {
      splitAbovePerSecond: 90,
      mergeBelowPerSecond: 30,
      patienceUs: 200 * millisecond,
      restUs: 400 * millisecond,
    },
  },
};

/** Leaders lose their voice with keys about to leave: whatever of it is chosen, their successors must agree whose the keys are. */
const databaseSplitsHunted: DatabaseScenarioSpec = {
  ...databaseSplits,
  ...databaseHunted,
  shapes: [{ nodes: 3, groups: 2 }],
  moves: { actEveryUs: 120 * millisecond },
};
/** Timestamps that one leader promised lie ahead of another's clock for a while, and in that while their keys are often split. */
const databaseSplitsApart: DatabaseScenarioSpec = {
  ...databaseSplitsHunted,
  log: { leaseUs: 300 * millisecond, window: 4, batch: 8, keepSlots: 32 },
  hunt: undefined,
  claimedErrorUs: 20 * millisecond,
  clients: 16,
  accounts: 4,
  moves: { actEveryUs: 40 * millisecond },
};
const databaseSplitsPower: DatabaseScenarioSpec = { ...databaseSplits, nemeses: ["power", "wipe", "disk", "link"] };

const tablets: TabletScenarioSpec = {
  nodes: [3, 4, 5],
  log: { leaseUs: 500 * millisecond, window: 4, batch: 8, keepSlots: 32 },
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk", "drift"],
  faults: 8,
  clients: 8,
  keys: 6,
  actEveryUs: 150 * millisecond,
  balance: {
    splitAbovePerSecond: 150,
    mergeBelowPerSecond: 50,
    patienceUs: 200 * millisecond,
    restUs: 400 * millisecond,
  },
};
const tabletsPower: TabletScenarioSpec = { ...tablets, nodes: [3], nemeses: ["power", "wipe", "disk", "link"] };

const members: MembersScenarioSpec = {
  shapes: [4, 5, 7],
  nemeses: ["crash", "partition", "pause", "slow", "link", "clock", "disk"],
  faults: 8,
  clients: 4,
  keys: 20,
};

export const scenarios: readonly Scenario[] = [
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
  {
    name: "log",
    promise: "the replicated log: one order that every answer fits, replicas agree slot by slot, leases never overlap",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runLogScenario(log, seed, plant),
  },
  {
    name: "log-power-loss",
    promise: "all replicas lose power at once, again and again: what was answered is there",
    catches: ["acknowledge-before-durable", "promise-forgotten"],
    tolerates: [],
    run: (seed, plant) => runLogScenario(logPower, seed, plant),
  },
  {
    name: "log-wiped-disk",
    promise: "a wiped replica comes back as a stranger, catches up, and votes again",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runLogScenario(logWiped, seed, plant),
  },
  {
    name: "log-moves",
    promise: "replicas and leadership move about under load: one order that every answer fits",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runLogScenario(logMoves, seed, plant),
  },
  {
    name: "log-duels",
    promise: "leaders follow one another with proposals half accepted: what was chosen stays chosen",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runLogScenario(logDuels, seed, plant),
  },
  {
    name: "log-hunted",
    promise: "whoever leads is silenced, cut off, killed or stopped: what was chosen stays chosen",
    catches: [
      "mixed-ballots",
      "own-value",
      "any-accepted-value",
      "ballot-reused",
      "half-is-majority",
      "lease-outlived",
      "no-backoff",
      "lease-without-waiting",
      "promise-forgotten",
      "any-entry-chosen",
    ],
    tolerates: ["short-lease", "cautious-leader"],
    run: (seed, plant) => runLogScenario(logHunted, seed, plant),
  },
  {
    name: "log-amnesia",
    promise: "a voter loses its disk as the leader dies: it votes again only once it is another one",
    catches: ["wiped-disk-votes"],
    tolerates: [],
    run: (seed, plant) => runLogScenario(logAmnesia, seed, plant),
  },
  {
    name: "log-quorum-reads",
    promise: "reads that ask a majority, without a lease",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runLogScenario(logQuorumReads, seed, plant),
  },
  {
    name: "database",
    promise: "transactions over tablets: timestamps are an order that explains every answer and agrees with real time",
    catches: [
      "commit-wait-skipped",
      "earliest-as-timestamp",
      "timestamp-of-coordinator-only",
      "safe-without-prepared",
      "locks-released-early",
      "no-read-locks",
      "prepared-in-memory",
    ],
    tolerates: ["later-stamps"],
    run: (seed, plant) => runDatabaseScenario(database, seed, plant),
  },
  {
    name: "database-hunted",
    promise: "leaders of a tablet in quick succession: no commit below a timestamp that was promised to a reader",
    catches: ["old-stamps-count"],
    tolerates: [],
    run: (seed, plant) => runDatabaseScenario(databaseHunted, seed, plant),
  },
  {
    name: "database-power-loss",
    promise:
      "all nodes lose power at once, again and again: what is prepared is decided, money is neither made nor lost",
    catches: ["prepared-in-memory"],
    tolerates: [],
    run: (seed, plant) => runDatabaseScenario(databasePower, seed, plant),
  },
  {
    name: "database-splits",
    promise:
      "tablets split, merge and change leaders under running transactions: none is lost or half done, and the order holds",
    catches: ["split-forgets-prepared", "child-forgets-horizon"],
    tolerates: ["later-stamps"],
    run: (seed, plant) => runDatabaseScenario(databaseSplits, seed, plant),
  },
  {
    name: "database-splits-hunted",
    promise: "leaders of tablets in quick succession while these split and merge: nothing is promised twice",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runDatabaseScenario(databaseSplitsHunted, seed, plant),
  },
  {
    name: "database-splits-apart",
    promise: "clocks that are honest and far apart: what was promised to a reader holds for who has the keys next",
    catches: ["child-stamps-from-zero"],
    tolerates: [],
    run: (seed, plant) => runDatabaseScenario(databaseSplitsApart, seed, plant),
  },
  {
    name: "database-splits-power-loss",
    promise: "power is lost and a disk is wiped while tablets split and merge: no transaction is lost or half done",
    catches: ["seal-forgets-decisions"],
    tolerates: [],
    run: (seed, plant) => runDatabaseScenario(databaseSplitsPower, seed, plant),
  },
  {
    name: "hedges",
    promise: "reads are hedged and writes never: a write that was answered was done once, any other at most once",
    catches: ["hedge-on-a-write"],
    tolerates: [],
    run: (seed, plant) => runHedgeScenario(hedges, seed, plant),
  },
  ...zonesScenarios,
  {
    name: "tablets",
    promise: "tablets split, merge and change leaders under load: each key has one owner and one order of its values",
    catches: ["split-loses-in-flight", "sealed-tablet-serves"],
    tolerates: [],
    run: (seed, plant) => runTabletScenario(tablets, seed, plant),
  },
  {
    name: "tablets-power-loss",
    promise:
      "power is lost and a disk is wiped while tablets split and merge: what was begun is finished, nothing is lost",
    catches: [],
    tolerates: [],
    run: (seed, plant) => runTabletScenario(tabletsPower, seed, plant),
  },
  ...chargesScenarios,
  ...dispatchScenarios,
  {
    name: "members",
    promise: "members agree on who is there once all is healed, bury nobody without a cause, and miss no crash",
    catches: ["suspicion-without-incarnation", "raises-others-incarnation", "forward-without-checksum"],
    tolerates: [],
    run: (seed, plant) => runMembersScenario(members, seed, plant),
  },
];
