/** The designs of the sample's experiments, each with the shape of what is pretended to have been measured. */
import { calm, type SampleDesign } from "./sample-runs.ts";

const during = (second: number): boolean => second >= 20 && second < 30;
const cut = (second: number): boolean => second >= 20 && second < 40;

export const adaptiveCapacityDesigns: readonly SampleDesign[] = [
  {
    name: "fixed",
    title: "Fixed capacity",
    description: "Each of eight partitions may serve an eighth of the table’s capacity.",
    differs: { "admission.adaptive": false, "admission.burstSeconds": 0 },
    shape: { ...calm, refused: () => 0.54, attempts: 1.6 },
  },
  {
    name: "adaptive",
    title: "Adaptive capacity",
    description: "A throttled partition’s share grows while the table has capacity to spare.",
    differs: { "admission.adaptive": true, "admission.burstSeconds": 0 },
    shape: { ...calm, medianMs: 2.4, refused: (second) => 0.54 * Math.exp(-second / 6), attempts: 1.6 },
  },
  {
    name: "on-demand",
    title: "On-demand capacity",
    description: "A global token bucket admits; partitions split by heat.",
    differs: { "admission.adaptive": true, "admission.burstSeconds": 300 },
    shape: { ...calm, medianMs: 2.9, spread: 0.6, refused: (second) => (second < 3 ? 0.05 : 0) },
  },
];

export const retryStormDesigns: readonly SampleDesign[] = [
  {
    name: "immediate",
    title: "Immediate retries",
    description: "Up to four attempts, one after the other.",
    differs: { "calls.backoff": "none", "calls.retryBudget": false },
    shape: {
      ...calm,
      attempts: 3.9,
      unknown: (second) => (second >= 20 ? 0.86 : 0),
      slow: (second) => (second >= 20 ? 160 : 1),
    },
  },
  {
    name: "backoff",
    title: "Exponential backoff, full jitter",
    description: "Delays drawn from 0 to 2^n × 50 ms.",
    differs: { "calls.backoff": "fullJitter", "calls.retryBudget": false },
    shape: {
      ...calm,
      attempts: 2.4,
      unknown: (second) => (during(second) ? 0.7 : second >= 30 && second < 42 ? 0.4 - (second - 30) / 30 : 0),
      slow: (second) => (second >= 20 && second < 42 ? 60 : 1),
    },
  },
  {
    name: "budget",
    title: "Backoff and a retry budget",
    description: "Retries at most a tenth of first attempts.",
    differs: { "calls.backoff": "fullJitter", "calls.retryBudget": true },
    shape: {
      ...calm,
      attempts: 1.2,
      refused: (second) => (during(second) ? 0.35 : 0),
      unknown: (second) => (during(second) ? 0.5 : 0),
      slow: (second) => (during(second) ? 40 : 1),
    },
  },
];

export const virtualNodesDesigns: readonly SampleDesign[] = [
  {
    name: "one",
    title: "One point a node",
    description: "Each node holds one arc of the ring.",
    differs: { "service.virtualNodes": 1 },
    shape: { ...calm, medianMs: 3.4, spread: 0.9 },
  },
  {
    name: "hundred",
    title: "100 points a node",
    description: "Each node holds a hundred arcs of the ring.",
    differs: { "service.virtualNodes": 100 },
    shape: { ...calm, medianMs: 2.2, spread: 0.5 },
  },
];

export const cartMergeDesigns: readonly SampleDesign[] = [
  {
    name: "union",
    title: "Merge by union",
    description: "Concurrent carts are united; a deleted item may come back.",
    differs: { "store.conflict": "union" },
    shape: { ...calm, slow: (second) => (cut(second) ? 1.3 : 1) },
  },
  {
    name: "last-writer",
    title: "Last writer wins",
    description: "The later timestamp replaces the other cart.",
    differs: { "store.conflict": "lastWriterWins" },
    shape: { ...calm, medianMs: 2 },
  },
  {
    name: "strict",
    title: "Refuse without a quorum",
    description: "A side without a majority refuses writes.",
    differs: { "store.conflict": "quorumOnly" },
    shape: { ...calm, medianMs: 2.3, refused: (second) => (cut(second) ? 0.4 : 0) },
  },
];
