/**
 * An outbox, or a second write beside the first: what do others hear of charges while nodes die?
 *
 *     outbox    [charge + row] ──commit──> relay ──> sink, until it has it       what is committed is told
 *     after     [charge] ──commit──> sink                                        a crash between the two loses the event
 *     before    sink ──> [charge] ──commit                                       what then fails was told all the same
 *
 * Three nodes keep the log and die one after another, a fourth keeps what it is told and stays up.
 */
import type { Deployment, EventsSpec } from "../backend/api.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { inEveryRun } from "../runners/compare/judge.ts";
import type { Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart } from "../runners/results.ts";
import { charges } from "../workloads/charges.ts";
import { designBars, designsRun, percents, percentWithInterval, timelineChart } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

function design(title: string, description: string, by: EventsSpec["by"]): Design {
  const deployment: Deployment = {
    topology: oneRegion(4, 2, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: {
      kind: "charges",
      log: { replicas: [0, 1, 2], leaseUs: 500 * millisecond },
      events: { sink: 3, by },
    },
  };
  return {
    title,
    description,
    deployment,
    workload: charges({ events: by === "outbox" ? "kept" : "counted", thinkUs: { kind: "exponential", mean: 40_000 } }),
    calls: {
      clients: 20,
      timeoutUs: 400 * millisecond,
      retry: { attempts: 4, backoff: { kind: "full-jitter", baseUs: 50 * millisecond, capUs: 400 * millisecond } },
    },
  };
}

const designs = {
  outbox: design(
    "Outbox and relay",
    "The event is a row of the charge's own transaction; a relay publishes it.",
    "outbox",
  ),
  after: design("Told after", "The node that was asked tells the sink when the charge is made.", "after"),
  before: design("Told before", "The node that was asked tells the sink, and then makes the charge.", "before"),
} satisfies Record<string, Design>;

/** Each of the three dies in turn, `crashes` times in all. */
function plan(perSecond: number, s: { from: number; every: number }, crashes: number, rounds: number): TankPlan {
  const faults = Array.from({ length: crashes }, (_, i) => {
    const nodes = [i % 3];
    const atS = s.from + i * s.every;
    return [
      { atUs: Math.round(atS * second), fault: { kind: "crash", nodes } as const },
      { atUs: Math.round((atS + s.every / 3) * second), fault: { kind: "restart", nodes } as const },
    ];
  });
  const endS = s.from + crashes * s.every + 1;
  const drop = { kind: "drop", from: [0, 1, 2], to: [3], probability: 0.05 } as const;
  return {
    load: { kind: "poisson", perSecond },
    forUs: Math.round(endS * second),
    warmUpUs: 0,
    rounds,
    faults: [{ atUs: s.from * 0.5 * second, fault: drop }, ...faults.flat()],
  };
}

export const outbox: Experiment = {
  name: "outbox",
  title: "An outbox, or a second write",
  question: "Nodes die while charges are made. What do others hear of them?",
  source:
    "Richardson, Microservices Patterns, 2018, section 3.3.7; Kleppmann, Designing Data-Intensive Applications, chapter 11",
  notes:
    "Five in a hundred messages to the sink are lost as well, and two in a hundred cards are declined. An event that comes twice is no " +
    "fault: the sink knows it by its id.",
  designs,
  tanks: {
    simulation: { full: plan(200, { from: 2, every: 1.5 }, 9, 5), quick: plan(200, { from: 2, every: 1.5 }, 3, 3) },
    threads: { full: plan(200, { from: 1, every: 0.9 }, 3, 3), quick: plan(200, { from: 1, every: 0.9 }, 2, 1) },
  },
  headline: {
    metric: "toldShare",
    baseline: "after",
    candidate: "outbox",
    better: "higher",
    sentence(measured) {
      const of = (name: string, metric: string): string => percentWithInterval(percents(measured, name, metric));
      return (
        `The outbox loses ${of("outbox", "lostShare")} of the events; telling after the charge loses ${of("after", "lostShare")}, ` +
        `and telling before it invents ${of("before", "inventedShare")}.`
      );
    },
  },
  metrics(run) {
    const changes = run.metrics["check.charges"] + run.metrics["check.refunds"];
    const share = (name: string): number => (changes > 0 ? run.metrics[`check.${name}`] / changes : NaN);
    return {
      lostShare: share("lostEvents"),
      inventedShare: share("inventedEvents"),
      toldShare: 1 - share("lostEvents"),
      repeatedShare: share("repeatedEvents"),
    };
  },
  claims: [
    {
      text: "The outbox loses no event and invents none",
      expected: "0 lost, 0 invented, 0 out of order, in every run",
      judge: (measured) => none(measured, "outbox", ["lostEvents", "inventedEvents", "disorderedEvents"]),
    },
    {
      text: "Telling after the charge loses events",
      expected: "some, in every run",
      judge: (measured) => some(measured, "after", "lostEvents"),
    },
    {
      text: "Telling before the charge invents events",
      expected: "some, in every run",
      judge: (measured) => some(measured, "before", "inventedEvents"),
    },
    {
      text: "Money adds up and no key charges twice in any design",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      {
        kind: "bars",
        title: "Events lost",
        reading: "Changes that were made and that the sink was never told of.",
        valueLabel: "share of all changes (%)",
        bars: designBars(measured, names, (run) => run.metrics.lostShare * 100),
      },
      {
        kind: "bars",
        title: "Events invented",
        reading: "What the sink was told of and that never happened.",
        valueLabel: "share of all changes (%)",
        bars: designBars(measured, names, (run) => run.metrics.inventedShare * 100),
      },
      timelineChart(measured, {
        title: "Through the crashes",
        reading: "One of the log's three nodes is down in each grey band.",
        designs: names,
      }),
    ];
  },
};

function none(measured: Measured, design: string, counts: readonly string[]): Judgement {
  const figures = counts.map((name) => ({ name, values: measured.values(design, `check.${name}`) }));
  const held = figures.flatMap(({ values }) => values.map((value) => value === 0));
  return inEveryRun(held, figures.map(({ name, values }) => `${name} ${values.join(", ")}`).join("; "));
}

function some(measured: Measured, design: string, count: string): Judgement {
  const values = measured.values(design, `check.${count}`);
  return inEveryRun(
    values.map((value) => value > 0),
    `${values.join(", ")} in ${values.length} runs`,
  );
}
