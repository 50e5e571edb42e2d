/** The replicated log under faults: which cluster, which faults and hunts, and what is promised of each. */
import { millisecond } from "../../backend/kernel/units.ts";
import { runLogScenario } from "./log-scenario.ts";
import type { LogScenarioSpec } from "./log-scenario.ts";
import type { Scenario } from "./scenario.ts";

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

export const logScenarios: readonly Scenario[] = [
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
];
