/**
 * The comparison tried on runs whose truth is known: the same thing against itself, where every verdict is false, and a slowdown
 * that was put in, where none is. Used by the tests and by `node scripts/bench-compare.ts`, which prints the figures.
 */
import { Random } from "../../backend/kernel/random.ts";
import { compareMetrics, usualRule, type ComparisonVerdict } from "./comparison.ts";

export type Noise = "log-normal" | "drift" | "heavy-tailed";

const meanMs = 10;
const cv = 0.03;

/** `count` pairs of runs of one thing with a coefficient of variation of `spread`. */
export function series(seed: number, count: number, spread = cv, noise: Noise = "log-normal"): [number, number][] {
  const random = Random.stream(seed, "pairs");
  const run = (pair: number, half: number): number => {
    // A machine that grows 5 % slower over the comparison, for whichever of the two runs at that moment.
    const drift = noise === "drift" ? 1 + (0.05 * (pair + half / 2)) / count : 1;
    const outlier = noise === "heavy-tailed" && random.chance(0.05) ? 1 + random.exponential(0.1) : 1;
    return meanMs * drift * outlier * Math.exp(spread * gauss(random));
  };
  return Array.from({ length: count }, (_, pair) => {
    const candidateFirst = random.chance(0.5);
    const first = run(pair, 0);
    const second = run(pair, 1);
    return candidateFirst ? [second, first] : [first, second];
  });
}

/** The same runs as somebody would make them who runs all of A and then all of B. */
export function blockSeries(seed: number, count: number, spread = cv): [number, number][] {
  const random = Random.stream(seed, "blocks");
  const run = (at: number): number => meanMs * (1 + (0.05 * at) / (2 * count)) * Math.exp(spread * gauss(random));
  const all = Array.from({ length: 2 * count }, (_, at) => run(at));
  return Array.from({ length: count }, (_, i) => [all[i], all[count + i]]);
}

export interface Trial {
  readonly noise?: Noise;
  readonly comparisons: number;
  /** Counted pairs of each; one more is run for the warm-up. */
  readonly pairs: number;
  readonly seed: number;
}

/** Share of comparisons of a thing with itself that end better or worse. */
export function falseVerdicts({ noise, comparisons, pairs, seed }: Trial): number {
  return shareOf(comparisons, (i) => isDifferent(verdictOf(series(seed * 100_000 + i, pairs + 1, cv, noise), i)));
}

/** The same where A was run before B. */
export function blockFalseVerdicts({ comparisons, pairs, seed }: Trial): number {
  return shareOf(comparisons, (i) => isDifferent(verdictOf(blockSeries(seed * 100_000 + i, pairs + 1), i)));
}

/** Share of comparisons that find a candidate slower which is, by `slowdown`. */
export function power({ noise, comparisons, pairs, seed, slowdown }: Trial & { readonly slowdown: number }): number {
  return shareOf(comparisons, (i) => {
    const runs = series(seed * 100_000 + i, pairs + 1, cv, noise);
    return (
      verdictOf(
        runs.map(([a, b]): [number, number] => [a, b * (1 + slowdown)]),
        i,
      ) === "worse"
    );
  });
}

function verdictOf(pairs: readonly (readonly [number, number])[], seed: number): ComparisonVerdict {
  const names = { baseline: "a", candidate: "b" };
  return compareMetrics([{ metric: "p50Ms", better: "lower", pairs }], names, { ...usualRule, seed })[0].verdict;
}

function isDifferent(verdict: ComparisonVerdict): boolean {
  return verdict === "better" || verdict === "worse";
}

function shareOf(count: number, holds: (i: number) => boolean): number {
  return Array.from({ length: count }, (_, i) => holds(i + 1)).filter(Boolean).length / count;
}

/** Box and Muller's. */
function gauss(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.float())) * Math.cos(2 * Math.PI * random.float());
}
