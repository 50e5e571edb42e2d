/**
 * A zone of a cache dies and comes back empty: who notices?
 *
 *     zone a   gateway   cache cache  ── all die ── come back, empty
 *     zone b   gateway   cache cache
 *     zone c   gateway   cache cache
 *
 * The gateways stand for the applications of each zone, which live: only the caches beside those of zone a die. Each zone that is left has a copy of everything,
 * so what is asked in zone a is found further away; what is written waits for as many zones as its latch says.
 */
import type { Deployment } from "../backend/api.ts";
import type { LatchPolicy, ZonesService } from "../backend/api-zones.ts";
import { cloudDelays } from "../backend/kernel/topology.ts";
import type { Place } from "../backend/kernel/topology.ts";
import { mebibyte, millisecond, second } from "../backend/kernel/units.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { figure, inEveryRun } from "../runners/compare/judge.ts";
import type { Design, Experiment, Judgement, Measured, TankPlan } from "../runners/experiment.ts";
import type { Chart, RunResult } from "../runners/results.ts";
import { cache } from "../workloads/cache.ts";
import { designBars, designsRun, forEachDesign, mean, percent, timelineChart } from "./charts.ts";
import { everyCheckHolds } from "./checks.ts";

const place = (zone: string): Place => ({ region: "r1", zone });
const zoneNames = ["a", "b", "c"];
const caches = zoneNames.flatMap((zone) => [place(zone), place(zone)]);
const gateways = [6, 7, 8];
/** The caches of zone a. */
const lost = [0, 1];

/** Seconds at which the zone dies, is back, and has had time to warm up; the end. As many arrivals between them in both tanks. */
const story = {
  simulation: { perSecond: 500, dieS: 2, backS: 4, warmS: 5.5, endS: 7 },
  threads: { perSecond: 800, dieS: 1.25, backS: 2.5, warmS: 3.4375, endS: 4.375 },
};
type Story = (typeof story)["simulation"];
/** Of a share, in every run: a busy machine answers some gets and writes too late. */
const slack = { simulation: 0.01, threads: 0.05 };
const phases = ["before", "lost", "back", "warm"] as const;
const { perSecond: rate, dieS: dies, backS: back, warmS: warm } = story.simulation;

interface Choice {
  readonly latch?: LatchPolicy;
  readonly first?: "local" | "random";
  readonly zones?: 1 | 3;
  readonly copy?: boolean;
}

function design(title: string, description: string, choice: Choice): Design {
  const { latch = "quorum", first = "local", zones = 3, copy = false } = choice;
  const service: ZonesService = {
    kind: "zones",
    cache: { memoryBytes: 2 * mebibyte },
    gateways: zones === 3 ? gateways : [2, 3, 4, 5, ...gateways],
    writes: { latch, timeoutUs: 50 * millisecond },
    reads: { first, timeoutUs: 20 * millisecond },
    avoid: { forUs: second / 2 },
    lateAfterUs: 200 * millisecond,
    ...(copy ? { copy: { pageItems: 100, everyUs: 10 * millisecond } } : {}),
  };
  const nodes = [...caches, ...zoneNames.map(place)];
  const deployment: Deployment = { topology: { nodes, links: cloudDelays }, durability: "none", turnUs: 10, service };
  return {
    title,
    description,
    deployment,
    workload: cache({
      keys: "zipf:0.99:6000",
      mix: { get: 30, set: 3 },
      ttlS: 3_600,
      preload: 6_000,
      phases: [dies * rate, back * rate, warm * rate],
      homes: gateways.map((node) => [node]),
      latch: latch === "all" ? "all" : "some",
      lateUs: 200 * millisecond,
    }),
    calls: { clients: 20, timeoutUs: second },
  };
}

const designs = {
  single: design("One zone", "One copy, beside the applications of zone a; the others have none.", { zones: 1 }),
  local: design(
    "Three zones, local first",
    "Reads ask their own zone and then the others; writes wait for two zones.",
    {},
  ),
  random: design("Three zones, any first", "Reads ask the zones in any order.", { first: "random" }),
  copied: design("Warm-up by copy", "As local first; a cache that starts copies its share from another zone.", {
    copy: true,
  }),
  none: design("Latch NONE", "Local first; writes wait for nobody.", { latch: "none" }),
  one: design("Latch ONE", "Local first; writes wait for one zone.", { latch: "one" }),
  allMinusOne: design("Latch ALL_MINUS_1", "Local first; writes wait for all zones but one.", { latch: "all-minus-1" }),
  all: design("Latch ALL", "Local first; writes wait for all zones.", { latch: "all" }),
} satisfies Record<string, Design>;

type Name = keyof typeof designs;
/** Zones that a write of the design waits for, of those that have copies. */
const waitsFor: Readonly<Record<Name, { readonly needed: number; readonly zones: number }>> = {
  single: { needed: 1, zones: 1 },
  local: { needed: 2, zones: 3 },
  random: { needed: 2, zones: 3 },
  copied: { needed: 2, zones: 3 },
  none: { needed: 0, zones: 3 },
  one: { needed: 1, zones: 3 },
  allMinusOne: { needed: 2, zones: 3 },
  all: { needed: 3, zones: 3 },
};
const replicated: readonly Name[] = ["local", "random", "copied", "none", "one", "allMinusOne", "all"];
const localFirst: readonly Name[] = ["local", "copied", "none", "one", "allMinusOne", "all"];

function plan({ perSecond, dieS, backS, endS }: Story, rounds: number, more: Partial<TankPlan> = {}): TankPlan {
  return {
    load: { kind: "constant", perSecond },
    forUs: endS * second,
    warmUpUs: 0,
    rounds,
    faults: [
      { atUs: dieS * second, fault: { kind: "crash", nodes: lost } },
      { atUs: backS * second, fault: { kind: "restart", nodes: lost } },
    ],
    ...more,
  };
}

/** Of one phase: hits of all gets, those that failed included. */
function hitShare(run: RunResult, phase: number): number {
  return run.metrics[`check.hits.${phase}`] / run.metrics[`check.gets.${phase}`];
}

/** Of one phase: writes that were acknowledged. */
function acknowledgedShare(run: RunResult, phase: number): number {
  const acknowledged = run.metrics[`check.acknowledged.${phase}`] ?? 0;
  return acknowledged / (acknowledged + (run.metrics[`check.failed.${phase}`] ?? 0));
}

/** Median of gets of one phase that entered in one zone, microseconds. */
function medianUs(run: RunResult, phase: number, home: number): Micros {
  return run.metrics[`check.getP50Us.${phase}.${home}`];
}

function present(measured: Measured, names: readonly Name[]): Name[] {
  return names.filter((name) => measured.designs.some((each) => each.name === name && each.runs.length > 0));
}

interface Seen {
  readonly name: Name;
  readonly title: string;
  readonly run: RunResult;
}

/** All runs of each of `names` that was run. */
function runsOf(measured: Measured, names: readonly Name[]): Seen[] {
  return present(measured, names).flatMap((name) => {
    const { design: shown, runs } = measured.of(name);
    return runs.map((run) => ({ name, title: shown.title, run }));
  });
}

/** The one in which `of` is least; one that has no such figure first. */
function leastOf(seen: readonly Seen[], of: (each: Seen) => number): Seen {
  const value = (each: Seen): number => (Number.isNaN(of(each)) ? -Infinity : of(each));
  return seen.reduce((least, each) => (value(each) < value(least) ? each : least));
}

/** In every run of each of `names` that was run `spare` is not below 0; what is printed is the run in which it is least. */
function everywhere(
  measured: Measured,
  names: readonly Name[],
  spare: (run: RunResult) => number,
  shows: (run: RunResult) => string,
): Judgement {
  const seen = runsOf(measured, names);
  if (seen.length === 0) return inEveryRun([], "");
  const { title, run } = leastOf(seen, (each) => spare(each.run));
  const runs = `${seen.length} runs of ${present(measured, names).length} designs`;
  return inEveryRun(
    seen.map((each) => spare(each.run) >= 0),
    `${shows(run)}: ${title}, the closest of ${runs}`,
  );
}

/** How many times as long the median get of one zone takes as before. */
function slower(run: RunResult, phase: number, home: number): number {
  return medianUs(run, phase, home) / medianUs(run, 0, home);
}

/** The least share of writes acknowledged in one phase (with `sign` -1 the greatest), and whose it is where they differ. */
function acknowledged(seen: readonly Seen[], phase: number, sign: 1 | -1): string {
  if (seen.length === 0) return "no such design";
  const { title, run } = leastOf(seen, (each) => sign * acknowledgedShare(each.run, phase));
  const share = acknowledgedShare(run, phase);
  const alike = seen.every((each) => acknowledgedShare(each.run, phase) === share);
  return alike ? percent(share) : `${percent(share)} (${title})`;
}

/** Whether a latch can be had while a zone is lost. */
function isReached(name: Name): boolean {
  const { needed, zones } = waitsFor[name];
  return needed <= zones - 1;
}

function latches(measured: Measured): Judgement {
  const seen = runsOf(measured, Object.keys(waitsFor) as Name[]);
  const all = 1 - slack[measured.tank];
  const held = seen.map(({ name, run }) => {
    const during = acknowledgedShare(run, 1);
    // A write under way when the zone died had been answered, or had its answer on its way.
    const asTold = isReached(name) ? during >= all : during < 0.05;
    return asTold && acknowledgedShare(run, 0) >= all && acknowledgedShare(run, 3) >= all;
  });
  const reached = seen.filter(({ name }) => isReached(name));
  const others = seen.filter(({ name }) => !isReached(name));
  return inEveryRun(
    held,
    `while lost at least ${acknowledged(reached, 1, 1)} where it can hold, at most ${acknowledged(others, 1, -1)} where not; ` +
      `before at least ${acknowledged(seen, 0, 1)}, in the end ${acknowledged(seen, 3, 1)}`,
  );
}

export const zoneLoss: Experiment = {
  name: "zone-loss",
  title: "The loss of a zone",
  question: "A third of a cache dies and comes back empty. Who notices, and which writes fail?",
  source:
    "Netflix, Announcing EVCache, 2013, and EVCacheLatch.java of its client (NONE 0, ONE 1, QUORUM n/2 + 1, ALL_MINUS_1 n - 1, ALL n of n zones)",
  notes:
    "It is often told that EVCache writes to all zones synchronously; how many are waited for is the caller's choice. Nothing repairs a zone that " +
    "missed a write but the time to live, or a miss.",
  designs,
  tanks: {
    simulation: { full: plan(story.simulation, 3), quick: plan(story.simulation, 1) },
    threads: {
      // Patience of milliseconds is for machines that do nothing else.
      full: plan(story.threads, 1, {
        timeScale: 4,
        designs: ["single", "local", "one", "allMinusOne", "all"],
      }),
      quick: plan(story.threads, 1, { timeScale: 4, designs: ["single", "local"] }),
    },
  },
  headline: {
    metric: "okShare",
    baseline: "single",
    candidate: "local",
    better: "higher",
    sentence(measured) {
      const [run] = measured.of("local").runs;
      const all = present(measured, ["all"]).map((name) => acknowledgedShare(measured.of(name).runs[0], 1));
      return (
        `With a copy in each of three zones ${percent(hitShare(run, 1))} of gets hit after one is lost, ${percent(hitShare(run, 0))} before; ` +
        `of writes that wait for two zones ${percent(acknowledgedShare(run, 1))} are acknowledged meanwhile` +
        (all.length > 0 ? `, of those that wait for all ${percent(all[0])}.` : ".")
      );
    },
  },
  metrics(run) {
    const named = phases.flatMap((phase, i) => {
      const suffix = phase.slice(0, 1).toUpperCase() + phase.slice(1);
      return [
        [`hitShare${suffix}`, hitShare(run, i)],
        [`acknowledgedShare${suffix}`, acknowledgedShare(run, i)],
        [`homeMedianMs${suffix}`, medianUs(run, i, 0) / millisecond],
        [`awayMedianMs${suffix}`, (medianUs(run, i, 1) + medianUs(run, i, 2)) / 2 / millisecond],
      ] as [string, number][];
    });
    return Object.fromEntries(named.filter(([, value]) => Number.isFinite(value)));
  },
  claims: [
    {
      text: "The loss of one of three zones costs no hits",
      expected:
        "the hit ratio while the zone is lost is at most 1 % below that before, in every run; 5 % on busy threads",
      judge: (measured) =>
        everywhere(
          measured,
          replicated,
          (run) => hitShare(run, 1) - (hitShare(run, 0) - slack[measured.tank]),
          (run) => `${percent(hitShare(run, 1))} while lost, ${percent(hitShare(run, 0))} before`,
        ),
    },
    {
      text: "With one copy everything is missed while its zone is lost",
      expected: "no hits, and the misses cannot be set either",
      judge(measured) {
        const shares = runsOf(measured, ["single"]).map(({ run }) => hitShare(run, 1));
        return inEveryRun(
          shares.map((share) => share < 0.01),
          `${shares.map(percent).join(", ")} hit while it is lost`,
        );
      },
    },
    {
      text: "Reads become slower only for those who were beside the lost zone",
      expected:
        "median of gets at its gateway at least twice as long while it is lost, elsewhere at most a tenth longer",
      tanks: ["simulation"],
      judge: (measured) =>
        everywhere(
          measured,
          localFirst,
          (run) =>
            Math.min(
              medianUs(run, 1, 0) - 2 * medianUs(run, 0, 0),
              ...[1, 2].map((home) => 1.1 * medianUs(run, 0, home) - medianUs(run, 1, home)),
            ),
          (run) =>
            `x${figure(slower(run, 1, 0))} beside it, x${figure(Math.max(slower(run, 1, 1), slower(run, 1, 2)))} elsewhere`,
        ),
    },
    {
      text: "A zone that comes back empty is warm sooner by copy than by misses",
      expected:
        "in the last phase gets beside it are as fast as before where it copied, at most a tenth longer, and slower where misses alone warm it",
      tanks: ["simulation"],
      judge: (measured) =>
        forEachDesign(measured, present(measured, ["local", "copied"]), (name) => {
          const { runs } = measured.of(name);
          return inEveryRun(
            runs.map((run) => medianUs(run, 3, 0) <= 1.1 * medianUs(run, 0, 0) === (name === "copied")),
            runs.map((run) => `x${figure(slower(run, 3, 0))}`).join(", "),
          );
        }),
    },
    {
      text: "A latch holds exactly where enough zones are left",
      expected:
        "while one of three zones is lost NONE, ONE, QUORUM and ALL_MINUS_1 are acknowledged, ALL fails; before and in the end all are acknowledged, but for 1 % (5 % on busy threads)",
      judge: latches,
    },
    {
      text: "Nobody sees what was not written, what has expired, or what a write in all zones replaced",
      expected: "every check holds",
      judge: everyCheckHolds,
    },
  ],
  charts(measured): Chart[] {
    return [
      byPhase(
        measured,
        "Writes acknowledged",
        "Only who waits for all zones, or has only one, cannot write while one is lost.",
        {
          valueLabel: "share of writes (%)",
          of: (run, phase) => acknowledgedShare(run, phase) * 100,
        },
      ),
      byPhase(measured, "Gets that hit", "With a copy in every zone the loss of one costs no hit.", {
        valueLabel: "share of gets (%)",
        of: (run, phase) => hitShare(run, phase) * 100,
      }),
      byPhase(measured, "Gets beside the lost zone", "They travel to another zone for as long as theirs is lost.", {
        valueLabel: "median (ms)",
        of: (run, phase) => medianUs(run, phase, 0) / millisecond,
      }),
      ...staleGets(measured),
      timelineChart(measured, {
        title: "Through the loss",
        reading: "Gets and writes together; what fails are the writes that wait for the lost zone.",
        designs: present(measured, ["single", "local", "all"]),
      }),
    ];
  },
};

function byPhase(
  measured: Measured,
  title: string,
  reading: string,
  { valueLabel, of }: { valueLabel: string; of: (run: RunResult, phase: number) => number },
): Chart {
  const bars = phases.flatMap((group, phase) =>
    designsRun(measured).flatMap((name) => {
      const { design: shown, runs } = measured.of(name);
      const values = runs.map((run) => of(run, phase)).filter(Number.isFinite);
      // Where nothing was answered there is no median.
      return values.length === 0 ? [] : [{ name: shown.title, group, value: mean(values) }];
    }),
  );
  return { kind: "bars", title, reading, valueLabel, bars };
}

/** None where there was no such get. */
function staleGets(measured: Measured): Chart[] {
  const share = ({ metrics }: RunResult): number => (metrics["check.staleHits"] / metrics["check.hits"]) * 100;
  const bars = designBars(measured, designsRun(measured), share);
  const chart: Chart = {
    kind: "bars",
    title: "Gets that showed what had been replaced",
    reading: "Who does not wait for a zone may read in it what it was not told in time.",
    valueLabel: "share of hits (%)",
    bars,
  };
  return bars.some(({ value }) => value > 0) ? [chart] : [];
}
