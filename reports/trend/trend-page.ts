/**
 * The trend page: every figure's nights in one HTML file that needs nothing else. Small multiples are drawn when the page is made,
 * so that it opens at once and prints; the script only filters them and draws the one that is asked for large.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { LevelChange, Trend } from "../../runners/history.ts";
import { formatCount, formatInstant } from "../format.ts";
import { embedJson, html, type Insertable, type Markup } from "../markup.ts";
import { logo, wholePage } from "../page-shell.ts";
import { changesSection, groupSection, groupsOf } from "./trend-cards.ts";
import { trendData } from "./trend-data.ts";

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const styles = read("../page.css") + read("trend.css");
const script = read("trend-script.js");

export function renderTrend(trend: Trend): string {
  const timesMs = trend.nights.map((night) => Date.parse(night.time));
  const body = html`<a class="skip" href="#changes">Skip to the changes</a>
    ${header(trend)}
    <main>
      ${changesSection(trend)} ${trend.series.length > 0 && filterBar(trend)}
      ${groupsOf(trend).map((group, place) => groupSection(trend, group, place, timesMs))}
      <p class="empty nothing" hidden>No figure matches.</p>
      ${methodSection()}
    </main>
    <footer><p>Made by Wavetank from the history of nights.</p></footer>
    ${detailDialog()}
    <script type="application/json" id="data">
      ${embedJson(trendData(trend))}
    </script>`;
  return wholePage({ title: "Wavetank trend", styles, script, body });
}

/** Writes the page whole or not at all. */
export function writeTrend(trend: Trend, file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, renderTrend(trend));
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function header(trend: Trend): Markup {
  const { nights, series } = trend;
  const last = nights.at(-1);
  const lastSeries = series.filter((one) => one.current && one.machine === last?.machine).length;
  return html`<header class="top">
    <div class="brand">
      ${logo}
      <div>
        <h1>Wavetank trend</h1>
        <p class="outcome">${outcomeOf(trend)}</p>
      </div>
      <button type="button" id="theme">Dark</button>
    </div>
    ${
      last !== undefined &&
      html`<dl class="strip four">
        ${cell("Last night", html`${formatInstant(last.time)}<br /><code>${last.commit.slice(0, 12)}</code>${last.dirty && html`<br />with uncommitted changes`}`)}
        ${cell("Nights", html`${formatCount(nights.length)} since ${nights[0].time.slice(0, 10)}<br />${missingText(trend)}`)}
        ${cell("Figures", html`${formatCount(lastSeries)} in the last night, ${formatCount(series.length)} in all`)}
        ${cell("Machine", html`${last.machine}<br />Node ${last.node}`)}
      </dl>`
    }
  </header>`;
}

const cell = (name: string, value: Insertable): Markup =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;

function outcomeOf({ series }: Trend): string {
  const count = (state: LevelChange["state"]): number =>
    series.filter((one) => one.current && one.changes.some((change) => change.state === state)).length;
  if (series.length === 0) return "No night yet.";
  const [regressions, suspected, improvements] = [count("regression"), count("suspected"), count("improvement")];
  const said = [
    regressions === 0 ? "No confirmed regression" : plural(regressions, "confirmed regression"),
    suspected > 0 && `${suspected} suspected`,
    improvements > 0 && plural(improvements, "figure that improved", "figures that improved"),
  ];
  return said.filter(Boolean).join(", ");
}

const plural = (n: number, one: string, more = `${one}s`): string => `${n} ${n === 1 ? one : more}`;

const dayMs = 86_400_000;

/** A hole in the data is as loud as a red night: it hides the same things. */
function missingText({ nights, skipped }: Trend): string {
  const times = nights.map((night) => Date.parse(night.time));
  const longest = Math.max(0, ...times.slice(1).map((time, i) => time - times[i]));
  const gap = longest > 2 * dayMs ? `longest gap ${Math.round(longest / dayMs)} days` : "no night missing";
  const unread = skipped.torn + skipped.foreign;
  return unread === 0
    ? gap
    : `${gap}; ${plural(unread, "line")} skipped: ${skipped.torn} torn, ${skipped.foreign} of another version`;
}

function filterBar(trend: Trend): Markup {
  const machines = [...new Set(trend.nights.map((night) => night.machine).toReversed())];
  return html`<form class="filter" role="search">
    <label for="find">Find</label>
    <input id="find" type="search" placeholder="experiment, design, figure" autocomplete="off" spellcheck="false" />
    <label class="check"><input id="changed" type="checkbox" /> only what changed</label>
    ${
      machines.length > 1 &&
      html`<label class="check">
        machine
        <select id="machine">
          ${machines.map((machine) => html`<option>${machine}</option>`)}
          <option value="">all machines</option>
        </select>
      </label>`
    }
    <output id="count" for="find changed"></output>
  </form>`;
}

function detailDialog(): Markup {
  return html`<dialog id="detail" aria-labelledby="detail-title">
    <div class="bar">
      <h2 id="detail-title"></h2>
      <button type="button" id="span" aria-pressed="false">Last 60 nights</button>
      <button type="button" id="before" aria-label="Previous figure">←</button>
      <button type="button" id="after" aria-label="Next figure">→</button>
      <button type="button" id="close">Close</button>
    </div>
    <p class="fine" id="detail-about"></p>
    <div id="chart" tabindex="0" role="img"></div>
    <p class="fine" id="said" role="status">
      The band reaches from the least to the greatest run of a night; the strong line is the level. Arrow keys read
      nights.
    </p>
    <div id="detail-changes"></div>
    <details>
      <summary>Every night</summary>
      <div class="scroll" id="detail-table" tabindex="0" role="region" aria-label="Every night"></div>
    </details>
  </dialog>`;
}

function methodSection(): Markup {
  return html`<section class="method" aria-labelledby="method">
    <h2 id="method">How to read the figures</h2>
    <ul>
      <li>A night’s figure is the median of its valid runs. Only nights of the same machine and plan are compared.</li>
      <li>
        A change of level is found by E-divisive means with a t-test (Matteson and James 2014; Hunter, ICPE 2023): p at
        most 0.001 and at least 3 %.
      </li>
      <li>
        It is a <i>regression</i> when it is for the worse, three nights are on the new level, it may be as large as the
        figure’s gate (5 %, p99 15 %), and chance is ruled out over all figures of the night. It fails seven nights and
        is then the level.
      </li>
      <li>Two commits beside a change are the last before it and the first after: the cause is between them.</li>
    </ul>
  </section>`;
}
