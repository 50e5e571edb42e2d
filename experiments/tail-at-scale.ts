/**
 * A read over a hundred servers is as slow as the slowest of them. Two cures: a second copy when the first is late, and two copies
 * at once that call each other off.
 *
 *     plain    100 parts, each to its own server                        p99.9 = 1,800 ms
 *     hedged   a part not answered after 10 ms is asked of another       p99.9 =    74 ms, for 2 % more requests
 *     tied     both copies queue; whoever begins one drops the other     as if each joined the shorter of two queues
 *
 * The paper gives percentiles and no law. The law here is the simplest that has them: the survival of a server's time is log-log
 * linear through four points of which the two outer ones give 1,800 ms without hedges, by 1 - (1 - S)^100 = 0.001 at S = 1e-5, and
 * the inner ones 74 ms and 2 % with them. Servers in the first two designs never make anybody wait, so their times are drawn; in
 * the tied designs they are queues, and what is drawn is a service.
 */
import type { Deployment, StationService } from "../backend/api.ts";
import type { FanOutSpec, SurvivalCurve } from "../backend/api-tails.ts";
import { noDelays, oneRegion } from "../backend/kernel/topology.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Claim, Design, Experiment, TankPlan } from "../runners/experiment.ts";
import type { Histogram } from "../runners/measure/histogram.ts";
import type { Chart } from "../runners/results.ts";
import { fanOut } from "../workloads/fan-out.ts";
import { designBars, designsRun, mean, percentileChart, pooled } from "./charts.ts";
import { leastWorkloadLimit, leastWorkloadMean } from "./least-workload.ts";

export const calibrated: SurvivalCurve = [
  [1 * millisecond, 1],
  [10 * millisecond, 0.02],
  [68.82 * millisecond, 3.163e-3],
  [1_800 * millisecond, 1e-5],
];

const servers = 100;
const perSecond = 400;
const loads = { tied50: 0.5, tied70: 0.7, tied90: 0.9 };

const station: StationService = {
  kind: "station",
  servers: 1,
  serviceUs: 1 * millisecond,
  service: "exponential",
  discipline: "fifo",
  queueLimit: 1e9,
  dropExpired: false,
};

function design(
  title: string,
  description: string,
  spread: Omit<FanOutSpec, "parts">,
  parts: number,
  serviceUs?: number,
): Design {
  const service: StationService = {
    ...station,
    ...(serviceUs === undefined ? {} : { serviceUs }),
    fanOut: { parts, ...spread },
  };
  const deployment: Deployment = { topology: oneRegion(servers, 1, noDelays), durability: "none", service };
  return {
    title,
    description,
    deployment,
    workload: fanOut({ parts }),
    calls: { clients: 1, timeoutUs: 600 * second },
  };
}

/** Services so long that the stagger and what messages linger in a node are nothing: time is only a unit here. */
function tied(load: number): Design {
  const serviceUs = Math.round((load * servers * second) / perSecond);
  return design(
    `Tied, load ${load * 100} %`,
    "Reads of one part, queued at two servers; whoever begins one tells the other to drop it.",
    { leaves: "queues", tied: { copies: 2, staggerUs: 200 } },
    1,
    serviceUs,
  );
}

const designs = {
  plain: design("No hedge", "A hundred parts, each asked of one server.", { leaves: "delays", curve: calibrated }, 100),
  hedged: design(
    "Hedge at 10 ms",
    "A part that is not answered after 10 ms is asked of another server as well.",
    {
      leaves: "delays",
      curve: calibrated,
      hedge: { copies: 2, delay: { kind: "fixed", afterUs: [10 * millisecond] } },
    },
    100,
  ),
  tied50: tied(loads.tied50),
  tied70: tied(loads.tied70),
  tied90: tied(loads.tied90),
} satisfies Record<string, Design>;

function plan(reads: number, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  const forUs = Math.round((reads / perSecond) * second);
  return { load: { kind: "poisson", perSecond }, forUs, warmUpUs: forUs / 20, rounds, faults: [], ...more };
}

const p999Ms = (all: Histogram): number => all.quantile(0.999) / millisecond;

function tail(name: "plain" | "hedged", paperMs: number): Claim {
  return {
    text: `${designs[name].title}: p99.9 of reads over ${servers} servers is ${figure(paperMs)} ms`,
    expected:
      "the paper's figure within 10 % over 200,000 reads or more, within 30 % over a tenth of that, in the quick form",
    tanks: ["simulation"],
    judge(measured) {
      const all = pooled(measured, name);
      const [ms, reads] = [p999Ms(all), all.count];
      const tolerance = reads >= 200_000 ? 0.1 : 0.3;
      const held = Math.abs(ms / paperMs - 1) <= tolerance;
      return inEveryRun([held], `${figure(ms)} ms over ${figure(reads)} reads`);
    },
  };
}

function serviceMs(name: keyof typeof loads): number {
  return ((loads[name] * servers) / perSecond) * 1_000;
}

function tiedClaim(name: keyof typeof loads): Claim {
  const load = loads[name];
  return {
    text: `${designs[name].title}: mean time is that of the least workload of two`,
    expected:
      `theory by a recursion that knows no copies and no messages (Lindley's, ${servers} servers, two drawn at random), within 1 %; ` +
      "over fewer than 300,000 reads within 3 %",
    tanks: ["simulation"],
    judge(measured) {
      const seen = mean(measured.values(name, "meanMs")) / serviceMs(name);
      const reads = pooled(measured, name).count;
      const theory = leastWorkloadMean(servers, 2, load, 3_000_000, 1);
      const held = Math.abs(seen / theory - 1) <= (reads >= 300_000 ? 0.01 : 0.03);
      const limit = leastWorkloadLimit(2, load);
      return inEveryRun(
        [held],
        `${seen.toFixed(4)} services over ${figure(reads)} reads, theory ${theory.toFixed(4)} (${limit.toFixed(4)} with endlessly many servers)`,
      );
    },
  };
}

export const tailAtScale: Experiment = {
  name: "tail-at-scale",
  title: "The tail at scale",
  question: "What does a second copy of late requests do to reads that need a hundred servers?",
  source:
    "Dean and Barroso, The Tail at Scale, CACM 56(2), 2013; tied requests after Hellemans and Van Houdt, SIGMETRICS 2018",
  notes:
    "The paper gives 1,800 ms, 74 ms and 2 % and not the servers' law, so this law is fitted to them: what is tested is that a hedge, as it is " +
    "implemented here, does to such servers what the paper says. No load is in it, a copy costs nobody anything; what happens when it does is " +
    "tail-under-load. Tied requests are judged against theory, where the paper's own figures are for disks we do not have.",
  designs,
  tanks: {
    simulation: {
      full: plan(150_000, 3),
      quick: plan(20_000, 1),
    },
    threads: { full: plan(1_000, 1, { designs: [] }), quick: plan(1_000, 1, { designs: [] }) },
  },
  headline: {
    metric: "p999Ms",
    baseline: "plain",
    candidate: "hedged",
    better: "lower",
    sentence(measured) {
      const [plain, hedged] = ["plain", "hedged"].map((name) => p999Ms(pooled(measured, name)));
      const extra = mean(measured.values("hedged", "extraShare")) * 100;
      return (
        `Of reads over ${servers} servers one in a thousand takes ${figure(plain)} ms; asking another server after 10 ms brings that to ` +
        `${figure(hedged)} ms for ${extra.toFixed(2)} % more requests.`
      );
    },
  },
  metrics({ metrics }): Record<string, number> {
    const reads = metrics["counter.hedgeReads"];
    return reads === undefined ? {} : { extraShare: metrics["counter.hedgeSent"] / reads };
  },
  claims: [
    tail("plain", 1_800),
    tail("hedged", 74),
    {
      text: "The hedges are 2 % of the requests",
      expected: "the share of servers' times beyond 10 ms: 2.0 +- 0.1 % in every run",
      tanks: ["simulation"],
      judge(measured) {
        const shares = measured.values("hedged", "extraShare").map((share) => share * 100);
        const held = shares.map((share) => Math.abs(share - 2) <= 0.1);
        return inEveryRun(held, `${shares.map((share) => share.toFixed(3)).join(", ")} %`);
      },
    },
    tiedClaim("tied50"),
    tiedClaim("tied70"),
    tiedClaim("tied90"),
    {
      text: "Of tied copies one runs",
      expected: "twice only if both servers become free while a word travels: fewer than one read in a thousand",
      tanks: ["simulation"],
      judge(measured) {
        const names = Object.keys(loads);
        const both = names.flatMap((name) =>
          measured.of(name).runs.map(({ metrics }) => metrics["counter.droppedLate"] / metrics["counter.served"]),
        );
        const most = Math.max(...both) * 1_000;
        return inEveryRun(
          both.map((share) => share < 1e-3),
          `at most ${most.toFixed(3)} in a thousand`,
        );
      },
    },
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      percentileChart(measured, {
        title: "Reads over a hundred servers",
        reading:
          "Without hedges half of the reads meet a server's slowest percent; with them the tail begins where two servers are slow at once.",
        designs: names.filter((name) => !name.startsWith("tied")),
      }),
      {
        kind: "bars",
        title: "Tied requests: mean time in services",
        reading:
          "Of the waiting before one server a sixth to an eighth is left: there 1 / (1 - load) would be 2, 3.3 and 10.",
        valueLabel: "mean services",
        bars: names
          .filter((name) => name in loads)
          .flatMap((name) => {
            const services = (ms: number): number => ms / serviceMs(name as keyof typeof loads);
            return designBars(measured, [name], ({ metrics }) => services(metrics.meanMs));
          }),
      },
    ];
  },
};
