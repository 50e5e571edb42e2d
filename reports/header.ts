/** The strip above everything: can these figures be trusted, and what made them? A suite that is not healthy says so first. */
import type { Results } from "../runners/results.ts";
import { calibrationText } from "./calibration.ts";
import { comparedAnswer, comparedCells } from "./compared.ts";
import { copyable } from "./copyable.ts";
import { formatCount, formatInstant, formatMicros, formatSeconds } from "./format.ts";
import { html, trusted, type Insertable, type Markup } from "./markup.ts";
import { byStatus, countStatuses } from "./status.ts";
import { logo } from "./page-shell.ts";
import { groupByName, summarizeHealth, type Health } from "./summary.ts";

export function pageHeader(results: Results): Markup {
  const { machine, compared } = results;
  const health = summarizeHealth(results.experiments);
  return html`<header class="top">
    <div class="brand">
      ${logo}
      <div>
        <h1>Wavetank report</h1>
        <p class="outcome">${formatInstant(results.startedAt)}${results.quick && ", quick run"}</p>
      </div>
      <button type="button" id="theme">Dark</button>
    </div>
    <p class="answer">${compared === undefined ? answer(results, health) : comparedAnswer(compared)}</p>
    <dl class="strip">
      ${
        compared === undefined
          ? suiteCells(results, health)
          : comparedCells(compared).map(([name, value, warn]) => cell(name, value, warn))
      }
      ${cell("Cost", costText(results, health))}
      ${cell("Machine", html`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB<br />${machine.os}<br />Node ${machine.node}<br />${machine.disk}`)}
      ${cell(
        "Code",
        html`<code>${results.commit.slice(0, 12)}</code
          >${results.dirty ? html`<br />with uncommitted changes` : ""}<br />seed <code>${results.seed}</code>`,
        results.dirty,
      )}
    </dl>
    <p class="rerun">${copyable(results.rerun, "the line that repeats this run")}</p>
  </header>`;
}

function suiteCells(results: Results, health: Health): Markup[] {
  return [
    cell("Generator", generatorText(health), health.invalidRuns > 0),
    cell("Checks", checkText(health), health.checkFailures > 0),
    cell("Calibration", calibrationCell(results), results.calibration?.some(({ held }) => !held) === true),
  ];
}

/** A comparison keeps the figures of its runs and not how many operations they are of. */
function costText({ tookS, quick, compared }: Results, health: Health): Markup {
  const quickly = quick && html`<br />quick: fewer and shorter runs, wider intervals`;
  if (compared !== undefined) return html`<b class="plain">${formatSeconds(tookS)}</b>${quickly}`;
  return html`<b class="plain">${counted(health.runs, "run")}</b> in ${formatSeconds(tookS)}${quickly}<br />${formatCount(health.planned)}
    operations`;
}

/** The whole report in one line: how many answers stand, worst first, and what would make them worthless. */
function answer(results: Results, health: Health): Insertable {
  const { experiments } = results;
  if (experiments.length === 0) return "No experiment ran.";
  const [worst] = [...experiments].sort(byStatus);
  const doubts = [
    ...(health.checkFailures > 0 ? ["a design broke what it promises"] : []),
    ...(health.invalidRuns > 0
      ? [`the load generator fell behind in ${formatCount(health.invalidRuns)} of ${formatCount(health.runs)} runs`]
      : []),
    ...(results.calibration?.some(({ held }) => !held) === true ? ["the calibration failed"] : []),
  ];
  const all = experiments.every(({ status }) => status === worst!.status);
  const word = !all
    ? countStatuses(experiments)
    : experiments.length > 1
      ? `All ${experiments.length} ${worst!.status}`
      : worst!.status.replace(/^./, (letter) => letter.toUpperCase());
  return html`<span class="answer-word ${worst!.status}">${word}:</span>
    <span class="answer-of"
      >${experimentCount(results)}${doubts.length > 0 && html`; <b>${doubts.join(", ")}</b>`}</span
    >`;
}

function calibrationCell({ calibration }: Results): Insertable {
  if (calibration === undefined || calibration.length === 0) return html`not part of this run`;
  const held = calibration.every((row) => row.held);
  return html`<a href="#calibration"><b>${held ? "within tolerance" : "outside its tolerance"}</b></a
    ><br />${calibrationText(calibration)}`;
}

function experimentCount(results: Results): string {
  const names = groupByName(results).length;
  const tanks = new Set(results.experiments.map((experiment) => experiment.tank)).size;
  const many = counted(names, "experiment");
  return tanks > 1 ? `${many} in ${tanks} tanks` : `${many} (${results.experiments[0]?.tank ?? "none"})`;
}

function counted(count: number, name: string): string {
  return `${formatCount(count)} ${name}${count === 1 ? "" : "s"}`;
}

function cell(name: string, value: Insertable, warn = false): Markup {
  return html`<div${warn && trusted(' class="warn"')}><dt>${name}${warn && trusted(' <span class="mark">check</span>')}</dt><dd>${value}</dd></div>`;
}

function generatorText(health: Health): Markup {
  const verdict =
    health.invalidRuns === 0
      ? html`<b>healthy</b>: ${health.runs === 1 ? "the run is" : `all ${formatCount(health.runs)} runs are`} valid`
      : html`<b>${formatCount(health.invalidRuns)} of ${formatCount(health.runs)} runs invalid</b>:
          ${health.reasons.join("; ")}`;
  return html`${verdict}<br />late by ${formatMicros(health.latenessP99Us)} at p99 in the worst run<br />${formatCount(health.dropped)}
    of ${formatCount(health.planned)} operations dropped`;
}

function checkText(health: Health): Markup {
  if (health.checkFailures === 0 && health.examined === 0)
    return html`<b class="plain">not checked</b>: nothing was there to examine what was acknowledged`;
  return health.checkFailures === 0
    ? html`<b>no violation</b> of what the designs promise<br />${formatCount(health.examined)} operations and items
        examined`
    : html`<b>${formatCount(health.checkFailures)} runs violated</b> what their design promises; see the designs’ tables`;
}
