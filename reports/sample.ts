/**
 * A made-up results file that looks like a real one: for the tests, and for working on the page without running the suite. Every
 * figure is drawn from fixed seeds; nothing here was measured. Four experiments in both tanks show every kind of chart, a failed
 * claim, an undecided one and, in the variant, an invalid run.
 *
 * From a shell: `node reports/sample.ts <directory>` writes the sample's report there.
 */
import type { ExperimentResult, Results } from "../runners/results.ts";
import { sampleCalibration, sampleCapacity } from "./sample-capacity.ts";
import { calm, sampleEnvelope, sampleEstimate, samplePercentiles, sampleRandom } from "./sample-runs.ts";
import { adaptiveCapacityDesigns, cartMergeDesigns, retryStormDesigns, virtualNodesDesigns } from "./sample-designs.ts";
import { claim, experiment, withRounds } from "./sample-story.ts";
import { writeCharts, writeReport } from "./report.ts";

type Tank = ExperimentResult["tank"];

const seconds = Array.from({ length: 60 }, (_, second) => second);

/**
 * `invalid`: one experiment's generator fell behind, as on a machine that was busy with something else. `full`: a fifth experiment
 * whose load climbs, calibration, and as many runs as the real suite has (160 and a few).
 */
export function sampleResults(variant: Variant = "healthy"): Results {
  const known = made.get(variant) ?? makeResults(variant);
  made.set(variant, known);
  return known;
}

type Variant = "healthy" | "invalid" | "full";

/** Drawing six thousand latencies a run takes a while, and nobody changes what was drawn. */
const made = new Map<Variant, Results>();

function makeResults(variant: Variant): Results {
  const tanks: Tank[] = ["simulation", "threads"];
  const experiments = [adaptiveCapacity, retryStorm, virtualNodes, cartMerge].flatMap((make) => tanks.map(make));
  if (variant === "healthy") return { ...sampleEnvelope, experiments };
  if (variant === "full") {
    const all = [...experiments, ...tanks.map(sampleCapacity)];
    return { ...sampleEnvelope, experiments: all.map((one) => withRounds(one, 7)), calibration: sampleCalibration };
  }
  return { ...sampleEnvelope, dirty: true, quick: true, experiments: experiments.map(spoil) };
}

function spoil(experiment: ExperimentResult): ExperimentResult {
  if (experiment.name !== "adaptive-capacity" || experiment.tank !== "threads") return experiment;
  const reason = "sends were late by 48 ms at the 99th percentile; the limit is 5 ms";
  const designs = experiment.designs.map((design, index) =>
    index > 0
      ? design
      : {
          ...design,
          runs: design.runs.map((run) => ({
            ...run,
            generator: { ...run.generator, valid: false, latenessP99Us: 48_000, reasons: [reason] },
          })),
        },
  );
  return { ...experiment, status: "invalid", designs };
}

function adaptiveCapacity(tank: Tank): ExperimentResult {
  const designs = adaptiveCapacityDesigns;
  const random = sampleRandom(3);
  return experiment(tank, designs, {
    name: "adaptive-capacity",
    title: "Fixed versus adaptive capacity",
    question: "Is a hot key throttled while its table has capacity to spare?",
    source: "DynamoDB, USENIX ATC 2022, section 4",
    notes:
      "The paper’s adaptive capacity reacted within minutes; the reaction time here is scaled to a run of a minute.",
    load: "900 operations/s, Poisson, 80 % on one key, for 60 s",
    candidate: "adaptive",
    sentence:
      "Adaptive capacity serves 2.02 times the operations of fixed capacity when one key takes 80 % of the load.",
    ratio: sampleEstimate(2.02, 0.021, 12),
    metric: "okPerSecond",
    better: "higher",
    bands: [],
    claims: [
      claim(
        "The hot partition is throttled when capacity is fixed",
        "refused share 0.54 ± 0.03",
        "0.541 (0.536 to 0.545)",
        "held",
      ),
      claim(
        "Throttling ends within 30 s of adaptation",
        "refused share under 0.01 after 30 s",
        "0.0021 (0.0012 to 0.0034)",
        "held",
      ),
    ],
    charts: [
      {
        kind: "heatmap",
        title: "Load by partition",
        reading:
          "One partition takes four fifths of the load in every design; only where it splits does the heat spread.",
        xLabel: "time (s)",
        yLabel: "partition",
        valueLabel: "operations/s",
        xs: seconds,
        ys: Array.from({ length: 8 }, (_, partition) => `p${partition}`),
        panels: designs.map(({ name }, design) => ({
          design: name,
          values: Array.from({ length: 8 }, (_, partition) =>
            seconds.map((second) => {
              const hot = partition === 2 || (design === 2 && second > 20 && partition === 5);
              const share = hot ? (design === 2 && second > 20 ? 0.4 : 0.8) : 0.03;
              const admitted = design === 0 && hot ? 0.25 : 1;
              return Math.round(900 * share * admitted * (0.9 + random() * 0.2));
            }),
          ),
        })),
      },
    ],
  });
}

function retryStorm(tank: Tank): ExperimentResult {
  const designs = retryStormDesigns;
  const bands = [
    { fromS: 20, toS: 30, label: "capacity halved" },
    { fromS: 26, toS: 27, label: "leader pause" },
  ];
  return experiment(tank, designs, {
    name: "retry-storm",
    title: "With versus without a retry budget",
    question: "Does the service recover by itself when the fault that overloaded it is gone?",
    source: "Metastable failures in distributed systems, HotOS 2021",
    load: "900 operations/s, Poisson, for 60 s",
    candidate: "budget",
    sentence: "With a retry budget the service recovers 1 s after the fault; with immediate retries it never does.",
    ratio: sampleEstimate(6.91, 0.09, 12),
    metric: "okPerSecond",
    better: "higher",
    bands,
    status: "failed",
    claims: [
      claim(
        "Immediate retries keep the service down after the fault",
        "ok share under 0.3 after 30 s",
        "0.141 (0.137 to 0.146)",
        "held",
      ),
      claim(
        "Backoff alone recovers within 10 s",
        "ok share over 0.9 at 40 s",
        tank === "threads" ? "0.871 (0.862 to 0.880)" : "0.893 (0.871 to 0.912)",
        tank === "threads" ? "failed" : "undecided",
      ),
      claim(
        "A budget bounds the load on the server",
        "attempts per operation at most 1.25",
        "1.17 (1.16 to 1.18)",
        "held",
      ),
    ],
    charts: [
      {
        kind: "bars",
        title: "Attempts per operation",
        reading: "Immediate retries quadruple the load exactly when capacity is halved.",
        valueLabel: "attempts per operation",
        bars: [
          { name: "immediate", value: 3.42, low: 3.36, high: 3.5 },
          { name: "backoff", value: 1.61, low: 1.55, high: 1.66 },
          { name: "budget", value: 1.07, low: 1.06, high: 1.08 },
        ],
        rule: { value: 1.1, label: "budget 1.1" },
      },
    ],
  });
}

function virtualNodes(tank: Tank): ExperimentResult {
  const points = [1, 3, 10, 32, 100, 316, 1000];
  const designs = virtualNodesDesigns;
  return experiment(tank, designs, {
    name: "virtual-nodes",
    title: "How many points a node needs on the ring",
    question: "Who gets a failed node’s load, and how even is the load before?",
    source: "Dynamo, SOSP 2007, section 4.2; Karger et al., STOC 1997",
    load: "900 operations/s, uniform keys, one of 30 nodes fails at 30 s",
    candidate: "hundred",
    sentence: "With 100 points a node the busiest node carries 0.31 times what it carries with one.",
    ratio: sampleEstimate(0.31, 0.06, 12),
    metric: "maxLoadOverMean",
    better: "lower",
    bands: [{ fromS: 30, toS: 60, label: "node 7 down" }],
    claims: [
      claim(
        "The busiest node’s share falls as the points grow",
        "within 10 % of 1 + sqrt(2 ln n / v)",
        "within 6.1 %",
        "held",
      ),
      claim("A failed node’s load is spread over all others", "at least 25 of 29 nodes gain", "29 of 29", "held"),
    ],
    charts: [
      {
        kind: "lines",
        title: "Imbalance against points a node",
        reading: "The busiest node’s load falls with the square root of the number of points, as theory says.",
        xLabel: "points a node",
        yLabel: "busiest over mean",
        xScale: "log",
        yScale: "linear",
        series: [
          {
            name: "measured",
            points: points.map((v) => {
              const value = 1 + 2.6 / Math.sqrt(v) + (v === 1 ? 0.35 : 0);
              return [v, value, value * 0.94, value * 1.07];
            }),
          },
          { name: "theory", dashed: true, points: points.map((v) => [v, 1 + 2.61 / Math.sqrt(v)]) },
        ],
      },
      {
        kind: "bars",
        title: "Extra load on the survivors",
        reading: "One neighbour inherits everything with one point; with 100 points all share.",
        valueLabel: "load after over load before",
        bars: [
          { name: "one", group: "heir", value: 2.02, low: 1.95, high: 2.1 },
          { name: "hundred", group: "heir", value: 1.07, low: 1.05, high: 1.1 },
          { name: "one", group: "others", value: 1, low: 0.99, high: 1.01 },
          { name: "hundred", group: "others", value: 1.034, low: 1.03, high: 1.04 },
        ],
        rule: { value: 30 / 29, label: "even spread" },
      },
    ],
  });
}

function cartMerge(tank: Tank): ExperimentResult {
  const designs = cartMergeDesigns;
  return experiment(tank, designs, {
    name: "cart-merge",
    title: "What a partition does to a shopping cart",
    question: "Which items are missing, or come back, after two sides of a partition took writes?",
    source: "Dynamo, SOSP 2007, section 4.4",
    notes:
      "The often-told story that Dynamo never loses an item holds for additions only: a removed item can come back.",
    load: "900 operations/s on 2,000 carts, a partition from 20 s to 40 s",
    candidate: "last-writer",
    sentence: "Union loses no added item; last writer wins loses 4.1 % of those added during the partition.",
    ratio: undefined,
    metric: "lostItems",
    better: "lower",
    bands: [{ fromS: 20, toS: 40, label: "partition {1,2} | {3,4,5}" }],
    claims: [
      claim("Union loses no acknowledged item", "0 lost", "0 of 41,882", "held"),
      claim("Last writer wins loses items", "more than 0 lost", "1,717 of 41,902", "held"),
    ],
    charts: [
      {
        kind: "lines",
        title: "Response time and service time",
        reading: "Latency from the intended start and from the send agree: the generator kept its promise.",
        xLabel: "offered (operations/s)",
        yLabel: "p99 (ms)",
        xScale: "linear",
        yScale: "log",
        series: designs.map(({ name }, i) => ({
          name,
          points: [200, 400, 600, 800, 900, 1000].map((rate) => [rate, (3 + i) / (1 - rate / 1050)]),
        })),
      },
    ],
  });
}

/** A curve alone, for tests of the chart. */
export function sampleCurve(): number[][] {
  return samplePercentiles(calm, 5);
}

if (import.meta.main) {
  const [directory = "/tmp/wavetank-sample", variant = "full"] = process.argv.slice(2);
  const results = sampleResults(variant === "invalid" || variant === "healthy" ? variant : "full");
  const { htmlPath } = await writeReport(results, directory);
  await writeCharts(results, directory);
  console.log(htmlPath);
}
