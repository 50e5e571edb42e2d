/** The database under faults: which groups and tablets, which faults and hunts, and what is promised of each. */
import { millisecond } from "../../backend/kernel/units.ts";
import { runDatabaseScenario } from "./database-scenario.ts";
import type { DatabaseScenarioSpec } from "./database-scenario.ts";
import type { Scenario } from "./scenario.ts";

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

export const databaseScenarios: readonly Scenario[] = [
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
];
