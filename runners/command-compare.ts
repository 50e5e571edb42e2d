/**
 * `wavetank compare <a> <b>`: is B better than A? Two designs of an experiment, two revisions of this repository, two URLs, or two
 * results that were made before.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { UsageError, unknownName } from "./command-error.ts";
import type { LoadFlags } from "./command-load.ts";
import { loadOptions } from "./command-load.ts";
import * as values from "./command-values.ts";
import { usualRule, type ComparisonRule } from "./compare/comparison.ts";
import type { Tank } from "./experiment.ts";
import type { LoadPlan } from "./load/load-plan.ts";

export interface CompareFlags {
  readonly experiment?: string;
  readonly tank?: string;
  readonly pairs?: string;
  readonly metric?: readonly string[];
  readonly margin?: string;
  readonly alpha?: string;
  readonly rate?: string;
  readonly for?: string;
  readonly seed?: string;
  readonly quick?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** What `a` and `b` are. */
export type Compared =
  | {
      readonly kind: "designs";
      readonly experiment: string;
      readonly tank: Tank;
      readonly forS?: number;
      readonly quick: boolean;
    }
  | { readonly kind: "revisions"; readonly words: readonly string[] }
  | { readonly kind: "urls"; readonly plan: LoadPlan; readonly baseline: URL; readonly candidate: URL }
  | { readonly kind: "results" };

export interface CompareOptions {
  readonly baseline: string;
  readonly candidate: string;
  readonly compared: Compared;
  readonly pairs: number;
  readonly metrics: readonly string[];
  readonly rule: ComparisonRule;
  /** A folder, or a file that ends in .json. */
  readonly out?: string;
  readonly json: boolean;
  readonly rerun: string;
}

const usualPairs = 10;
const usualMetrics = ["okPerSecond", "okShare", "p50Ms", "p99Ms"];

export function addCompareOptions(command: Command): Command {
  return command
    .option("--experiment <name>", "the experiment whose designs are compared, or that both revisions run")
    .option("--tank <tank>", "where its runs happen: simulation or threads (default: threads)")
    .option("--pairs <n>", `counted pairs of runs; one more warms up (default: ${usualPairs})`)
    .option(
      "--metric <name...>",
      `figures to compare, by their names in results.json (default: ${usualMetrics.join(", ")})`,
    )
    .option("--margin <share>", "a difference within this is equal (default: 2%)")
    .option("--alpha <share>", "chance of a false better or worse, over all metrics (default: 5%)")
    .option("--rate <n>", "arrivals a second, for two URLs (default: 100)")
    .option("--for <time>", "length of each run's load")
    .option("--seed <n>", "the seed of everything random (default: 1)")
    .option("--quick", "short plans of the experiment")
    .option(
      "--out <folder>",
      "where results and report go (default: none are written); a name in .json gets the JSON alone",
    )
    .option("--json", "only JSON on stdout");
}

/**
 * @param designsOf the designs of an experiment by its name; null when there is no such experiment
 * @param isRevision whether git knows the name
 * @throws UsageError when the two are no pair that can be compared
 */
export function compareOptions(
  baseline: string,
  candidate: string,
  flags: CompareFlags,
  designsOf: (experiment: string) => readonly string[] | null,
  isRevision: (name: string) => boolean,
): CompareOptions {
  const rule: ComparisonRule = {
    ...usualRule,
    seed: values.parseSeed(flags.seed ?? "1"),
    margin: share("--margin", flags.margin ?? "2%"),
    alpha: share("--alpha", flags.alpha ?? "5%"),
  };
  return {
    baseline,
    candidate,
    compared: comparedOf(baseline, candidate, flags, designsOf, isRevision),
    pairs: values.parsePairs(flags.pairs ?? String(usualPairs)),
    metrics: flags.metric ?? usualMetrics,
    rule,
    out: flags.out,
    json: flags.json ?? false,
    rerun: rerunLine(baseline, candidate, flags),
  };
}

function comparedOf(
  baseline: string,
  candidate: string,
  flags: CompareFlags,
  designsOf: (experiment: string) => readonly string[] | null,
  isRevision: (name: string) => boolean,
): Compared {
  const both = (holds: (name: string) => boolean): boolean => holds(baseline) && holds(candidate);
  if (both((name) => /^https?:\/\//.test(name))) {
    const load: LoadFlags = { rate: flags.rate, for: flags.for, seed: flags.seed };
    const { plan } = loadOptions(baseline, load);
    loadOptions(candidate, load);
    return { kind: "urls", plan, baseline: new URL(baseline), candidate: new URL(candidate) };
  }
  if (flags.experiment === undefined && both((name) => existsSync(name))) return { kind: "results" };
  const experiment = flags.experiment ?? "";
  const designs = flags.experiment === undefined ? null : designsOf(experiment);
  if (flags.experiment !== undefined && designs === null)
    throw unknownName("experiment", experiment, [], "`wavetank list` shows all");
  const forS = flags.for === undefined ? undefined : values.parseDuration(flags.for);
  const quick = flags.quick ?? false;
  const [tank, ...more] = values.parseTanks(flags.tank ?? "threads");
  if (designs !== null && more.length === 0) {
    if (both((name) => designs.includes(name)))
      return { kind: "designs", experiment, tank, quick, ...(forS === undefined ? {} : { forS }) };
    if (both(isRevision)) {
      const words = [experiment, "--tank", tank, ...(quick ? ["--quick"] : [])];
      const design = designs[0];
      return {
        kind: "revisions",
        words: [...words, "--design", design, ...(flags.for === undefined ? [] : ["--for", flags.for])],
      };
    }
  }
  throw new UsageError({
    what: "these two cannot be compared",
    got: `${baseline} and ${candidate}${flags.experiment === undefined ? "" : `, --experiment ${experiment}`}`,
    expected:
      "two designs or two git revisions with --experiment and one --tank, two http URLs, or two results files or run folders",
    fix:
      designs === null
        ? "name the experiment: wavetank compare none exponential --experiment retry-storm"
        : `its designs are ${designs.join(", ")}`,
  });
}

/** "2%" or "0.02" */
function share(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (value > 0 && value < 1) return value;
  throw new UsageError({
    what: `${option} is not a share`,
    got: text === "" ? "an empty value" : text,
    expected: "a share between 0 and 1, or a percentage",
    fix: `for instance ${option} 2%`,
  });
}

function rerunLine(baseline: string, candidate: string, flags: CompareFlags): string {
  const words = [baseline, candidate];
  for (const [name, value] of Object.entries(flags)) {
    if (name === "out" || name === "json") continue;
    if (value === true) words.push(`--${name}`);
    else if (Array.isArray(value)) words.push(`--${name}`, ...(value as string[]));
    else if (typeof value === "string") words.push(`--${name}`, value);
  }
  return ["npm run wavetank -- compare", ...words.map(values.quote)].join(" ");
}
