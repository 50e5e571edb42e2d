/**
 * Where the two sides of a comparison get their runs from: designs, revisions of the code, URLs. A source runs one side once and
 * gives that run's figures; the order, the number and the judgement are not its affair.
 */
import { Random } from "../../backend/kernel/random.ts";
import type { ComparedMetric } from "../compare/comparison.ts";
import { Interrupted, throwIfAborted } from "../run-order.ts";

export type Side = "baseline" | "candidate";

export interface Figures {
  readonly metrics: Readonly<Record<string, number>>;
  /** Why the run proves nothing; absent when it is valid. */
  readonly invalid?: string;
}

export interface PairSource {
  /** Runs one side. `seed` is the same for both sides of a pair. Rejects with Interrupted when the signal was given. */
  run(side: Side, seed: number, signal: AbortSignal): Promise<Figures>;
  close(): Promise<void>;
}

export interface Pair {
  readonly baseline: Figures;
  readonly candidate: Figures;
  readonly candidateFirst: boolean;
}

export interface PairObserver {
  onPair?(pair: Pair, number: number): void;
  onInvalid?(side: Side, reason: string, number: number): void;
}

export interface PairPlan {
  /** Pairs to run, the warm-up's included. */
  readonly pairs: number;
  readonly seed: number;
}

/**
 * Runs the pairs, which side first drawn for each. A pair with an invalid run is run once more and otherwise left out. An abort
 * ends it with what there is.
 */
export async function collectPairs(
  source: PairSource,
  { pairs, seed }: PairPlan,
  observer: PairObserver,
  signal: AbortSignal,
): Promise<Pair[]> {
  const order = Random.stream(seed, "order of sides");
  const collected: Pair[] = [];
  for (let number = 1; number <= pairs; number++) {
    const candidateFirst = order.chance(0.5);
    try {
      let pair = await runPair(source, seed + number, candidateFirst, signal);
      if (invalidSide(pair) !== null) pair = await runPair(source, seed + number, candidateFirst, signal);
      const invalid = invalidSide(pair);
      if (invalid === null) {
        collected.push(pair);
        observer.onPair?.(pair, number);
      } else observer.onInvalid?.(invalid, pair[invalid].invalid ?? "", number);
    } catch (error) {
      if (error instanceof Interrupted || signal.aborted) break;
      throw error;
    }
  }
  return collected;
}

async function runPair(source: PairSource, seed: number, candidateFirst: boolean, signal: AbortSignal): Promise<Pair> {
  // A short run may end without having seen the signal.
  throwIfAborted(signal);
  const first = await source.run(candidateFirst ? "candidate" : "baseline", seed, signal);
  throwIfAborted(signal);
  const second = await source.run(candidateFirst ? "baseline" : "candidate", seed, signal);
  const [candidate, baseline] = candidateFirst ? [first, second] : [second, first];
  return { baseline, candidate, candidateFirst };
}

function invalidSide({ baseline, candidate }: Pair): Side | null {
  if (baseline.invalid !== undefined) return "baseline";
  return candidate.invalid === undefined ? null : "candidate";
}

/** The metrics that every run has, in the order asked for. */
export function metricsOf(pairs: readonly Pair[], names: readonly string[]): ComparedMetric[] {
  return names
    .filter((name) => pairs.every(({ baseline, candidate }) => name in baseline.metrics && name in candidate.metrics))
    .map((metric) => ({
      metric,
      better: directionOf(metric),
      pairs: pairs.map(({ baseline, candidate }) => [baseline.metrics[metric], candidate.metrics[metric]] as const),
    }));
}

/** Which way is better, from the metric's name: times, refusals and failures lower, everything else higher. */
export function directionOf(metric: string): "higher" | "lower" {
  return /(?:Ms|Us|refusedShare|unknownShare|errorShare|throttledShare|timeoutShare|attemptsPerOperation|violations|lateAnswers)$/.test(
    metric,
  )
    ? "lower"
    : "higher";
}
