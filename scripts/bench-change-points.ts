/**
 * How well the night finds a step, how late, how often it cries wolf, and how long a year of a large suite takes to judge.
 *
 *     node scripts/bench-change-points.ts
 *
 * A night's figure is the median of its rounds. The rows for "3 rounds" say what a variation between runs becomes: the median of
 * three varies 0.67 times as much as one. "Best possible" knows both levels.
 */
import {
  bestPlacement,
  findSteps,
  issueCase,
  quietNights,
  syntheticHistory,
} from "../runners/night/synthetic-nights.fixture.ts";
import { trendOf } from "../runners/night/trend.ts";

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const medianOfThree = 0.67;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

print("a 5 % step at night 30 of 60, 200 series a row");
print(
  "variation          found within 2 nights   best possible   alarm after: median  p90   by 2 nights later   never",
);
for (const [label, variation] of [
  ["1 %", 0.01],
  ["2 %", 0.02],
  ["2.5 %", 0.025],
  ["3 %", 0.03],
  ["5 %", 0.05],
  ["2 %, 3 rounds", 0.02 * medianOfThree],
  ["2.5 %, 3 rounds", 0.025 * medianOfThree],
  ["3 %, 3 rounds", 0.03 * medianOfThree],
  ["5 %, 3 rounds", 0.05 * medianOfThree],
] as const) {
  const { placed, delays } = findSteps({ ...issueCase, variation });
  const at = (share: number): string => String(delays[Math.floor(share * delays.length)]).replace("Infinity", ">30");
  const soon = delays.filter((delay) => delay <= 2).length / delays.length;
  const never = delays.filter((delay) => delay === Infinity).length / delays.length;
  const best = percent(bestPlacement({ ...issueCase, variation, series: 4_000 }));
  print(
    [
      label.padEnd(17),
      percent(placed).padStart(22),
      best.padStart(15),
      at(0.5).padStart(20),
      at(0.9).padStart(4),
      percent(soon).padStart(19),
      percent(never).padStart(7),
    ].join(" "),
  );
}

print("\nquiet nights: false alarms of the whole suite");
for (const [metrics, suites, nights] of [
  [1, 400, 120],
  [40, 100, 120],
  [200, 20, 120],
] as const) {
  for (const variation of [0.02, 0.03, 0.05]) {
    const quiet = quietNights({ suites, metrics, nights, variation });
    const rate = ((quiet.alarms / quiet.nights) * 1_000).toFixed(2);
    print(
      `${String(metrics).padStart(3)} gated figures, variation ${percent(variation)}: ${quiet.alarms} in ${quiet.nights} nights, ${rate} in 1,000`,
    );
  }
}

print("\nquiet nights that are not so simple, one figure");
for (const [label, noise] of [
  ["variation 2 %, each night like the one before by 0.3", { variation: 0.02, correlation: 0.3 }],
  ["variation 3 %, each night like the one before by 0.3", { variation: 0.03, correlation: 0.3 }],
  ["variation 2 %, each night like the one before by 0.5", { variation: 0.02, correlation: 0.5 }],
  ["variation 2 %, one night in twenty worse by a tenth", { variation: 0.02, badNights: 0.05 }],
] as const) {
  const quiet = quietNights({ suites: 300, metrics: 1, nights: 120, ...noise });
  print(
    `${label}: ${quiet.alarms} in ${quiet.nights} nights, ${((quiet.alarms / quiet.nights) * 1_000).toFixed(2)} in 1,000`,
  );
}

const lines = syntheticHistory(200, 365);
const startedMs = performance.now();
const trend = trendOf({ lines, skipped: { torn: 0, foreign: 0 } });
const changes = trend.series.reduce((sum, one) => sum + one.changes.length, 0);
print(`\n200 figures over 365 nights judged in ${Math.round(performance.now() - startedMs)} ms: ${changes} changes`);
