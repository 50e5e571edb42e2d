/**
 * With and without backoff: a service that is healthy, fails for a few seconds, and is healthy again. Do its clients let it
 * recover?
 *
 *     offered 280/s, capacity 300/s        outage        ... and then? with retries 2 x 280 = 560 > 300: never
 *
 * The station executes abandoned work and nobody is refused, as in the paper; only the clients differ, except in the last two
 * designs, where the server's queue does. Threads tell the same story five times as fast and at a lower load, because without
 * retries the backlog of a 93 % loaded server takes minutes to drain.
 */
import type { Deployment, StationService } from "../backend/api.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import type { CallPolicy, RetrySpec } from "../backend/policies/call.ts";
import { meanEstimate } from "../runners/compare/estimate.ts";
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Chart } from "../runners/results.ts";
import type { Claim, Design, Experiment, Measured, TankPlan } from "../runners/experiment.ts";
import { work } from "../workloads/work.ts";
import {
  designBars,
  designsRun,
  percent,
  percentileChart,
  percents,
  percentWithInterval,
  timelineChart,
} from "./charts.ts";
import { okShareBetween, recoverySeconds } from "./timeline.ts";

const capacityPerSecond = 300;
const offeredPerSecond = 280;

const station: StationService = {
  kind: "station",
  servers: 1,
  serviceUs: Math.round(second / capacityPerSecond),
  service: "exponential",
  discipline: "fifo",
  queueLimit: 1e9,
  dropExpired: false,
};

const patience: CallPolicy = { clients: 10, timeoutUs: second };

function design(title: string, description: string, retry?: RetrySpec, more: Partial<CallPolicy> = {}): Design {
  return { title, description, deployment: deploy({}), workload: work(), calls: { ...patience, retry, ...more } };
}

function deploy(difference: Partial<StationService>): Deployment {
  return { topology: oneRegion(1), durability: "none", service: { ...station, ...difference } };
}

/** The retrying client of the paper in front of another server. */
function server(title: string, description: string, difference: Partial<StationService>): Design {
  return { ...design(title, description, once), deployment: deploy(difference) };
}

const once: RetrySpec = { attempts: 2, backoff: { kind: "none" } };
const exponential = { kind: "exponential", baseUs: 50 * millisecond, capUs: 2 * second } as const;

const designs = {
  none: design("No retry", "A call that times out has failed."),
  immediate: design("Retry at once", "One retry, immediately: the paper's client.", once),
  exponential: design("Exponential backoff", "Two retries, 100 ms and 200 ms after each failure.", {
    attempts: 3,
    backoff: exponential,
  }),
  jitter: design("Full jitter", "Two retries after a uniform draw up to the exponential delay.", {
    attempts: 3,
    backoff: { ...exponential, kind: "full-jitter" },
  }),
  budget: design(
    "Retry budget",
    "One immediate retry while the token bucket is more than half full (gRPC: 10 tokens, 0.1).",
    {
      ...once,
      budget: { kind: "token-bucket", max: 10, ratio: 0.1 },
    },
  ),
  breaker: design(
    "Circuit breaker",
    "One immediate retry behind Hystrix's breaker: half of 20 calls failed, open 5 s.",
    once,
    {
      breaker: { windowUs: 10 * second, buckets: 10, minimumRequests: 20, errorShare: 0.5, openUs: 5 * second },
    },
  ),
  tight: server(
    "Capacity 0.9 x twice the load",
    "Retry at once, before a server just too small for every call twice.",
    {
      serviceUs: Math.round(second / (0.9 * 2 * offeredPerSecond)),
    },
  ),
  roomy: server(
    "Capacity 1.1 x twice the load",
    "Retry at once, before a server just large enough for every call twice.",
    {
      serviceUs: Math.round(second / (1.1 * 2 * offeredPerSecond)),
    },
  ),
  lifo: server("Newest first", "Retry at once, before a server that takes the newest call first.", {
    discipline: "lifo",
  }),
  bounded: server("Bounded queue", "Retry at once, before a queue of half a second that refuses what does not fit.", {
    queueLimit: capacityPerSecond / 2,
  }),
} satisfies Record<string, Design>;

type Name = keyof typeof designs;

function plan(perSecond: number, s: { outage: number; for: number; end: number }, more: Partial<TankPlan>): TankPlan {
  return {
    load: { kind: "poisson", perSecond },
    forUs: s.end * second,
    warmUpUs: 0,
    rounds: 3,
    faults: [{ atUs: s.outage * second, fault: { kind: "pause", nodes: [0], forUs: s.for * second } }],
    ...more,
  };
}

/** A fifth of the paper's durations; the load leaves room to drain the backlog within the run. */
const scaled = { timeScale: 0.2 };
const onThreads: readonly Name[] = ["none", "immediate", "jitter", "budget", "breaker", "bounded"];

const inShort: readonly Name[] = ["none", "immediate", "jitter", "budget", "tight", "roomy"];

/** When the outage ends and the run ends, seconds of the tank's own time. */
function windows({ faults, forUs }: TankPlan): { outageEndS: number; endS: number } {
  const [{ atUs, fault }] = faults;
  const lasts = fault.kind === "pause" ? fault.forUs : 0;
  return { outageEndS: (atUs + lasts) / second, endS: forUs / second };
}

/** Recovered: nine of ten calls are answered in time in the last fifth of the run. */
function stuck(measured: Measured, name: Name): boolean[] {
  return measured.values(name, "lateOkShare").map((share) => share < 0.5);
}

function verdict(name: Name, expectStuck: boolean, why: string): Claim {
  const { title } = designs[name];
  return {
    text: expectStuck ? `${title}: never recovers` : `${title}: recovers by itself`,
    expected: why,
    tanks: name === "tight" || name === "roomy" ? ["simulation"] : undefined,
    judge(measured) {
      const shares = measured.values(name, "lateOkShare");
      const held = stuck(measured, name).map((isStuck, i) => (expectStuck ? isStuck : shares[i] >= 0.9));
      const text = shares.map(percent).join(", ");
      return inEveryRun(held, `answered in time at the end of each run: ${text}`);
    },
  };
}

export const retryStorm: Experiment = {
  name: "retry-storm",
  title: "With and without backoff",
  question: "A service fails for a few seconds and comes back. Do its clients let it recover?",
  source:
    "Bronson et al., Metastable Failures in Distributed Systems, HotOS 2021, section 2; budgets after gRPC A6, breaker after Hystrix",
  notes:
    "The popular story of DynamoDB's outage of 20 September 2015 blames client retries; the record says that storage servers re-requested " +
    "their memberships until answers exceeded the allowed time. The mechanism is the same. Backoff alone spreads retries out in time " +
    "but does not make them fewer: what decides is attempts times load against capacity.",
  designs,
  tanks: {
    simulation: {
      full: plan(offeredPerSecond, { outage: 60, for: 10, end: 300 }, { rounds: 5 }),
      quick: plan(offeredPerSecond, { outage: 20, for: 10, end: 240 }, { designs: inShort }),
    },
    threads: {
      full: plan(1_000, { outage: 0.4, for: 0.6, end: 2.8 }, { ...scaled, designs: onThreads }),
      quick: plan(
        1_000,
        { outage: 0.4, for: 0.6, end: 2.8 },
        { ...scaled, designs: ["none", "immediate", "budget"], rounds: 2 },
      ),
    },
  },
  headline: {
    metric: "lateOkShare",
    baseline: "immediate",
    candidate: "budget",
    better: "higher",
    sentence(measured) {
      const share = (name: Name): string => percentWithInterval(percents(measured, name, "lateOkShare"));
      const { value, low, high } = meanEstimate(measured.values("budget", "recoveryS"));
      const recovery = `${figure(value)} s [${figure(Math.max(0, low))}, ${figure(high)}]`;
      const down = stuck(measured, "immediate").every(Boolean);
      const immediate = down
        ? `clients that retry at once keep the healthy service down for good, ${share("immediate")} answered in time`
        : `clients that retry at once are answered in time in ${share("immediate")} of their calls`;
      return `After an outage, ${immediate}; with a retry budget it is back after ${recovery}, and answers ${share("budget")}.`;
    },
  },
  metrics(run, settled) {
    const { outageEndS, endS } = windows(settled);
    // A call offered in the last second may be answered after the run.
    const lastS = endS - 1.2 * (settled.timeScale ?? 1);
    return {
      lateOkShare: okShareBetween(run, lastS - (lastS - outageEndS) / 5, lastS),
      recoveryS: Math.min(recoverySeconds(run, outageEndS, lastS), endS - outageEndS),
    };
  },
  claims: [
    verdict("none", false, "load 280/s is below capacity 300/s: the backlog drains at the difference"),
    verdict("immediate", true, "two attempts a call: 560/s against 300/s, abandoned work is still executed"),
    verdict("exponential", true, "backoff delays attempts, it does not make them fewer: 840/s against 300/s"),
    verdict("jitter", true, "jitter spreads attempts, it does not make them fewer"),
    verdict("budget", false, "once tokens are spent there is one attempt a call, as without retries"),
    verdict("breaker", false, "while it is open nothing arrives and the queue drains"),
    verdict("tight", true, "twice the load exceeds capacity by a tenth"),
    verdict("roomy", false, "capacity exceeds twice the load by a tenth"),
    verdict("lifo", false, "the newest call is answered in time, the stale ones are nobody's loss"),
    verdict("bounded", false, "what waits longer than half a second is refused, so what is served is still wanted"),
  ],
  charts(measured): Chart[] {
    const names = designsRun(measured);
    return [
      timelineChart(measured, {
        title: "Before, during and after the outage",
        reading:
          "Where the design's colour does not come back after the band, the service is healthy and its clients keep it down.",
        designs: names,
      }),
      {
        kind: "bars",
        title: "Answered in time at the end of the run",
        reading: "A design either recovers completely or not at all: that is what metastable means.",
        valueLabel: "share of calls (%)",
        bars: designBars(measured, names, (run) => run.metrics.lateOkShare * 100),
      },
      percentileChart(measured, {
        title: "Latency of answered calls",
        reading:
          "Whoever is answered at all is answered within the timeout: a latency chart of successes hides the outage.",
        designs: names,
      }),
    ];
  },
};
