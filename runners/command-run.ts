/**
 * `wavetank run`: from what was typed to a suite, and from its results to a report, a summary and an exit code.
 *
 *     words ──> SuiteOptions ──> runSuite ──> results ──> report folder ──> summary, exit code
 *                                   ^ first Ctrl-C: ends early, the rest goes on with what there is
 */
import { accessSync, constants, mkdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArrivals } from "./arrivals-text.ts";
import { UsageError, unknownName } from "./command-error.ts";
import { exitCodeOf } from "./command-exit.ts";
import { openAside, type LiveFlags } from "./command-live.ts";
import { defaultTank, spreadOver, type MachineFlags } from "./command-machines.ts";
import type { Parts } from "./command-parts.ts";
import { renderSummary, summaryJson } from "./command-summary.ts";
import { Interruption } from "./command-terminal.ts";
import * as values from "./command-values.ts";
import { writeReportOrExplain } from "./command-write.ts";
import type { Experiment } from "./experiment.ts";
import { ProgressDisplay } from "./progress-display.ts";
import type { Results } from "./results.ts";
import { parseSizes } from "./sizes.ts";
import type { SuiteOptions } from "./suite-types.ts";

/** The options of `run` as they were typed. */
export interface RunFlags extends MachineFlags, LiveFlags {
  readonly tank?: string;
  readonly quick?: boolean;
  readonly seed?: string;
  readonly design?: readonly string[];
  readonly set?: readonly string[];
  readonly arrivals?: string;
  readonly rate?: string;
  readonly for?: string;
  readonly keys?: string;
  readonly sizes?: string;
  readonly target?: string;
  readonly rounds?: string;
  readonly slices?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** A suite is the same every night until someone asks for another seed. */
const defaultSeed = 1;

/** @throws UsageError for a value or name that does not fit */
export function suiteOptions(names: readonly string[], flags: RunFlags, catalog: readonly Experiment[]): SuiteOptions {
  const seed = flags.seed === undefined ? defaultSeed : values.parseSeed(flags.seed);
  const overrides = (flags.set ?? []).map(values.parseOverride);
  if (flags.rounds !== undefined) overrides.push({ path: "rounds", value: values.parseRounds(flags.rounds) });
  const options = {
    experiments: withDesigns(chosen(names, catalog), flags.design, catalog),
    tanks: values.parseTanks(flags.tank ?? defaultTank(flags)),
    quick: flags.quick ?? false,
    seed,
    designs: flags.design,
    overrides,
    arrivals: checked(flags.arrivals, parseArrivals),
    rate: flags.rate === undefined ? undefined : values.parseRate(flags.rate),
    forS: flags.for === undefined ? undefined : values.parseDuration(flags.for),
    keys: flags.keys === undefined ? undefined : values.parseKeys(flags.keys),
    sizes: checked(flags.sizes, parseSizes),
    target: values.parseTarget(flags.target ?? "direct"),
    slices: flags.slices === undefined ? undefined : values.parseSlices(flags.slices),
    rerun: rerunLine(names, flags, seed),
    calibrate: flags.slice === undefined && flags.agents === undefined,
  };
  return spreadOver(options, flags);
}

/** The text itself, once `parse` has taken it. */
function checked(text: string | undefined, parse: (text: string) => unknown): string | undefined {
  if (text !== undefined) parse(text);
  return text;
}

function chosen(names: readonly string[], catalog: readonly Experiment[]): readonly Experiment[] {
  if (names.length === 0) return catalog;
  return [...new Set(names)].map((name) => {
    const found = catalog.find((experiment) => experiment.name === name);
    if (found !== undefined) return found;
    throw unknownName(
      "experiment",
      name,
      catalog.map((e) => e.name),
      "`wavetank list` shows all",
    );
  });
}

/** Without designs everything chosen runs; with them only the experiments that have at least one of them. */
function withDesigns(
  experiments: readonly Experiment[],
  designs: readonly string[] | undefined,
  catalog: readonly Experiment[],
): readonly Experiment[] {
  if (designs === undefined) return experiments;
  const known = new Set(experiments.flatMap((e) => Object.keys(e.designs)));
  for (const design of designs) {
    if (known.has(design)) continue;
    const misplaced = catalog.some((e) => e.name === design);
    const fix = misplaced ? `${design} is an experiment: name it before the options` : "`wavetank list` shows all";
    throw unknownName("design", design, [...known], fix);
  }
  return experiments.filter((e) => designs.some((design) => design in e.designs));
}

/** The line that repeats the suite in a checkout: what was typed, and the seed even when it was not. */
export function rerunLine(names: readonly string[], flags: RunFlags, seed: number): string {
  const words = [...names];
  const option = (name: string, ...given: (string | undefined)[]): void => {
    for (const value of given) if (value !== undefined) words.push(name, value);
  };
  option("--tank", flags.tank);
  if (flags.quick === true) words.push("--quick");
  option("--seed", String(seed));
  option("--design", ...(flags.design ?? []));
  option("--set", ...(flags.set ?? []));
  option("--arrivals", flags.arrivals);
  option("--rate", flags.rate);
  option("--for", flags.for);
  option("--keys", flags.keys);
  option("--sizes", flags.sizes);
  option("--target", flags.target);
  option("--rounds", flags.rounds);
  option("--slices", flags.slices);
  option("--slice", flags.slice);
  option("--agents", flags.agents);
  option("--nats", flags.nats);
  return ["npm run bench --", ...words.map(values.quote)].join(" ");
}

export async function runCommand(names: readonly string[], flags: RunFlags, parts: Parts): Promise<number> {
  const { terminal } = parts;
  const asked = suiteOptions(names, flags, await parts.catalog());
  if (flags.out !== undefined) prepareFolder(flags.out);
  const display = new ProgressDisplay(terminal, titleOf(asked));
  const leave = (code: number): void => {
    display.end();
    parts.leave(code);
  };
  const aside = await openAside(flags, titleOf(asked), display.observer, parts).catch((error: unknown) => {
    display.end();
    throw error;
  });
  const interruption = new Interruption(parts.signals, () => display.stopping(), leave);
  try {
    const results = await parts.runSuite({ ...asked, signal: interruption.signal }, aside.observer);
    display.end();
    const directory = flags.out ?? path.join(".wavetank", "runs", folderName(results));
    const writeReport: Parts["writeReport"] = async (all, folder) => [
      ...(await parts.writeReport(all, folder)),
      ...aside.write(all, folder),
    ];
    const files = await writeReportOrExplain({ writeReport }, results, directory);
    const exitCode = interruption.exitCode ?? exitCodeOf(results);
    if (flags.json === true) terminal.print(summaryJson(results, files, exitCode));
    else printSummary(results, files, interruption.exitCode !== null, parts);
    return exitCode;
  } finally {
    display.end();
    interruption.end();
    await aside.end();
  }
}

function titleOf(options: SuiteOptions): string {
  const { experiments, tanks, quick, seed } = options;
  const count = experiments.length === 1 ? experiments[0].name : `${experiments.length} experiments`;
  return `${count}, ${tanks.join(" and ")}${quick ? ", quick" : ""}, seed ${seed}`;
}

/** `20261124T063000Z-2eb9281-1`: sorts by time, names the code and the seed. */
export function folderName(results: Results): string {
  const utc = results.startedAt.replaceAll(/[-:]|\.\d+/g, "");
  return `${utc}-${results.commit.slice(0, 7) || "unknown"}${results.dirty ? "-dirty" : ""}-${results.seed}`;
}

/** A folder that cannot be written is better known before the suite than after it. */
export function prepareFolder(directory: string, option = "--out"): void {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK);
  } catch (error) {
    throw new UsageError({
      what: `the folder of ${option} cannot be written`,
      got: `${directory} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a folder that exists or can be made, and is writable",
      fix: `choose another folder, or leave ${option} out for a fresh one`,
    });
  }
}

export function printSummary(results: Results, files: readonly string[], interrupted: boolean, parts: Parts): void {
  const { terminal } = parts;
  const lines = renderSummary(results, { columns: terminal.columns(), colour: terminal.colour });
  terminal.print(`${lines.join("\n")}\n`);
  printFiles(results.rerun, files, interrupted, parts);
}

/** How to repeat it, and where it was written; the page comes last, where the eye is. */
export function printFiles(rerun: string, files: readonly string[], interrupted: boolean, { terminal }: Parts): void {
  const lines = interrupted ? ["", "Interrupted: the report holds what was finished."] : [];
  lines.push("", `repeat  ${rerun}`);
  const [page, ...others] = files.map((file) => path.resolve(file));
  for (const file of others) lines.push(`file    ${file}`);
  if (page !== undefined) lines.push(`report  ${page}`, `        ${pathToFileURL(page).href}`);
  terminal.print(`${lines.join("\n")}\n`);
}
