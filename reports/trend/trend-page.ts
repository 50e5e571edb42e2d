/**
 * The trend page: every figure's nights in one HTML file that needs nothing else. Small multiples are drawn when the page is made,
 * so that it opens at once and prints; the script only filters them and draws the one that is asked for large.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { LevelChange, Trend } from "../../runners/history.ts";
import { formatCount, formatInstant } from "../format.ts";
import { embedJson, html, trusted, type Insertable, type Markup } from "../markup.ts";
import { changesSection, groupSection, groupsOf } from "./trend-cards.ts";
import { trendData } from "./trend-data.ts";

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const styles = read("../page.css") + read("trend.css");
const script = read("trend-script.js");

/** Byte for byte what is hashed below. */
const styleElement = trusted(`<style>${styles}</style>`);
const scriptElement = trusted(`<script>${script}</script>`);

/** Three waves: the tank. */
const logo = trusted(
  '<svg class="logo" width="44" height="32" viewBox="0 0 44 32" aria-hidden="true" fill="none" stroke="var(--accent)" stroke-width="2.5" stroke-linecap="round"><path d="M2 9c5-7 8-7 13 0s8 7 13 0 8-7 14 0"/><path d="M2 18c5-7 8-7 13 0s8 7 13 0 8-7 14 0" opacity=".6"/><path d="M2 27c5-7 8-7 13 0s8 7 13 0 8-7 14 0" opacity=".3"/></svg>',
);

export function renderTrend(trend: Trend): string {
  const timesMs = trend.nights.map((night) => Date.parse(night.time));
  return html`${trusted("<!doctype html>")}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${contentPolicy()}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Wavetank trend</title>
        <link rel="icon" href="data:," />
        ${styleElement}
      </head>
      <body>
        <a class="skip" href="#changes">Skip to the changes</a>
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
        </script>
        ${scriptElement}
      </body>
    </html> `.text;
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

function contentPolicy(): string {
  const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `style-src ${hashOf(styles)}`,
    `script-src ${hashOf(script)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
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
