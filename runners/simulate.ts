/**
 * `wavetank simulate`: many seeds of faults, every check on. Without a plant it looks for real bugs and prints, for each failing
 * seed, the one line that replays it. With `--plant all` it plants each known bug in turn and prints which scenario caught it, by
 * which invariant and after how many seeds: a checker that was never seen to fail proves nothing. The harmless changes among
 * the plants must not be flagged. A seed whose clients got too little done before or after its first fault is invalid: it has
 * shown nothing, so it is counted apart and is not green.
 */
import { mutants } from "../backend/mutants.ts";
import { unknownName } from "./command-error.ts";
import type { SimulateOptions } from "./command-simulate.ts";
import { describeFault } from "../backend/kernel/fault.ts";
import type { Scenario, ScenarioRun } from "./simulate/scenario.ts";
import { scenarios } from "./simulate/scenario.ts";

const violatedExit = 97;

/** Returns the exit code: 0, or 97 when an invariant was violated or a planted bug escaped. */
export async function runSimulateCommand(options: SimulateOptions): Promise<number> {
  const chosen = chooseScenarios(options.scenario);
  if (options.plant === undefined) {
    let failed = 0;
    for (const scenario of chosen) failed += await searchForBugs(scenario, options);
    return failed === 0 ? 0 : violatedExit;
  }
  const names = mutants.map(({ name }) => name);
  if (options.plant !== "all" && !names.includes(options.plant)) {
    throw unknownName("planted bug", options.plant, ["all", ...names], "wavetank simulate --help lists them");
  }
  const plants = options.plant === "all" ? names : [options.plant];
  return catchPlants(chosen, plants, options);
}

function chooseScenarios(name: string | undefined): readonly Scenario[] {
  if (name === undefined) return scenarios;
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario !== undefined) return [scenario];
  const names = scenarios.map((candidate) => candidate.name);
  throw unknownName("scenario", name, names, "leave --scenario out to run all of them");
}

/** Runs one scenario over all seeds; returns how many failed or were invalid. */
async function searchForBugs(scenario: Scenario, { seeds, from }: SimulateOptions): Promise<number> {
  print(`${scenario.name}: ${scenario.promise}`);
  const startedAt = performance.now();
  const total = { events: 0, virtualUs: 0, acknowledged: 0, reads: 0, staleReads: 0, lost: 0 };
  let failed = 0;
  let invalid = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const run = scenario.run(seed);
    total.events += run.events;
    total.virtualUs += run.virtualUs;
    total.acknowledged += run.acknowledged;
    total.reads += run.reads;
    total.staleReads += run.staleReads;
    total.lost += run.lost;
    if (!run.valid) invalid++;
    if (run.violations.length > 0) {
      failed++;
      if (failed <= 5) printFailure(scenario, seed, run);
    }
    // Lets a signal through between seeds.
    if (seed % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  print(
    `  ${seeds} seeds, ${failed} failed, ${invalid} invalid; ${count(total.events)} events in ${seconds.toFixed(1)} s ` +
      `(${count(total.events / seconds)}/s), ${(total.virtualUs / 3.6e9).toFixed(2)} virtual hours; ` +
      `${count(total.acknowledged)} writes acknowledged, ${count(total.reads)} reads, ${count(total.staleReads)} of them stale` +
      (total.lost > 0 ? `, ${count(total.lost)} final reads without an acknowledged write` : ""),
  );
  if (failed + invalid === 0 && seeds >= 30)
    print(`  a bug that one seed in ${Math.floor(seeds / 3)} shows would have been seen with 95 % probability`);
  return failed + invalid;
}

function printFailure(scenario: Scenario, seed: number, run: ScenarioRun): void {
  print(`  seed ${seed} FAILED`);
  for (const { invariant, detail } of run.violations.slice(0, 3)) print(`    ${invariant}: ${detail}`);
  print(
    `    faults: ${run.plan.map(({ atUs, fault }) => `${(atUs / 1e6).toFixed(2)} s ${describeFault(fault)}`).join("; ")}`,
  );
  print(`    replay: npm run simulate -- --scenario ${scenario.name} --from ${seed} --seeds 1`);
}

interface Catch {
  readonly plant: string;
  readonly description: string;
  readonly scenario: string;
  readonly invariant: string;
  readonly seeds: number;
  readonly verdict: "caught" | "ESCAPED" | "not flagged" | "FLAGGED";
}

function catchPlants(chosen: readonly Scenario[], plants: readonly string[], options: SimulateOptions): number {
  const rows: Catch[] = [];
  for (const plant of plants) {
    const { description, harmless = false } = mutants.find(({ name }) => name === plant)!;
    const suited = chosen.filter(({ catches, tolerates }) => (harmless ? tolerates : catches).includes(plant));
    if (suited.length === 0) {
      rows.push({ plant, description, scenario: "none is meant to", invariant: "-", seeds: 0, verdict: "ESCAPED" });
    }
    for (const scenario of suited) rows.push({ plant, description, ...firstCatch(scenario, plant, harmless, options) });
  }
  printTable(rows);
  return rows.every(({ verdict }) => verdict === "caught" || verdict === "not flagged") ? 0 : violatedExit;
}

function firstCatch(
  scenario: Scenario,
  plant: string,
  harmless: boolean,
  { seeds, from }: SimulateOptions,
): Pick<Catch, "scenario" | "invariant" | "seeds" | "verdict"> {
  for (let seed = from; seed < from + seeds; seed++) {
    const { violations } = scenario.run(seed, plant);
    if (violations.length === 0) continue;
    const { invariant } = violations[0];
    return { scenario: scenario.name, invariant, seeds: seed - from + 1, verdict: harmless ? "FLAGGED" : "caught" };
  }
  return { scenario: scenario.name, invariant: "-", seeds, verdict: harmless ? "not flagged" : "ESCAPED" };
}

function printTable(rows: readonly Catch[]): void {
  const header = ["planted bug", "what is wrong", "scenario", "verdict", "by", "seeds"];
  const cells = rows.map((row) => [
    row.plant,
    row.description,
    row.scenario,
    row.verdict,
    row.invariant,
    String(row.seeds),
  ]);
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd();
  print(line(header));
  print(widths.map((width) => "-".repeat(width)).join("  "));
  for (const row of cells) print(line(row));
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
