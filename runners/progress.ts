/**
 * What runs, what is next and how long it takes, as a pure function from what is known to lines of text. progress-display.ts
 * puts the lines on a terminal.
 *
 * How long it will take comes from the plan at first; each finished run then corrects the rest of its tank by the ratio of
 * what it took to what was planned.
 */
import { stripVTControlCharacters } from "node:util";
import type { ExperimentResult, RunResult } from "./results.ts";
import type { RunItem, RunProgress } from "./suite-types.ts";

/** The runs of one experiment in one tank. */
interface Group {
  readonly experiment: string;
  readonly tank: string;
  readonly items: RunItem[];
  finished: number;
  tookS: number;
  /** Null until every run is judged. */
  result: ExperimentResult | null;
}

/** Everything the display knows. Times are seconds since the suite began. */
export interface ProgressState {
  readonly title: string;
  items: readonly RunItem[];
  groups: Group[];
  finished: number;
  current: RunItem | null;
  currentSinceS: number;
  live: RunProgress | null;
  /** By tank: wall seconds planned and taken by finished runs. */
  readonly pace: Map<string, { plannedS: number; tookS: number }>;
  stopping: boolean;
}

export function newProgress(title: string): ProgressState {
  return {
    title,
    items: [],
    groups: [],
    finished: 0,
    current: null,
    currentSinceS: 0,
    live: null,
    pace: new Map(),
    stopping: false,
  };
}

export function plan(state: ProgressState, items: readonly RunItem[]): void {
  state.items = items;
  state.groups = [];
  for (const item of items) {
    const group = groupOf(state, item);
    if (group === undefined)
      state.groups.push({
        experiment: item.experiment,
        tank: item.tank,
        items: [item],
        finished: 0,
        tookS: 0,
        result: null,
      });
    else group.items.push(item);
  }
}

export function startRun(state: ProgressState, item: RunItem, nowS: number): void {
  state.current = item;
  state.currentSinceS = nowS;
  state.live = null;
}

export function endExperiment(state: ProgressState, result: ExperimentResult): void {
  const group = groupOf(state, { experiment: result.name, tank: result.tank });
  if (group !== undefined) group.result = result;
}

export function endRun(state: ProgressState, item: RunItem, nowS: number): void {
  const tookS = nowS - state.currentSinceS;
  const pace = state.pace.get(item.tank) ?? { plannedS: 0, tookS: 0 };
  state.pace.set(item.tank, { plannedS: pace.plannedS + item.expectedS, tookS: pace.tookS + tookS });
  const group = groupOf(state, item);
  if (group !== undefined) {
    group.finished++;
    group.tookS += tookS;
  }
  state.finished++;
  state.current = null;
  state.live = null;
}

function groupOf(state: ProgressState, of: { experiment: string; tank: string }): Group | undefined {
  return state.groups.find((g) => g.experiment === of.experiment && g.tank === of.tank);
}

/** Wall seconds one run should take, corrected by what its tank's runs took so far. */
function expectedS(state: ProgressState, item: RunItem): number {
  const pace = state.pace.get(item.tank);
  return pace === undefined || pace.plannedS === 0 ? item.expectedS : (item.expectedS * pace.tookS) / pace.plannedS;
}

/** Wall seconds left, the current run included. */
export function remainingS(state: ProgressState, nowS: number): number {
  let total = 0;
  for (const item of state.items.slice(state.finished)) total += expectedS(state, item);
  if (state.current !== null) total -= Math.min(nowS - state.currentSinceS, expectedS(state, state.current));
  return Math.max(0, total);
}

export interface Look {
  readonly columns: number;
  readonly rows: number;
  readonly colour: boolean;
}

/** The display at one moment: at most `rows - 1` lines, none wider than `columns`. */
export function renderProgress(state: ProgressState, look: Look, nowS: number): string[] {
  const paint = painter(look.colour);
  const count = state.items.length;
  const left = remainingS(state, nowS);
  const head = [
    `${paint("bold", "wavetank")}  ${state.title}  ${paint("dim", `${state.finished} of ${count} runs`)}`,
    "",
  ];
  const next = state.items[state.finished + 1];
  const tail = [
    "",
    bar(state, look, nowS, left),
    state.stopping
      ? paint("yellow", "stopping: the report will hold what is finished (Ctrl-C again leaves at once)")
      : paint("dim", next === undefined ? "then: the report" : `next: ${named(next)}`),
  ];
  const room = look.rows - 1 - head.length - tail.length;
  const body = clip(
    state.groups.map((group) => groupLines(state, group, look, nowS)),
    room,
    paint,
  );
  return [...head, ...body, ...tail].map((line) => cut(line, look.columns));
}

/** Whole groups around the one that runs; what does not fit is counted. */
function clip(groups: readonly (readonly string[])[], room: number, paint: Paint): string[] {
  const size = groups.reduce((sum, lines) => sum + lines.length, 0);
  if (size <= room) return groups.flat();
  const active = Math.max(
    0,
    groups.findIndex((lines) => lines.length > 1),
  );
  let [from, to, used] = [active, active + 1, groups[active]?.length ?? 0];
  while (used < room - 2 && (from > 0 || to < groups.length)) {
    if (to < groups.length) to++;
    else from--;
    used++;
  }
  const above = from > 0 ? [paint("dim", `  ${from} done above`)] : [];
  const below = to < groups.length ? [paint("dim", `  ${groups.length - to} more below`)] : [];
  return [...above, ...groups.slice(from, to).flat(), ...below].slice(0, Math.max(room, 0));
}

const marks = { held: "✔", failed: "✘", undecided: "?", invalid: "!", interrupted: "–" } as const;
const tints = { held: "green", failed: "red", undecided: "yellow", invalid: "yellow", interrupted: "yellow" } as const;

function groupLines(state: ProgressState, group: Group, look: Look, nowS: number): string[] {
  const paint = painter(look.colour);
  const width = Math.max(...state.groups.map((g) => g.experiment.length));
  const name = `${group.experiment.padEnd(width)}  ${group.tank.padEnd(10)}`;
  const current = state.current !== null && groupOf(state, state.current) === group ? state.current : null;
  if (group.result !== null) {
    const { status } = group.result;
    const claims = group.result.claims.filter((c) => c.status === "held").length;
    const figures = `${claims} of ${group.result.claims.length} claims held`;
    return [`${paint(tints[status], marks[status])} ${name}  ${paint("dim", `${figures}  ${span(group.tookS)}`)}`];
  }
  if (current === null) {
    const planned = group.items.slice(group.finished).reduce((sum, item) => sum + expectedS(state, item), 0);
    if (group.finished === group.items.length) return [`${paint("dim", "·")} ${name}  ${paint("dim", "being judged")}`];
    return [paint("dim", `· ${name}  ${runs(group.items.length)}, about ${span(planned)}`)];
  }
  const place = `run ${group.finished + 1} of ${group.items.length}`;
  return [
    `${paint("cyan", "▸")} ${paint("bold", name)}  ${place}`,
    `  ${current.design}, round ${current.round + 1}  ${paint("dim", runClock(state, current, nowS))}`,
    `  ${paint("dim", state.live === null ? "starting" : liveFigures(state.live))}`,
  ];
}

function runClock(state: ProgressState, current: RunItem, nowS: number): string {
  const tank = state.live;
  const wall = `${span(nowS - state.currentSinceS)} of about ${span(expectedS(state, current))}`;
  if (tank === null || current.tank === "threads") return wall;
  return `${wall}; ${span(tank.elapsedS)} of ${span(tank.totalS)} in the tank`;
}

function liveFigures(live: RunProgress): string {
  const p99 = live.p99Ms === null ? "p99 –" : `p99 ${figure(live.p99Ms)} ms`;
  return `offered ${whole(live.offered)}  ok ${whole(live.ok)}  refused ${whole(live.refused)}  unknown ${whole(live.unknown)}  ${p99}`;
}

function bar(state: ProgressState, look: Look, nowS: number, leftS: number): string {
  const paint = painter(look.colour);
  const share = state.items.length === 0 ? 0 : Math.min(1, nowS / Math.max(nowS + leftS, 0.001));
  const words = `${String(Math.floor(share * 100)).padStart(3)} %  ${span(nowS)} gone, about ${span(leftS)} left`;
  const width = Math.min(48, look.columns - words.length - 2);
  if (width < 8) return words;
  const full = Math.floor(share * width);
  return `${paint("cyan", "━".repeat(full))}${paint("dim", "─".repeat(width - full))}  ${words}`;
}

/** The first line, where there is no terminal. */
export function planLine(state: ProgressState): string {
  return `${state.title}: ${runs(state.items.length)} planned, about ${span(remainingS(state, 0))}`;
}

/** The line of a finished run, where there is no terminal. */
export function runLine(state: ProgressState, item: RunItem, run: RunResult, nowS: number): string {
  const sums = { ok: 0, refused: 0, unknown: 0 };
  for (const operation of run.operations) {
    sums.ok += operation.ok;
    for (const n of Object.values(operation.refused)) sums.refused += n;
    for (const n of Object.values(operation.unknown)) sums.unknown += n;
  }
  const p99 = run.metrics.p99Ms;
  const latency = p99 === undefined || !Number.isFinite(p99) ? "" : `, p99 ${figure(p99)} ms`;
  const doubts = `${run.generator.valid ? "" : ", INVALID"}${run.check.held ? "" : `, CHECK VIOLATED: ${run.check.violations[0] ?? run.check.name}`}`;
  const place = `[${state.finished}/${state.items.length}]`;
  const outcome = `ok ${whole(sums.ok)}, refused ${whole(sums.refused)}, unknown ${whole(sums.unknown)}${latency}${doubts}`;
  return `${place} ${named(item)}: ${outcome}; ${span(run.tookS)}, about ${span(remainingS(state, nowS))} left`;
}

/** The line that says that something still happens. */
export function heartbeatLine(state: ProgressState, nowS: number): string {
  const now = state.current === null ? "between runs" : named(state.current);
  const live = state.live === null ? "" : `: ${liveFigures(state.live)}`;
  return `[${state.finished}/${state.items.length}] ${span(nowS)} gone, about ${span(remainingS(state, nowS))} left; ${now}${live}`;
}

/* ---- words -------------------------------------------------------------------------------------------------------------- */

const named = (item: RunItem): string => `${item.experiment} (${item.tank}) ${item.design} round ${item.round + 1}`;
const runs = (n: number): string => (n === 1 ? "1 run" : `${n} runs`);
const whole = (n: number): string => Math.round(n).toLocaleString("en-US");

/** Three significant digits. */
export function figure(value: number): string {
  return value >= 100 ? whole(value) : Number(value.toPrecision(3)).toString();
}

/** Seconds for people: 0.4 s, 12 s, 1 min 05 s, 2 h 03 min. */
export function span(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const pad = (n: number): string => String(n).padStart(2, "0");
  if (s < 3_600) return `${Math.floor(s / 60)} min ${pad(s % 60)} s`;
  return `${Math.floor(s / 3_600)} h ${pad(Math.floor((s % 3_600) / 60))} min`;
}

const escape = "\x1b";
const sgr = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Paint = (style: keyof typeof sgr, text: string) => string;

export function painter(colour: boolean): Paint {
  return (style, text) => (colour ? `${escape}[${sgr[style]}m${text}${escape}[0m` : text);
}

/** One SGR sequence, kept by `split`. */
const sequence = new RegExp(`(${escape}\\[\\d+m)`);

/** The line without what lies beyond `columns`, its colours closed. */
export function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line;
  let [kept, width] = ["", 0];
  for (const part of line.split(sequence)) {
    const colour = part.startsWith(escape);
    kept += colour ? part : part.slice(0, Math.max(0, columns - 1 - width));
    if (!colour) width += part.length;
  }
  return `${kept.trimEnd()}…${line.includes(escape) ? `${escape}[0m` : ""}`;
}
