/**
 * Who is there? SWIM asks one member a period and lets news ride along; with heartbeats everybody tells everybody. Then some members work on
 * while their messages are held, as on a machine that swaps: they accuse those that are well.
 *
 *     |-- members 1 and 2 crash, one after the other --|-- messages of members 4 and 5 are held for 18 periods, again and again --|
 *              who finds out, when, who is told                 who is held for dead and is not
 *
 * Time is counted in protocol periods: 1 s in the simulation, 50 ms on threads. A suspect has 5 log10(n) of them to clear itself.
 */
import type { Deployment } from "../backend/api.ts";
import type { HeartbeatsSpec, SwimSpec } from "../backend/api-members.ts";
import type { FaultAt } from "../backend/kernel/fault.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, figure, inEveryRun, ratioAtMost, ratioWithin, within } from "../runners/compare/judge.ts";
import type { Claim, Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { members } from "../workloads/members.ts";
import { designBars, designsRun, forEachDesign, mean } from "./charts.ts";

const arrivalsPerPeriod = 1;
/** Periods at which members crash and are back: dead for longer than it takes that everybody knows. */
const crashes = [
  { member: 1, from: 10, to: 36 },
  { member: 2, from: 38, to: 64 },
];
const held = [4, 5];
const heldFrom = 68;
const heldFor = 18;
/** From one time that a member's messages are held to its next. */
const heldEvery = 26;

const lifeguard = { health: true, suspicion: true, buddies: true };
const noPart = { health: false, suspicion: false, buddies: false };

function design(title: string, description: string, nodes: number, detector: SwimSpec | HeartbeatsSpec): Design {
  const deployment: Deployment = {
    topology: oneRegion(nodes, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "members", detector },
  };
  return {
    title,
    description,
    deployment,
    workload: members({
      members: nodes,
      arrivalsPerPeriod,
      crashes: crashes.flatMap(({ member, from, to }) => [member, from * arrivalsPerPeriod, to * arrivalsPerPeriod]),
      held,
      heldFrom: heldFrom * arrivalsPerPeriod,
    }),
    calls: { clients: 1, timeoutUs: second },
  };
}

/** Times that the plan may stretch have to be written out. */
function swim(nodes: number, more: Partial<SwimSpec> = {}): SwimSpec {
  const suspicionUs = suspicionPeriods(nodes) * second;
  return { kind: "swim", periodUs: second, timeoutUs: 200 * millisecond, suspicionUs, ...more };
}

/** Lifeguard, section V: alpha = 5 times log10 n, with at least 10 members counted. */
function suspicionPeriods(nodes: number): number {
  return Math.round(50 * Math.max(1, Math.log10(nodes))) / 10;
}

function swimOf(nodes: number): Design {
  return design(
    `SWIM, ${nodes} members`,
    "Each member pings the next of a shuffled list once a period.",
    nodes,
    swim(nodes),
  );
}

function heartbeatsOf(nodes: number): Design {
  return design(`Heartbeats, ${nodes} members`, "Each member tells each other that it is alive.", nodes, {
    kind: "heartbeats",
    periodUs: second,
    suspectUs: 2_500 * millisecond,
    suspicionUs: suspicionPeriods(nodes) * second,
  });
}

function guarded(title: string, description: string, parts: SwimSpec["lifeguard"]): Design {
  return design(title, description, 128, swim(128, { lifeguard: parts }));
}

const designs = {
  swim8: swimOf(8),
  swim32: swimOf(32),
  swim128: swimOf(128),
  swim1000: swimOf(1_000),
  random32: design("SWIM at random, 32 members", "Each member pings any other.", 32, swim(32, { targets: "random" })),
  random128: design(
    "SWIM at random, 128 members",
    "Each member pings any other.",
    128,
    swim(128, { targets: "random" }),
  ),
  lifeguard: guarded("Lifeguard, 128 members", "SWIM with all three parts of Lifeguard.", lifeguard),
  health: guarded("Self-awareness alone", "A member in bad health probes less and waits longer.", {
    ...noPart,
    health: true,
  }),
  suspicion: guarded("Suspicion timeout alone", "A suspicion that nobody confirms lasts longer.", {
    ...noPart,
    suspicion: true,
  }),
  buddies: guarded("Buddy system alone", "A suspect is told by whoever pings it next.", {
    ...noPart,
    buddies: true,
  }),
  beats8: heartbeatsOf(8),
  beats32: heartbeatsOf(32),
  beats128: heartbeatsOf(128),
} satisfies Record<string, Design>;

type Name = keyof typeof designs;
const nodesOf = (name: Name): number => designs[name].deployment.topology.nodes.length;
const bySize: readonly Name[] = ["swim8", "swim32", "swim128", "swim1000"];
const beatsBySize: readonly Name[] = ["beats8", "beats32", "beats128"];
const roundRobin: readonly Name[] = [...bySize, "lifeguard", "health", "suspicion", "buddies"];
const random: readonly Name[] = ["random32", "random128"];

/** `periods` of the story, each `periodS` long. */
function plan(periodS: number, periods: number, rounds: number, only: readonly Name[]): TankPlan {
  const at = (period: number): number => Math.round(period * periodS * second);
  const faults: FaultAt[] = crashes.flatMap(({ member, from, to }) => [
    { atUs: at(from), fault: { kind: "crash", nodes: [member] } as const },
    { atUs: at(to), fault: { kind: "restart", nodes: [member] } as const },
  ]);
  for (let from = heldFrom; from + heldFor < periods; from += heldEvery) {
    held.forEach((member, i) => {
      const fault = { kind: "hold", nodes: [member], forUs: at(heldFor) } as const;
      faults.push({ atUs: at(from + 4 * i), fault });
    });
  }
  return {
    load: { kind: "constant", perSecond: arrivalsPerPeriod / periodS },
    forUs: at(periods),
    warmUpUs: 0,
    rounds,
    faults: faults.filter(({ atUs }) => atUs < at(periods)).sort((a, b) => a.atUs - b.atUs),
    designs: only,
  };
}

const everything = Object.keys(designs) as Name[];
const small = everything.filter((name) => name !== "swim1000" && name !== "beats128");

/** E = 1 / (1 - (1 - 1/(n-1))^(n-1)), the paper's section 3.2 for n - 1 others. */
function expectedPeriods(n: number): number {
  return 1 / (1 - Math.pow(1 - 1 / (n - 1), n - 1));
}

function ran(measured: Measured, names: readonly Name[]): Name[] {
  const run = designsRun(measured);
  return names.filter((name) => run.includes(name));
}

function counts(measured: Measured, name: string, figureName: string): number[] {
  return measured.values(name, `check.${figureName}`);
}

/** Nothing to judge is no claim held: a tank that ran none of the designs says so. */
function judged(measured: Measured, names: readonly Name[], judge: (name: Name) => Judgement): Judgement {
  return forEachDesign(measured, ran(measured, names), (name) => judge(name as Name));
}

function atMostInEveryRun(values: readonly number[], bound: number): Judgement {
  const text = `${values.map(figure).join(", ")}; at most ${figure(bound)}`;
  return inEveryRun(
    values.map((value) => value <= bound),
    text,
  );
}

const claims: readonly Claim[] = [
  {
    text: "Whoever dies is found out by a ping that begins in period 1.58, on average, whatever the number of members",
    expected:
      "1.58 periods, within 0.03, over all designs of 32 members and more: 1 / (1 - (1 - 1/(n-1))^(n-1)) when targets are random " +
      `(${random.map((name) => `${figure(expectedPeriods(nodesOf(name)))} for ${nodesOf(name)}`).join(", ")}), and no later round robin`,
    tanks: ["simulation"],
    judge(measured) {
      const names = ran(measured, [...random, ...bySize]).filter((name) => nodesOf(name) >= 32);
      const means = names.map((name) => mean(counts(measured, name, "pingWait")));
      const pooled = within(
        names.flatMap((name) => counts(measured, name, "pingWait")),
        1.55,
        1.61,
        "periods",
      );
      const each = names.map((name, i) => `${designs[name].title}: ${means[i].toFixed(3)}`).join(", ");
      return { ...pooled, measured: `${pooled.measured}; ${each}` };
    },
  },
  {
    text: "Members that crash are found as the law of pings says",
    expected: "over all crashes 1.58 periods, within half a period",
    tanks: ["simulation"],
    judge(measured) {
      const names = ran(measured, [...random, ...roundRobin]).filter((name) => nodesOf(name) >= 32);
      return within(
        names.flatMap((name) => counts(measured, name, "firstMiss")),
        1.08,
        2.08,
        "periods",
      );
    },
  },
  {
    text: "Round robin bounds what chance does not: nobody waits longer than two rounds for a ping",
    expected: "in every run at most 2n - 1 periods between two pings of one member, and one that its ping may be late",
    tanks: ["simulation"],
    judge: (measured) =>
      judged(measured, ["swim8", "swim32"], (name) =>
        atMostInEveryRun(counts(measured, name, "longestPingWait"), 2 * nodesOf(name)),
      ),
  },
  {
    text: "With SWIM a member sends as many messages among a thousand as among eight; with heartbeats, one to each",
    expected: "before the first crash, SWIM: within 10 % of those of 8 members; heartbeats: n - 1 a period",
    judge(measured) {
      const swims = ran(measured, bySize.slice(1)).map((name) =>
        ratioWithin(
          counts(measured, "swim8", "messagesPerPeriod"),
          counts(measured, name, "messagesPerPeriod"),
          0.9,
          1.1,
        ),
      );
      const beats = judged(measured, beatsBySize, (name) => {
        const values = counts(measured, name, "messagesPerPeriod");
        return inEveryRun(
          values.map((value) => Math.abs(value - (nodesOf(name) - 1)) < 0.01),
          `${values.map(figure).join(", ")} messages a member and period`,
        );
      });
      return allOf([...swims, beats]);
    },
  },
  {
    text: "From the first member that holds another for dead to the last takes at most 3 ln n periods",
    expected: "in every run, for every crash",
    tanks: ["simulation"],
    judge: (measured) =>
      judged(measured, roundRobin, (name) =>
        atMostInEveryRun(counts(measured, name, "longestSpread"), 3 * Math.log(nodesOf(name))),
      ),
  },
  {
    text: "Every crash is noticed by every other member",
    expected: "in every run",
    judge: (measured) =>
      judged(measured, everything, (name) => {
        const missing = counts(measured, name, "unnoticed");
        const [least] = counts(measured, name, "crashes").sort((a, b) => a - b);
        return inEveryRun(
          missing.map((value) => value === 0 && least > 0),
          `${missing.map(figure).join(", ")} pairs of a crash and a member that did not notice it`,
        );
      }),
  },
  {
    text: "Lifeguard does not take those that are well for dead when others cannot hear",
    expected: "in every run at least 20 times fewer false verdicts at members that are well than SWIM",
    tanks: ["simulation"],
    judge(measured) {
      const [plain, guard] = ["swim128", "lifeguard"].map((name) => counts(measured, name, "falseDead"));
      return inEveryRun(
        plain.map((value, i) => value >= 20 * Math.max(1, guard[i])),
        `SWIM ${plain.map(figure).join(", ")}; Lifeguard ${guard.map(figure).join(", ")}`,
      );
    },
  },
  {
    text: "Lifeguard's patience does not delay what is true",
    expected: "a crash is at most 10 % later held for dead, by the first member and by the last",
    tanks: ["simulation"],
    judge: (measured) =>
      allOf(
        ["firstDead", "lastDead"].map((name) =>
          ratioAtMost(counts(measured, "swim128", name), counts(measured, "lifeguard", name), 1.1),
        ),
      ),
  },
];

export const failureDetection: Experiment = {
  name: "failure-detection",
  title: "Failure detectors: SWIM, Lifeguard, heartbeats",
  question: "How soon is a crash known, what does it cost each member to know, and who is taken for dead that is not?",
  source:
    "Das, Gupta, Motivala, SWIM, DSN 2002, sections 3 to 5; Dadgar, Phillips, Currey, Lifeguard, DSN 2018, sections IV and V",
  notes:
    "Lifeguard's paper holds the messages of up to 32 of 128 members for up to 32 s; here two members are held for 18 periods at a time. " +
    "The law of the first detection counts periods by " +
    "the finder's own clock, from the crash to the period that found it: it is measured at every instant from who pinged whom, and at the crashes.",
  designs,
  tanks: {
    simulation: { full: plan(1, 122, 4, everything), quick: plan(1, 96, 5, small) },
    threads: {
      full: { ...plan(0.05, 66, 3, ["swim8", "beats8"]), timeScale: 0.05 },
      quick: { ...plan(0.05, 66, 1, ["swim8", "beats8"]), timeScale: 0.05 },
    },
  },
  headline: {
    metric: "messagesPerPeriod",
    baseline: "beats8",
    candidate: "swim8",
    better: "lower",
    sentence(measured) {
      const [few, many] = [ran(measured, bySize)[0], ran(measured, bySize).at(-1)!];
      const messages = (name: Name): string => figure(mean(counts(measured, name, "messagesPerPeriod")));
      const beats = ran(measured, beatsBySize).at(-1)!;
      const cost =
        `A member of SWIM sends ${messages(few)} messages a period among ${nodesOf(few)}` +
        (few === many ? "" : ` and ${messages(many)} among ${nodesOf(many)}`) +
        `; with heartbeats ${messages(beats)} among ${nodesOf(beats)}.`;
      if (ran(measured, ["swim128", "lifeguard"]).length < 2) return cost;
      const wrong = (name: Name): string => figure(mean(counts(measured, name, "falseDead")));
      return (
        `${cost} When two of 128 members cannot hear, SWIM's well members hold others for dead wrongly ${wrong("swim128")} times ` +
        `a run, Lifeguard's ${wrong("lifeguard")} times.`
      );
    },
  },
  metrics: (run) => ({ messagesPerPeriod: run.metrics["check.messagesPerPeriod"] }),
  claims,
  charts(measured): Chart[] {
    const detectors = ran(measured, [...bySize, "lifeguard", ...beatsBySize]);
    const cannotHear = ran(measured, ["swim128", "health", "suspicion", "buddies", "lifeguard", "beats128"]);
    return [
      {
        kind: "bars",
        title: "Messages that a member sends in a period",
        reading: "SWIM's do not grow with the number of members; everybody's heartbeats to everybody do.",
        valueLabel: "messages a member and period",
        bars: designBars(measured, detectors, (run) => run.metrics.messagesPerPeriod),
      },
      {
        kind: "bars",
        title: "From a crash until the last member holds it for dead",
        reading:
          "One to two periods to find out, 5 log10(n) to let the suspect clear itself, and a few until everybody knows.",
        valueLabel: "periods",
        bars: designBars(measured, detectors, (run) => run.metrics["check.lastDead"]),
      },
      ...(cannotHear.length < 2
        ? []
        : [
            {
              kind: "bars",
              title: "Members that are well and were held for dead by others that are well",
              reading: "Who cannot hear accuses others. Lifeguard's members doubt themselves first.",
              valueLabel: "pairs of member and believer in a run",
              bars: designBars(measured, cannotHear, (run) => run.metrics["check.falseDead"]),
            } as const,
          ]),
    ];
  },
};
