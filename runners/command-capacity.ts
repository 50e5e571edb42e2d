/** `wavetank capacity <url|experiment|mm1>`: the highest rate that meets what is asked of it. */
import type { Command } from "commander";
import { UsageError, unknownName } from "./command-error.ts";
import { loadOptions } from "./command-load.ts";
import * as values from "./command-values.ts";
import type { SearchPlan } from "./capacity/slo-search.ts";
import type { Experiment, Tank } from "./experiment.ts";
import type { LoadPlan } from "./load/load-plan.ts";
import { parseThreshold, type Threshold } from "./load/threshold.ts";

export interface CapacityFlags {
  readonly slo?: readonly string[];
  readonly from?: string;
  readonly most?: string;
  readonly for?: string;
  readonly precision?: string;
  readonly probes?: string;
  readonly tank?: string;
  readonly design?: string;
  readonly seed?: string;
  readonly header?: readonly string[];
  readonly method?: string;
  readonly body?: string;
  readonly connections?: string;
  readonly insecure?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Whose capacity is asked for. */
export type CapacityOf =
  | { readonly kind: "url"; readonly plan: LoadPlan }
  | { readonly kind: "design"; readonly experiment: string; readonly design: string; readonly tank: Tank }
  /** The oracles' own M/M/1 station, whose answer theory knows. */
  | { readonly kind: "mm1"; readonly tank: Tank };

export interface CapacityOptions {
  readonly of: CapacityOf;
  readonly target: string;
  readonly thresholds: readonly Threshold[];
  readonly search: SearchPlan;
  /** Seconds of each probe. */
  readonly forS: number;
  readonly seed: number;
  readonly out?: string;
  readonly json: boolean;
  readonly rerun: string;
}

export function addCapacityOptions(command: Command): Command {
  return command
    .option("--slo <threshold...>", "what must be met: p99<50ms, errors<0.1% (default: p99<100ms errors<1%)")
    .option("--from <rate>", "the first rate probed; it is doubled until the bounds break (default: 50)")
    .option("--most <rate>", "the highest rate probed (default: 200k)")
    .option("--for <time>", "length of each probe (default: 5s, and 100s in the simulation)")
    .option("--precision <share>", "half width of the answer's interval at which the search ends (default: 2%)")
    .option("--probes <n>", "probes at most (default: 30)")
    .option("--tank <tank>", "of an experiment or mm1: simulation or threads (default: simulation)")
    .option("--design <name>", "the design of an experiment (default: its first)")
    .option("--seed <n>", "the seed of everything random (default: 1)")
    .option("-X, --method <method>", "of a URL: GET, or POST when there is a body")
    .option("-H, --header <name: value...>", "a header of the request")
    .option("-d, --body <text>", "its body; @FILE reads it from a file")
    .option("--connections <n>", "connections to a URL, at most (default: 256)")
    .option("--insecure", "take a certificate that nobody vouches for")
    .option("--out <folder>", "where results and report go (default: none are written)")
    .option("--json", "only JSON on stdout");
}

/** @throws UsageError for a value that does not fit */
export function capacityOptions(target: string, flags: CapacityFlags, catalog: readonly Experiment[]): CapacityOptions {
  const of = capacityOf(target, flags, catalog);
  const simulated = of.kind !== "url" && of.tank === "simulation";
  return {
    of,
    target,
    thresholds: (flags.slo ?? ["p99<100ms", "errors<1%"]).map(parseThreshold),
    search: {
      fromPerSecond: values.parseRate(flags.from ?? "50"),
      mostPerSecond: values.parseRate(flags.most ?? "200k"),
      precision: precisionOf(flags.precision ?? "2%"),
      mostProbes: values.parseProbes(flags.probes ?? "30"),
    },
    forS: values.parseDuration(flags.for ?? (simulated ? "100s" : "5s")),
    seed: values.parseSeed(flags.seed ?? "1"),
    out: flags.out,
    json: flags.json ?? false,
    rerun: rerunLine(target, flags),
  };
}

function capacityOf(target: string, flags: CapacityFlags, catalog: readonly Experiment[]): CapacityOf {
  if (/^https?:\/\//.test(target)) {
    const { method, header, body, connections, insecure, seed } = flags;
    return { kind: "url", plan: loadOptions(target, { method, header, body, connections, insecure, seed }).plan };
  }
  const [tank, more] = values.parseTanks(flags.tank ?? "simulation");
  if (more !== undefined)
    throw unknownName("tank", flags.tank ?? "", ["simulation", "threads"], "capacity is asked of one tank");
  if (target === "mm1") return { kind: "mm1", tank };
  const experiment = catalog.find(({ name }) => name === target);
  if (experiment === undefined)
    throw unknownName("experiment", target, ["mm1", ...catalog.map(({ name }) => name)], "or write a URL with http://");
  const designs = Object.keys(experiment.designs);
  const design = flags.design ?? designs[0];
  if (!designs.includes(design)) throw unknownName("design", design, designs, "`wavetank list` shows all");
  return { kind: "design", experiment: target, design, tank };
}

function precisionOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  const share = match === null ? NaN : Number(match[1]) / 100;
  if (share > 0 && share < 1) return share;
  throw new UsageError({
    what: "--precision is not a share",
    got: text === "" ? "an empty value" : text,
    expected: "a percentage above 0 and below 100",
    fix: "for instance --precision 2%",
  });
}

function rerunLine(target: string, flags: CapacityFlags): string {
  const words = [target];
  for (const [name, value] of Object.entries(flags)) {
    if (name === "out" || name === "json") continue;
    if (value === true) words.push(`--${name}`);
    else if (Array.isArray(value)) words.push(`--${name}`, ...(value as string[]));
    else if (typeof value === "string") words.push(`--${name}`, value);
  }
  return ["npm run wavetank -- capacity", ...words.map(values.quote)].join(" ");
}
