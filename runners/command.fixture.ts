/**
 * What the tests of the command line share: a catalogue of two experiments, results as small as they can be, and parts that
 * record what is printed, noted and written instead of doing it.
 */
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Parts } from "./command-parts.ts";
import type { Experiment } from "./experiment.ts";
import type { ExperimentResult, Results, RunResult } from "./results.ts";
import type { SuiteOptions } from "./suite-types.ts";

export const catalog = [
  { name: "adaptive-capacity", designs: { fixed: design("Fixed share."), adaptive: design("Boosted.") } },
  { name: "retry-storm", designs: { none: design("Never again."), "full-jitter": design("Any time.") } },
].map((part) => ({
  title: "T",
  question: "Q?",
  source: "S",
  headline: {},
  tanks: {},
  claims: [],
  ...part,
})) as never as Experiment[];

function design(description: string): object {
  return { title: "D", description };
}

export function experimentResult(changes: Partial<ExperimentResult> & { run?: Partial<RunResult> }): ExperimentResult {
  const run = {
    seed: 1,
    check: { name: "no item lost", held: true, examined: 9, violations: [], counts: {} },
    generator: { valid: true, reasons: [] },
    ...changes.run,
  } as never as RunResult;
  return {
    name: "retry-storm",
    tank: "simulation",
    status: "held",
    verdict: { sentence: "Full jitter wins." },
    claims: [{ text: "It holds.", expected: "1", measured: "1", status: "held" }],
    designs: [{ name: "none", runs: [run] }],
    tookS: 1.5,
    ...changes,
  } as never as ExperimentResult;
}

export function resultsOf(experiments: readonly ExperimentResult[], options?: SuiteOptions): Results {
  return {
    schema: "wavetank.results/1",
    startedAt: "2026-11-24T06:30:00.123Z",
    seed: options?.seed ?? 1,
    quick: false,
    commit: "2eb9281f00",
    dirty: true,
    rerun: options?.rerun ?? "",
    tookS: 2,
    machine: {},
    experiments,
  } as never as Results;
}

export interface Recording extends Parts {
  readonly printed: string[];
  readonly noted: string[];
  readonly left: number[];
  readonly written: string[];
}

export function recording(changes: Partial<Parts> = {}): Recording {
  const [printed, noted, left, written]: [string[], string[], number[], string[]] = [[], [], [], []];
  const terminal = {
    interactive: false,
    colour: false,
    columns: () => 100,
    rows: () => 24,
    print: (text: string) => void printed.push(text),
    note: (text: string) => void noted.push(text),
  };
  return {
    printed,
    noted,
    left,
    written,
    terminal,
    signals: new EventEmitter(),
    leave: (code) => void left.push(code),
    catalog: () => Promise.resolve(catalog),
    runSuite: (options) => Promise.resolve(resultsOf([experimentResult({})], options)),
    writeReport: (_results, directory) => {
      written.push(directory);
      return Promise.resolve([path.join(directory, "report.html"), path.join(directory, "results.json")]);
    },
    writeCharts: (_results, directory) => Promise.resolve({ folder: path.join(directory, "charts"), files: 3 }),
    writeTrend: () => Promise.resolve(),
    readResults: () => Promise.resolve(resultsOf([experimentResult({})])),
    simulate: () => Promise.resolve(0),
    load: () => Promise.resolve(0),
    compare: () => Promise.resolve(0),
    isRevision: () => false,
    capacity: () => Promise.resolve(0),
    calibrate: () => Promise.resolve(0),
    peak: () => Promise.resolve(true),
    agent: () => Promise.resolve(),
    merge: () => Promise.resolve(resultsOf([experimentResult({})])),
    openLiveView: () => Promise.resolve({ url: "http://127.0.0.1:1", observer: {}, end: () => Promise.resolve() }),
    startBackend: () => Promise.resolve({ url: "http://127.0.0.1:8000", close: () => Promise.resolve() }),
    ...changes,
  };
}

/** A folder that is gone after the test. */
export function folderFor(t: { after(undo: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
