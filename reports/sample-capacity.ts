/** Made-up figures of a load that climbs until a service no longer follows, of a fitted scaling law, and of a calibration. */
import type { Calibration, ExperimentResult } from "../runners/results.ts";
import { calm, sampleEstimate, type SampleDesign } from "./sample-runs.ts";
import { claim, experiment } from "./sample-story.ts";

const climbing = (second: number): number => 300 + 30 * second;

/** Beyond `most` operations a second the rest is refused, and waiting grows on the way there. */
const climber = (most: number): SampleDesign["shape"] => ({
  ...calm,
  rate: climbing,
  refused: (second) => Math.max(0, 1 - most / climbing(second)),
  slow: (second) => 1 / Math.max(0.04, 1 - Math.min(0.96, climbing(second) / most)),
});

const designs: readonly SampleDesign[] = [
  {
    name: "three",
    title: "Three nodes",
    description: "Each node serves 400 operations a second.",
    differs: { "deployment.nodes": 3 },
    shape: climber(1_150),
  },
  {
    name: "five",
    title: "Five nodes",
    description: "Two nodes more, the same keys.",
    differs: { "deployment.nodes": 5 },
    shape: climber(1_700),
  },
];

const [alpha, beta, one] = [0.031, 0.0009, 410];
const scaling = (n: number): number => (one * n) / (1 + alpha * (n - 1) + beta * n * (n - 1));
const peak = Math.sqrt((1 - alpha) / beta);

export function sampleCapacity(tank: ExperimentResult["tank"]): ExperimentResult {
  return experiment(tank, designs, {
    name: "capacity",
    title: "How far two more nodes carry",
    question: "What is the highest rate that is answered, with three nodes and with five?",
    source: "Gunther, Guerrilla Capacity Planning, 2007, chapter 4",
    load: "300 to 2,070 operations/s, climbing, for 60 s",
    candidate: "five",
    sentence:
      "Five nodes answer 1.46 times what three answer: nodes that agree with each other also wait for each other.",
    ratio: sampleEstimate(1.46, 0.034, 12),
    metric: "okPerSecond",
    better: "higher",
    bands: [],
    claims: [claim("Five nodes answer more than three", "ratio above 1.3", "1.46 (1.41 to 1.51)", "held")],
    charts: [
      {
        kind: "lines",
        title: "Throughput by nodes, and the law fitted to it",
        reading: "Contention of 3.1 % and coherency of 0.09 % bend the curve: beyond some 33 nodes it would fall.",
        xLabel: "nodes",
        yLabel: "ok/s",
        xScale: "linear",
        yScale: "linear",
        series: [
          {
            name: "measured",
            as: "points",
            points: [1, 2, 3, 5, 8, 12, 16, 24].map((n, i) => [n, scaling(n) * (1 + 0.03 * Math.sin(5 * i))]),
          },
          {
            name: "universal scalability law",
            dashed: true,
            points: Array.from({ length: 45 }, (_, i) => [i + 1, scaling(i + 1)]),
          },
        ],
        marks: [{ x: peak, label: `most at ${peak.toFixed(0)} nodes` }],
      },
    ],
  });
}

const row = (oracle: string, quantity: string, theory: number, measured: number, tolerance: string): Calibration => ({
  oracle,
  tank: "simulation",
  quantity,
  theory,
  measured,
  tolerance,
  held: true,
});

export const sampleCalibration: Calibration[] = [
  row("M/M/1 at rho 0.5", "mean wait (ms)", 1, 1.003, "3 sigma"),
  row("M/M/1 at rho 0.8", "mean wait (ms)", 4, 4.021, "3 sigma"),
  row("M/M/1 at rho 0.8", "p99 (ms)", 23.03, 22.87, "2 %"),
  row("M/M/1 at rho 0.9", "mean wait (ms)", 9, 8.93, "3 sigma"),
  row("M/M/4 at rho 0.8", "mean wait (ms)", 0.746, 0.751, "3 sigma"),
  row("M/G/1, cs^2 = 4", "mean wait (ms)", 10, 10.12, "3 sigma"),
  { ...row("M/M/1 at rho 0.8", "p99 (ms)", 23.03, 23.8, "5 %"), tank: "threads" },
  { ...row("closed loop, N = 20", "throughput (1/s)", 980.4, 978.2, "5 %"), tank: "threads" },
];
