/**
 * Fixed versus adaptive capacity: a table is used at exactly the rate it bought, first evenly and then on one key.
 *
 *     |---- every partition an eighth ----|---- everything on one partition ----|
 *                no design throttles             fixed admits an eighth of it
 *
 * A partition's cap (1,000 write units a second) is above the whole load, so the hardware could serve it: what is refused is
 * refused by bookkeeping.
 */
import type { CapacitySpec, Deployment } from "../backend/api.ts";
import { second } from "../backend/kernel/units.ts";
import { cloudDelays, oneRegion } from "../backend/kernel/topology.ts";
import { allOf, atLeast, atMost, within } from "../runners/compare/judge.ts";
import type { Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { items } from "../workloads/items.ts";
import {
  designBars,
  designsRun,
  forEachDesign,
  listCounter,
  mean,
  percents,
  percentWithInterval,
  timelineChart,
} from "./charts.ts";
import { okShareBetween } from "./timeline.ts";

const partitions = 8;
const writesPerSecond = 400;
/** Reads are plentiful: they only happen when the run is checked. */
const readsPerSecond = 16_000;
const provisioned = { read: readsPerSecond, write: writesPerSecond };
/** As if the table had been idle for this long before: enough for a burst to be seen and to be seen to end. */
const savedSeconds = 10;

/** Load is even for so long. The change comes at an arrival; those of the simulation are Poisson, so it is at about this instant. */
const evenS = 2;

function design(title: string, description: string, capacity: CapacitySpec): Design {
  const deployment: Deployment = {
    topology: oneRegion(3, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "tables", virtualNodes: 150, quorumTimeoutUs: second },
  };
  return {
    title,
    description,
    deployment,
    workload: items({
      table: { capacity, partitions },
      keys: "uniform:1000000",
      readShare: 0,
      shift: { atArrival: evenS * writesPerSecond, keys: "hotspot:1:1" },
    }),
    calls: { clients: 1, timeoutUs: second },
  };
}

const designs = {
  fixed: design("Fixed share", "Each partition gets an eighth of what the table bought.", {
    kind: "fixed",
    provisioned,
  }),
  burst: design("Burst bucket", "As fixed, and a partition may spend what it saved in up to 300 s.", {
    kind: "burst",
    provisioned,
    savedSeconds,
  }),
  adaptive: design(
    "Adaptive",
    "As burst, and a controller boosts throttled partitions while the table is under its provision.",
    {
      kind: "adaptive",
      provisioned,
      savedSeconds: 1,
    },
  ),
  onDemand: design("On demand", "The table takes up to twice its previous peak; partitions only know their cap.", {
    kind: "on-demand",
    initialPeak: { read: readsPerSecond / 2, write: writesPerSecond / 2 },
  }),
} satisfies Record<string, Design>;

function plan(hotSeconds: number, rounds: number, kind: "poisson" | "constant" = "poisson"): TankPlan {
  const forUs = (evenS + hotSeconds) * second;
  return { load: { kind, perSecond: writesPerSecond }, forUs, warmUpUs: 0, rounds, faults: [] };
}

/**
 * On a real clock the settled part is a second long, in which Poisson arrivals would by chance be a tenth above the provision: what is refused then is refused
 * rightly and says nothing about a design. So there they come evenly.
 */
const live = (rounds: number): TankPlan => plan(3.2, rounds, "constant");

export const adaptiveCapacity: Experiment = {
  name: "adaptive-capacity",
  title: "Fixed versus adaptive capacity",
  question: "Is a hot key throttled while its table has capacity to spare?",
  source: "Elhemali et al., Amazon DynamoDB, USENIX ATC 2022, section 4",
  notes:
    "The paper's last step, splitting a partition for consumption, cannot help here: a single hot key cannot be split. Saved burst " +
    `capacity is ${savedSeconds} s instead of 300 s, so that it runs out within the run; the adaptive design starts with 1 s, so that what ` +
    "admits its load is the controller.",
  designs,
  tanks: {
    simulation: { full: plan(20, 5), quick: plan(15, 3) },
    threads: {
      full: { ...live(3), designs: ["fixed", "adaptive", "onDemand"] },
      quick: { ...live(1), designs: ["fixed", "adaptive"] },
    },
  },
  headline: {
    metric: "hotOkShare",
    baseline: "fixed",
    candidate: "adaptive",
    better: "higher",
    sentence(measured) {
      const share = (name: string): string => percentWithInterval(percents(measured, name, "hotOkShare"));
      return (
        `With all load on one key and the table exactly at its provision, fixed shares admit ${share("fixed")} of the writes ` +
        `and adaptive capacity ${share("adaptive")}, once its controller has seen the throttling.`
      );
    },
  },
  metrics(run, settled) {
    const end = settled.forUs / second;
    return {
      evenOkShare: okShareBetween(run, 0.2, evenS - 0.1),
      // The last part of the hot phase: bursts are spent and the controller has had three rounds.
      hotOkShare: okShareBetween(run, evenS + settledAfter(settled), end - 0.1),
      wholeHotOkShare: okShareBetween(run, evenS + 0.1, end - 0.1),
    };
  },
  claims: [
    {
      text: "Even load at the provision is throttled by no design",
      expected: "at least 99 % admitted",
      judge: (measured) =>
        forEachDesign(measured, designsRun(measured), (name) =>
          atLeast(percents(measured, name, "evenOkShare"), 99, "%"),
        ),
    },
    {
      text: "A fixed share admits an eighth of the hot load",
      expected: "12.5 %, within 2 points",
      judge: (measured) => within(percents(measured, "fixed", "hotOkShare"), 10.5, 14.5, "%"),
    },
    {
      text: "A burst bucket admits more at first and ends where the fixed share is",
      expected: "over the whole hot phase more than fixed; once spent, 12.5 % within 2 points",
      tanks: ["simulation"],
      judge: (measured) =>
        allOf([
          atLeast(
            percents(measured, "burst", "wholeHotOkShare"),
            mean(percents(measured, "fixed", "wholeHotOkShare")),
            "%",
          ),
          within(percents(measured, "burst", "hotOkShare"), 10.5, 14.5, "%"),
        ]),
    },
    ...(["adaptive", "onDemand"] as const).map((name) => ({
      text:
        name === "adaptive"
          ? "Adaptive capacity admits everything within the partition's cap"
          : "On demand admits everything within twice the previous peak and the partition's cap",
      expected:
        "at least 95 % once the controller has answered: the load is exactly at the limit, in the simulation only on average",
      judge: (measured: Measured) => atLeast(percents(measured, name, "hotOkShare"), 95, "%"),
    })),
    {
      text: "What is not admitted is throttled, and nothing else goes wrong",
      expected: "no unknown outcome",
      judge: (measured) =>
        forEachDesign(measured, designsRun(measured), (name) =>
          atMost(percents(measured, name, "unknownShare"), 0.1, "%"),
        ),
    },
  ],
  charts(measured): Chart[] {
    return [
      {
        kind: "bars",
        title: "Hot load admitted, once settled",
        reading: "The same hardware and the same load; only the bookkeeping differs.",
        valueLabel: "share of writes admitted (%)",
        bars: designBars(measured, designsRun(measured), (run) => run.metrics.hotOkShare * 100),
        rule: { value: 100 / partitions, label: "an equal share" },
      },
      timelineChart(measured, {
        title: "From even load to one hot key",
        reading: `After ${evenS} s all writes go to one key of one partition.`,
        designs: designsRun(measured),
      }),
      throttlingMap(measured),
    ];
  },
};

/** Seconds of the hot phase that are not counted: for bursts to end and the controller to converge. */
function settledAfter({ forUs }: TankPlan): number {
  return Math.max(2.2, (forUs / second - evenS) / 2);
}

/** Units refused by partition and second: one bright cell a second is one hot key. */
function throttlingMap(measured: Measured): Chart {
  const seconds = Math.ceil(measured.plan.forUs / second);
  const panels = designsRun(measured).map((name) => {
    const { design: of, runs } = measured.of(name);
    return { design: of.title, values: matrix(runs[0], seconds) };
  });
  return {
    kind: "heatmap",
    title: "Throttled by partition",
    reading: "Only the partition of the hot key is throttled; the capacity it lacks lies unused in the others.",
    xLabel: "seconds",
    yLabel: "partition",
    valueLabel: "write units refused a second",
    xs: Array.from({ length: seconds }, (_, i) => i),
    ys: Array.from({ length: partitions }, (_, i) => String(i)),
    panels,
  };
}

function matrix(run: RunResult, seconds: number): number[][] {
  const refused = listCounter(run, "throttledUnits");
  return Array.from({ length: partitions }, (_, partition) =>
    Array.from({ length: seconds }, (_unused, at) => refused[at * partitions + partition] ?? 0),
  );
}
