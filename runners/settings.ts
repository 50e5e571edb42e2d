/**
 * What the command line changes in an experiment before it runs: `--set path=value`, `--arrivals`, `--rate`, `--for`, `--keys`,
 * `--sizes`. An experiment
 * is data, so a change is a copy with one leaf replaced. A path that leads nowhere is an error that names the near ones: a
 * misspelt setting must never run the experiment unchanged.
 */
import type { Micros } from "../backend/kernel/units.ts";
import { second } from "../backend/kernel/units.ts";
import { keysText, parseKeys, type KeysSpec } from "../workloads/keys.ts";
import { editDistance, UsageError } from "./command-error.ts";
import type { Design, Experiment, Tank, TankPlan } from "./experiment.ts";
import { parseArrivals } from "./arrivals-text.ts";
import { stretched, withRate } from "./schedule.ts";
import { parseSizes } from "./sizes.ts";
import type { Override, SuiteOptions } from "./suite-types.ts";

/** The part of an experiment that one tank runs, and the part that `--set` can reach. */
export interface TankExperiment extends Omit<TankPlan, "designs"> {
  readonly designs: Readonly<Record<string, Design>>;
}

/** Members that may be absent from an experiment's file and still be set, by the member they belong to. */
const optionalMembers: Readonly<Record<string, readonly string[]>> = {
  calls: ["deadlineUs", "retry", "breaker"],
  retry: ["budget"],
  load: ["poisson", "phaseUs", "offPerSecond", "timeScale"],
  deployment: ["turnUs"],
  service: ["weights", "tables"],
};

/** The experiment as one tank will run it, with every setting applied and checked. */
export function applySettings(experiment: Experiment, tank: Tank, options: SuiteOptions): TankExperiment {
  const plan = options.quick ? experiment.tanks[tank].quick : experiment.tanks[tank].full;
  const designs = scaledDesigns(chooseDesigns(experiment, plan.designs, options.designs), plan.timeScale ?? 1);
  let chosen: TankExperiment = { ...plan, designs };
  if (options.forS !== undefined) chosen = withLength(chosen, options.forS);
  if (options.arrivals !== undefined) chosen = { ...chosen, load: parseArrivals(options.arrivals) };
  if (options.rate !== undefined) chosen = { ...chosen, load: withRate(chosen.load, positive("--rate", options.rate)) };
  if (options.keys !== undefined) chosen = { ...chosen, designs: withKeys(chosen.designs, options.keys) };
  if (options.sizes !== undefined) chosen = { ...chosen, designs: withSizes(chosen.designs, options.sizes) };
  for (const override of options.overrides) {
    if (reaches(chosen, override.path.split("."))) chosen = withOverride(chosen, override);
  }
  return chosen;
}

/** Throws unless every `--set` path leads somewhere in at least one of the experiments, in every tank that will run. */
export function checkOverrides(experiments: readonly TankExperiment[], overrides: readonly Override[]): void {
  for (const { path } of overrides) {
    const parts = path.split(".");
    if (experiments.some((experiment) => reaches(experiment, parts))) continue;
    throw new UsageError({
      what: "--set has a path that leads nowhere in the chosen experiments",
      got: path,
      expected: "a path from load, forUs, warmUpUs, rounds, faults or designs.<name> (* stands for every design)",
      fix: `near it: ${nearPaths(experiments[0], parts).join(", ")}`,
    });
  }
}

/** Throws when `--keys` would change no workload of the experiments. */
export function checkKeys(experiments: readonly TankExperiment[], keys: string | undefined): void {
  if (keys === undefined) return;
  if (experiments.some(({ designs }) => Object.values(designs).some((design) => keysOf(design) !== null))) return;
  throw new UsageError({
    what: "--keys changes nothing: no workload of the chosen experiments asks for keys",
    got: keys,
    expected: "at least one experiment whose workload has the parameter keys",
    fix: "leave --keys out",
  });
}

/** Throws when `--sizes` would change no workload of the experiments. */
export function checkSizes(experiments: readonly TankExperiment[], sizes: string | undefined): void {
  if (sizes === undefined) return;
  if (experiments.some(({ designs }) => Object.values(designs).some(hasSizes))) return;
  throw new UsageError({
    what: "--sizes changes nothing: no workload of the chosen experiments writes values of a size",
    got: sizes,
    expected: "at least one experiment whose workload has the parameter valueBytes",
    fix: "leave --sizes out",
  });
}

/** Every leaf of a plain value by its dotted path: scalars as they are, long lists as their length. */
export function flatten(value: unknown, path = ""): Record<string, string | number | boolean | null> {
  if (value === undefined) return {};
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return { [path]: value };
  }
  if (Array.isArray(value)) return flattenList(value, path);
  const result: Record<string, string | number | boolean | null> = {};
  for (const [name, member] of Object.entries(value as object)) {
    Object.assign(result, flatten(member, path === "" ? name : `${path}.${name}`));
  }
  return result;
}

function flattenList(list: readonly unknown[], path: string): Record<string, string | number | boolean | null> {
  if (list.every((item) => typeof item !== "object" || item === null)) {
    return { [path]: list.length <= 16 ? list.join(", ") : `${list.length} values` };
  }
  if (list.length > 3) return { [path]: `${list.length}` };
  return Object.assign({}, ...list.map((item, i) => flatten(item, `${path}.${i}`))) as Record<string, string>;
}

/** The plan as claims and derived figures see it. */
export function planOf(settled: TankExperiment): TankPlan {
  return { ...settled, designs: Object.keys(settled.designs) };
}

/** A name on the command line outweighs a tank's own choice: whoever asks for a design gets it. */
function chooseDesigns(
  experiment: Experiment,
  planned: readonly string[] | undefined,
  names: readonly string[] | undefined,
): Readonly<Record<string, Design>> {
  const wanted = names ?? planned;
  if (wanted === undefined) return experiment.designs;
  const known = wanted.filter((name) => Object.hasOwn(experiment.designs, name));
  if (known.length === 0) {
    throw new UsageError({
      what: `${experiment.name} has no design of that name`,
      got: wanted.join(", "),
      expected: `one of ${Object.keys(experiment.designs).join(", ")}`,
      fix: "name designs as the experiment does",
    });
  }
  return Object.fromEntries(known.map((name) => [name, experiment.designs[name]]));
}

/** Durations of services and calling policies, which end in `Us` whatever they are called, times `scale`. */
function scaledDesigns(designs: Readonly<Record<string, Design>>, scale: number): Readonly<Record<string, Design>> {
  if (scale === 1) return designs;
  const scaled = Object.entries(designs).map(([name, design]): [string, Design] => {
    const service = scaledDurations(design.deployment.service, scale);
    const calls = scaledDurations(design.calls, scale);
    return [name, { ...design, calls, deployment: { ...design.deployment, service } }];
  });
  return Object.fromEntries(scaled);
}

function scaledDurations<T>(value: T, scale: number): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => scaledDurations(item, scale)) as T;
  const members = Object.entries(value).map(([name, member]: [string, unknown]) => [
    name,
    name.endsWith("Us") ? scaledTimes(member, scale) : scaledDurations(member, scale),
  ]);
  return Object.fromEntries(members) as T;
}

/** A duration, or a list of them. */
function scaledTimes(value: unknown, scale: number): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => scaledTimes(item, scale));
  return typeof value === "number" && value > 0
    ? Math.max(1, Math.round(value * scale))
    : scaledDurations(value, scale);
}

/** Everything that has a time keeps its place in proportion. */
function withLength(plan: TankExperiment, forS: number): TankExperiment {
  const forUs = Math.round(positive("--for", forS) * second);
  const scale = (us: Micros): Micros => Math.round((us * forUs) / plan.forUs);
  const load = stretched(plan.load, forUs / plan.forUs);
  const faults = plan.faults.map(({ atUs, fault }) => ({
    atUs: scale(atUs),
    fault: fault.kind === "pause" || fault.kind === "hold" ? { ...fault, forUs: scale(fault.forUs) } : fault,
  }));
  return { ...plan, load, forUs, warmUpUs: scale(plan.warmUpUs), faults };
}

function withKeys(designs: Readonly<Record<string, Design>>, text: string): Record<string, Design> {
  const wanted = parseKeys(text);
  const namesCount = keysText(wanted) === text;
  const changed = Object.entries(designs).map(([name, design]) => {
    const before = keysOf(design);
    if (before === null) return [name, design] as const;
    const keys = keysText(namesCount ? wanted : { ...wanted, keys: before.keys });
    const workload = { ...design.workload, parameters: { ...design.workload.parameters, keys } };
    return [name, { ...design, workload }] as const;
  });
  return Object.fromEntries(changed);
}

const hasSizes = ({ workload }: Design): boolean => workload.parameters.valueBytes !== undefined;

function withSizes(designs: Readonly<Record<string, Design>>, text: string): Record<string, Design> {
  const valueBytes = parseSizes(text);
  const changed = Object.entries(designs).map(([name, design]) => {
    const workload = { ...design.workload, parameters: { ...design.workload.parameters, valueBytes } };
    return [name, hasSizes(design) ? { ...design, workload } : design] as const;
  });
  return Object.fromEntries(changed);
}

/** The keys that a design's workload names, as a spec; null when it names none. */
function keysOf({ workload }: Design): KeysSpec | null {
  const { keys } = workload.parameters;
  if (keys === undefined) return null;
  return typeof keys === "string" ? parseKeys(keys) : (keys as KeysSpec);
}

function withOverride(experiment: TankExperiment, override: Override): TankExperiment {
  return replaced(experiment, override.path.split("."), override) as TankExperiment;
}

function replaced(value: unknown, path: readonly string[], override: Override): unknown {
  if (path.length === 0) return checkedValue(value, override);
  const [name, ...rest] = path;
  if (Array.isArray(value)) return value.map((item, i) => (String(i) === name ? replaced(item, rest, override) : item));
  const members = value as Readonly<Record<string, unknown>>;
  if (name === "*") {
    const changed = Object.entries(members).map(([key, member]) => [key, replaced(member, rest, override)]);
    return Object.fromEntries(changed) as unknown;
  }
  return { ...members, [name]: replaced(members[name], rest, override) };
}

function checkedValue(before: unknown, { path, value }: Override): unknown {
  if (before === undefined || before === null || typeof before === typeof value) return value;
  throw new UsageError({
    what: `--set ${path} has a value of the wrong type`,
    got: `${JSON.stringify(value)}, a ${typeof value}`,
    expected: `a ${typeof before} like ${JSON.stringify(before)}`,
    fix: "see the experiment's file for what the path holds",
  });
}

/** Does the path lead to something that exists, or to an optional member of it? `*` stands for every member. */
function reaches(value: unknown, path: readonly string[], parent = ""): boolean {
  if (path.length === 0) return true;
  if (typeof value !== "object" || value === null) return false;
  const [name, ...rest] = path;
  if (name === "*") return Object.values(value).some((member) => reaches(member, rest, parent));
  if (Object.hasOwn(value, name)) return reaches((value as Record<string, unknown>)[name], rest, name);
  return rest.length === 0 && (optionalMembers[parent] ?? []).includes(name);
}

/** Up to five leaf paths, nearest by edit distance. */
function nearPaths(experiment: TankExperiment, path: readonly string[]): string[] {
  const wanted = path.join(".");
  const leaves = Object.keys(flatten(experiment));
  return leaves
    .map((leaf) => ({ leaf, distance: editDistance(wanted, leaf) }))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 5)
    .map(({ leaf }) => leaf);
}

function positive(flag: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError({
    what: `${flag} is out of range`,
    got: String(value),
    expected: "a number greater than 0",
    fix: `leave ${flag} out for the experiment's own`,
  });
}
