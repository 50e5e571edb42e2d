/**
 * A zone dies: what is it to those who write to a replicated log? Figure 5 of Spanner's paper, with one group instead of many.
 *
 *     another's     the leader is elsewhere        nobody waits
 *     soft          the leader hands over first    an election, and no lease to wait for
 *     hard          no warning                     nobody may lead until the dead leader's lease has run out
 *
 *     crash ──── what is left of the lease ────> somebody may stand ── up to 4 heartbeats ──> election: 2 round trips ──> writes
 *
 * The zone that dies is the same, at the same instant; only the leader differs. Clients ask again, at random instants of a few seconds, until
 * they are answered: what was asked in the meantime comes on top of the load when somebody leads again, as in the figure. Threads tell the
 * same story ten times as fast.
 */
import type { Deployment } from "../backend/api.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { allOf, figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Claim, Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { registers } from "../workloads/registers.ts";
import { designBars, designsRun, forEachDesign, mean, percent, timelineChart } from "./charts.ts";
import { okShareBetween } from "./timeline.ts";

/** A soft leader hands over when this share of the time to the crash has passed. */
const handOverShare = 0.6;
const before = { simulation: { perSecond: 100, crashS: 4 }, threads: { perSecond: 400, crashS: 1 } };
/** The same in both tanks, which ask for as much before the crash. */
const crashArrival = before.simulation.perSecond * before.simulation.crashS;
/** Two round trips between zones, and the flushes between them. */
const electionMs = { simulation: 10, threads: 400 };
/** Without a lease to wait for; threads share their processors with whatever else this machine does. */
const soonMs = { simulation: 300, threads: 600 };
/** Of what is offered towards the end of the run; the rest is answered, but later. The threads' end is too short to count in. */
const backShare = { simulation: 0.9, threads: 0 };

interface Leader {
  /** In the order in which they are asked to lead. Node 0 dies. */
  readonly replicas: readonly number[];
  readonly leaseS: number;
  readonly handsOver?: boolean;
}

function design(title: string, description: string, { replicas, leaseS, handsOver = false }: Leader): Design {
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 20,
    service: { kind: "keys", log: { replicas, leaseUs: leaseS * second, heartbeatUs: 200 * millisecond } },
  };
  const handOver = handsOver ? { atArrival: crashArrival * handOverShare, to: 1 } : null;
  return {
    title,
    description,
    deployment,
    workload: registers({ readShare: 0.3, leader: replicas[0], handOver }),
    calls: {
      clients: 20,
      timeoutUs: second,
      retry: { attempts: 20, backoff: { kind: "full-jitter", baseUs: second / 2, capUs: 3 * second } },
    },
  };
}

const first = [0, 1, 2];

const designs = {
  other: design("Another replica dies", "The leader is in a zone that lives.", { replicas: [1, 2, 0], leaseS: 10 }),
  soft: design("Soft kill", "The leader hands over before it dies.", { replicas: first, leaseS: 10, handsOver: true }),
  hard: design("Hard kill, lease of 10 s", "The leader dies without a word, as in the paper.", {
    replicas: first,
    leaseS: 10,
  }),
  hardShort: design("Hard kill, lease of 2 s", "The leader dies without a word; it had promised to lead for 2 s.", {
    replicas: first,
    leaseS: 2,
  }),
} satisfies Record<string, Design>;

type Name = keyof typeof designs;
const softly: readonly Name[] = ["other", "soft"];
const hardly: readonly Name[] = ["hard", "hardShort"];

function plan(tank: keyof typeof before, endS: number, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  const { perSecond, crashS } = before[tank];
  return {
    load: { kind: "constant", perSecond },
    forUs: endS * second,
    warmUpUs: 0,
    rounds,
    faults: [{ atUs: crashS * second, fault: { kind: "crash", nodes: [0] } }],
    ...more,
  };
}

/** The design's lease and heartbeat in the tank's own time, seconds. */
function logOf(measured: Measured, name: string): { leaseS: number; heartbeatS: number } {
  const { service } = measured.of(name).design.deployment;
  if (service.kind !== "keys") throw new Error(`${name} has no log`);
  const { leaseUs = NaN, heartbeatUs = NaN } = service.log;
  return { leaseS: leaseUs / second, heartbeatS: heartbeatUs / second };
}

/** In every run of each of `names` that was run, the longest time without an acknowledged write lies within what `bounds` says. */
function unavailable(
  measured: Measured,
  names: readonly Name[],
  bounds: (name: Name) => { low?: number; high?: number },
): Judgement {
  const run = names.filter((name) => measured.designs.some((design) => design.name === name));
  return forEachDesign(measured, run, (name) => {
    const { low = 0, high = Infinity } = bounds(name as Name);
    const values = measured.values(name, "unavailableS");
    const text = values.map(seconds).join(", ");
    const bound = high === Infinity ? `at least ${seconds(low)}` : `at most ${seconds(high)}`;
    return inEveryRun(
      values.map((value) => value >= low && value <= high),
      `${text}; ${bound}`,
    );
  });
}

function seconds(value: number): string {
  return `${Number(value.toFixed(2))} s`;
}

const claims: readonly Claim[] = [
  {
    text: "Without warning nothing is written until the lease has run out and somebody is elected, and no longer",
    expected:
      "in every run at most the lease, 4 heartbeats and an election of two round trips (10 ms; 400 ms on busy threads)",
    judge: (measured) =>
      unavailable(measured, hardly, (name) => {
        const { leaseS, heartbeatS } = logOf(measured, name);
        return { high: leaseS + 4 * heartbeatS + electionMs[measured.tank] / 1_000 };
      }),
  },
  {
    text: "Nobody leads before the dead leader's lease has run out",
    expected: "in every run at least the lease, less the two heartbeats since which it may not have been renewed",
    judge: (measured) =>
      unavailable(measured, hardly, (name) => {
        const { leaseS, heartbeatS } = logOf(measured, name);
        return { low: leaseS - 2 * heartbeatS };
      }),
  },
  {
    text: "A leader that hands over first is hardly missed, nor is a replica that does not lead",
    expected: "in every run at most 0.3 s without an acknowledged write, 0.6 s on threads",
    judge: (measured) => unavailable(measured, softly, () => ({ high: soonMs[measured.tank] / 1_000 })),
  },
  {
    text: "No acknowledged write is lost, and every answer fits one order",
    expected:
      "every check holds: revisions agree with real time, reads show the state at theirs, the end has every write",
    judge(measured) {
      const runs = designsRun(measured).flatMap((name) => measured.of(name).runs);
      const writes = runs.reduce((sum, { metrics }) => sum + metrics["check.acknowledgedWrites"], 0);
      return inEveryRun(
        runs.map(({ check }) => check.held),
        `${runs.length} runs, ${writes} acknowledged writes`,
      );
    },
  },
  {
    text: "What had to wait is answered on top of the load, and then all is as before",
    expected:
      "at least twice the offered rate at the peak after a hard kill; in every run at least 99 % of all operations are answered, " +
      "and towards its end at least 90 % of what is offered then (in the simulation)",
    judge(measured) {
      const peaks = measured.values("hard", "peakRatio");
      const text = `peaks of ${peaks.map((peak) => figure(peak)).join(", ")} times what is offered`;
      const burst = inEveryRun(
        peaks.map((peak) => peak >= 2),
        text,
      );
      const answered = forEachDesign(measured, designsRun(measured), (name) => {
        const [all, late] = ["okShare", "lateOkShare"].map((metric) => measured.values(name, metric));
        return inEveryRun(
          all.map((share, i) => share >= 0.99 && late[i] >= backShare[measured.tank]),
          `${all.map(percent).join(", ")} answered`,
        );
      });
      return allOf([burst, answered]);
    },
  },
];

export const leaderFailure: Experiment = {
  name: "leader-failure",
  title: "A leader dies, with notice and without",
  question: "How long is nothing written when the leader's zone dies, and is anything lost?",
  source: "Corbett et al., Spanner, OSDI 2012, section 5.1 (figure 5) and section 2.1 (leases of 10 s)",
  notes:
    "The paper kills zones under reads of many groups; here one group takes writes and reads. Its hard kill costs some 10 s because its leases are " +
    "that long; the lease is a choice, and costs nothing else here but more frequent renewals.",
  designs,
  tanks: {
    simulation: { full: plan("simulation", 40, 5), quick: plan("simulation", 18, 3) },
    threads: {
      full: plan("threads", 2.5, 2, { timeScale: 0.1 }),
      quick: plan("threads", 2.5, 1, { timeScale: 0.1, designs: ["soft", "hard"] }),
    },
  },
  headline: {
    metric: "unavailableS",
    baseline: "hard",
    candidate: "soft",
    better: "lower",
    sentence(measured) {
      const gap = (name: Name): string => seconds(mean(measured.values(name, "unavailableS")));
      const { leaseS } = logOf(measured, "hard");
      return (
        `When the leader dies without warning nothing is written for ${gap("hard")} (its lease is ${seconds(leaseS)}); ` +
        `when it hands over first, for ${gap("soft")}.`
      );
    },
  },
  metrics(run, settled) {
    const endS = settled.forUs / second;
    const lifeS = endS - settled.faults[0].atUs / second;
    return {
      unavailableS: run.metrics["check.gapUs"] / second,
      peakRatio: peakRatio(run),
      lateOkShare: okShareBetween(run, endS - 0.3 * lifeS, endS - 0.05 * lifeS),
    };
  },
  claims,
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      timelineChart(measured, {
        title: "Before and after the zone's death",
        reading: "A hard kill leaves a gap as long as the lease; what waited is then answered on top of the load.",
        designs: names,
      }),
      {
        kind: "bars",
        title: "Longest time without an acknowledged write",
        reading: "The lease is the price of a leader that may read without asking; notice makes it free.",
        valueLabel: "seconds",
        bars: designBars(measured, names, (run) => run.metrics.unavailableS),
      },
    ];
  },
};

/** The best row of the timeline against what is offered in a row. */
function peakRatio({ timeline: { ok, offered } }: RunResult): number {
  return (Math.max(...ok) * offered.length) / offered.reduce((sum, value) => sum + value, 0);
}
