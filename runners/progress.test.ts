import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Terminal } from "./command-terminal.ts";
import { ProgressDisplay } from "./progress-display.ts";
import {
  cut,
  endExperiment,
  endRun,
  newProgress,
  plan,
  remainingS,
  renderProgress,
  span,
  startRun,
  type ProgressState,
} from "./progress.ts";
import type { ExperimentResult, RunResult } from "./results.ts";
import type { RunItem } from "./suite-types.ts";

const items: readonly RunItem[] = ["adaptive-capacity", "retry-storm"].flatMap((experiment) =>
  (["simulation", "threads"] as const).flatMap((tank) =>
    ["fixed", "adaptive"].map((design) => ({
      experiment,
      tank,
      design,
      round: 0,
      expectedS: tank === "threads" ? 10 : 2,
    })),
  ),
);

const live = { elapsedS: 30, totalS: 60, offered: 12_345, ok: 12_000, refused: 300, unknown: 45, p99Ms: 12.345 };
const judged = {
  name: "adaptive-capacity",
  tank: "simulation",
  status: "held",
  claims: [{ status: "held" }, { status: "held" }],
};
const run = {
  tookS: 3,
  operations: [{ ok: 1_200, refused: { throttled: 3 }, unknown: { timeout: 1 } }],
  metrics: { p99Ms: 1_234.5 },
  generator: { valid: true },
  check: { held: true, violations: [] },
} as never as RunResult;

/** Two runs of the simulation are done, at 1.5 times their plan, and the first of the threads runs since 4 s. */
function midway(): ProgressState {
  const state = newProgress("2 experiments, simulation and threads, seed 1");
  plan(state, items);
  for (const [i, item] of items.slice(0, 2).entries()) {
    startRun(state, item, 3 * i);
    endRun(state, item, 3 * i + 3);
  }
  endExperiment(state, judged as never as ExperimentResult);
  startRun(state, items[2], 6);
  state.live = live;
  return state;
}

const look = { columns: 100, rows: 24, colour: false };

test("a frame, with a run under way", () => {
  assert.deepEqual(renderProgress(midway(), look, 10), [
    "wavetank  2 experiments, simulation and threads, seed 1  2 of 8 runs",
    "",
    "✔ adaptive-capacity  simulation  2 of 2 claims held  6.0 s",
    "▸ adaptive-capacity  threads     run 1 of 2",
    "  fixed, round 1  4.0 s of about 10 s",
    "  offered 12,345  ok 12,000  refused 300  unknown 45  p99 12.3 ms",
    "· retry-storm        simulation  2 runs, about 6.0 s",
    "· retry-storm        threads     2 runs, about 20 s",
    "",
    "━━━━━━━━━───────────────────────────────────────   19 %  10 s gone, about 42 s left",
    "next: adaptive-capacity (threads) adaptive round 1",
  ]);
});

test("the simulation's clock is shown beside the wall's", () => {
  const state = newProgress("t");
  plan(state, items);
  startRun(state, items[0], 0);
  state.live = { ...live, p99Ms: null };
  const lines = renderProgress(state, look, 1);
  assert.equal(lines[3], "  fixed, round 1  1.0 s of about 2.0 s; 30 s of 1 min 00 s in the tank");
  assert.equal(lines[4], "  offered 12,345  ok 12,000  refused 300  unknown 45  p99 –");
});

test("what is left is corrected by what runs of the same tank took", () => {
  // Two simulated runs at 1.5 x 2 s, and four on threads at 10 s, the first of which has run for 4 s.
  assert.equal(remainingS(midway(), 10), 2 * 3 + 4 * 10 - 4);
  // A run that takes longer than planned leaves the others whole.
  assert.equal(remainingS(midway(), 100), 2 * 3 + 3 * 10);
});

test("no line is wider than the terminal and no frame higher, coloured or not, from 20 x 6 on", () => {
  for (const colour of [false, true]) {
    for (let columns = 20; columns <= 120; columns += 7) {
      for (let rows = 6; rows <= 30; rows++) {
        const lines = renderProgress(midway(), { columns, rows, colour }, 10);
        assert.ok(lines.length < rows, `${lines.length} lines in ${rows} rows`);
        for (const line of lines) assert.ok(stripVTControlCharacters(line).length <= columns, line);
      }
    }
  }
});

test("a low terminal shows the groups around the one that runs, and counts the rest", () => {
  assert.deepEqual(renderProgress(midway(), { ...look, rows: 11 }, 10).slice(2, 7), [
    "  1 done above",
    "▸ adaptive-capacity  threads     run 1 of 2",
    "  fixed, round 1  4.0 s of about 10 s",
    "  offered 12,345  ok 12,000  refused 300  unknown 45  p99 12.3 ms",
    "  2 more below",
  ]);
});

test("colours change nothing but colours", () => {
  const plain = renderProgress(midway(), look, 10);
  const coloured = renderProgress(midway(), { ...look, colour: true }, 10);
  assert.notDeepEqual(coloured, plain);
  assert.deepEqual(coloured.map(stripVTControlCharacters), plain);
});

test("a cut line closes its colours", () => {
  assert.equal(cut("\x1b[31mabcdef\x1b[0m", 4), "\x1b[31mabc\x1b[0m…\x1b[0m");
  assert.equal(cut("abcd", 4), "abcd");
});

test("spans for people", () => {
  const spans = [0, 0.44, 9.94, 9.96, 59.4, 59.6, 3_599, 3_725].map(span);
  assert.deepEqual(spans, ["0.0 s", "0.4 s", "9.9 s", "10 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 02 min"]);
});

/* ---- the display -------------------------------------------------------------------------------------------------------- */

function displayOn(interactive: boolean): { display: ProgressDisplay; notes: string[]; at: (ms: number) => void } {
  const notes: string[] = [];
  let nowMs = 0;
  const terminal: Terminal = {
    interactive,
    colour: false,
    columns: () => 80,
    rows: () => 24,
    print: () => assert.fail("progress is not for stdout"),
    note: (text) => void notes.push(text),
  };
  const display = new ProgressDisplay(terminal, "t", () => nowMs);
  return { display, notes, at: (ms) => void (nowMs = ms) };
}

test("without a terminal: the plan, a line a run, and a sign of life every ten seconds", () => {
  const { display, notes, at } = displayOn(false);
  display.observer.onPlan?.(items);
  display.observer.onRunStart?.(items[0]);
  for (const ms of [2_000, 9_999, 10_000, 12_000]) {
    at(ms);
    display.observer.onRunProgress?.(items[0], live);
  }
  at(13_000);
  display.observer.onRunEnd?.(items[0], run);
  display.stopping();
  display.end();
  assert.deepEqual(notes, [
    "t: 8 runs planned, about 48 s\n",
    "[0/8] 10 s gone, about 46 s left; adaptive-capacity (simulation) fixed round 1: offered 12,345  ok 12,000  refused 300  unknown 45  p99 12.3 ms\n",
    "[1/8] adaptive-capacity (simulation) fixed round 1: ok 1,200, refused 3, unknown 1, p99 1,235 ms; 3.0 s, about 1 min 19 s left\n",
    "stopping: the report will hold what is finished (a second Ctrl-C leaves at once)\n",
  ]);
});

test("on a terminal each frame starts where the last one did, and the end leaves nothing behind", () => {
  const { display, notes, at } = displayOn(true);
  display.observer.onPlan?.(items);
  const height = notes[1].split("\n").length - 1;
  at(50);
  display.observer.onRunStart?.(items[0]);
  assert.equal(notes.length, 2, "ten frames a second are enough");
  at(150);
  display.observer.onRunProgress?.(items[0], live);
  assert.ok(notes[2].startsWith(`\x1b[${height}F`));
  const grown = notes[2].split("\n").length - 1;
  display.end();
  display.end();
  assert.deepEqual(notes.slice(3), [`\x1b[${grown}F\x1b[J\x1b[?25h`]);
  assert.equal(notes[0], "\x1b[?25l");
});
