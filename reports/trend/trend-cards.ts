/** The page's two views of the same changes: a list with the newest regressions on top, and a card for every series. */
import type { LevelChange, Night, Trend, TrendSeries } from "../../runners/history.ts";
import { absent, formatMetric, formatNumber } from "../format.ts";
import { html, trusted, type Markup } from "../markup.ts";
import { sparkline } from "./sparkline.ts";

/** Entries of the list that are shown before the rest is folded away. */
const shownChanges = 12;

const rank: Readonly<Record<LevelChange["state"], number>> = {
  regression: 0,
  suspected: 1,
  improvement: 2,
  change: 2,
  known: 2,
};

/** Shape and word carry the meaning, colour only helps. */
const words: Readonly<Record<LevelChange["state"], string>> = {
  regression: "✕ regression",
  suspected: "? suspected",
  improvement: "✓ improvement",
  change: "~ change",
  known: "· older, worse",
};

interface Found {
  readonly change: LevelChange;
  readonly series: TrendSeries;
  readonly index: number;
}

export function changesSection(trend: Trend): Markup {
  const found = trend.series.flatMap((series, index) => series.changes.map((change) => ({ change, series, index })));
  const time = ({ series, change }: Found): string => nightOf(trend, series, change.at).time;
  found.sort((a, b) => urgency(a) - urgency(b) || (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0));
  const rest = found.slice(shownChanges);
  return html`<section class="changes" aria-labelledby="changes">
    <h2 id="changes">Changes of level</h2>
    ${found.length === 0 && html`<p class="empty">No figure has changed its level. Noise is not reported.</p>`}
    ${found.length > 0 && changesTable(trend, found.slice(0, shownChanges))}
    ${
      rest.length > 0 &&
      html`<details>
        <summary>${rest.length} earlier ${rest.length === 1 ? "change" : "changes"}</summary>
        ${changesTable(trend, rest)}
      </details>`
    }
  </section>`;
}

/** Old news of what is measured no more comes last. */
const urgency = ({ change, series }: Found): number => (series.current ? rank[change.state] : 3);

function changesTable(trend: Trend, found: readonly Found[]): Markup {
  return html`<div class="scroll" role="region" aria-label="Table of changes" tabindex="0">
    <table>
      <thead>
        <tr>
          <th scope="col">what</th>
          <th scope="col">figure</th>
          <th scope="col" class="number">change</th>
          <th scope="col" class="number">before</th>
          <th scope="col" class="number">after</th>
          <th scope="col">first night</th>
          <th scope="col">commits</th>
        </tr>
      </thead>
      <tbody>
        ${found.map((one) => changeRow(trend, one))}
      </tbody>
    </table>
  </div>`;
}

function changeRow(trend: Trend, { series, change, index }: Found): Markup {
  return html`<tr>
    <td><span class="word ${change.state}">${words[change.state]}</span></td>
    <th scope="row"><a href="#s${index}" data-open="${index}">${fullName(series)}</a></th>
    <td class="number">${formatChange(change)}</td>
    <td class="number">${formatNumber(change.before)}</td>
    <td class="number">${formatNumber(change.after)} ${series.unit}</td>
    <td class="date">${nightOf(trend, series, change.at).time.slice(0, 10)}</td>
    <td><code>${commitRange(trend, series, change.at)}</code></td>
  </tr>`;
}

export function fullName({ experiment, tank, design, name }: TrendSeries): string {
  return `${experiment} ${tank}, ${design}: ${formatMetric(name)}`;
}

export function nightOf(trend: Trend, series: TrendSeries, at: number): Night {
  return trend.nights[series.nights[at]];
}

/** The last commit of the old level and the first of the new one: the cause is between them. */
export function commitRange(trend: Trend, series: TrendSeries, at: number): string {
  const short = (position: number): string => nightOf(trend, series, position).commit.slice(0, 7);
  return at === 0 ? short(0) : `${short(at - 1)}..${short(at)}`;
}

export function formatChange({ change }: LevelChange): string {
  if (change === null) return absent;
  const percent = change * 100;
  return `${percent > 0 ? "+" : "−"}${formatNumber(Math.abs(percent))} %`;
}

/** The series of one machine and experiment, what has changed first. */
export interface Group {
  readonly machine: string;
  readonly experiment: string;
  readonly members: readonly { readonly series: TrendSeries; readonly index: number }[];
}

export function groupsOf(trend: Trend): Group[] {
  const groups = Map.groupBy(
    trend.series.map((series, index) => ({ series, index })),
    ({ series }) => `${series.machine}\n${series.experiment}`,
  );
  return [...groups.values()].map((members) => ({
    machine: members[0].series.machine,
    experiment: members[0].series.experiment,
    members: members.toSorted((a, b) => worst(a.series) - worst(b.series) || a.index - b.index),
  }));
}

function worst({ current, changes }: TrendSeries): number {
  return current ? Math.min(3, ...changes.map(({ state }) => rank[state] + (rank[state] === 2 ? 1 : 0))) : 4;
}

export function groupSection(trend: Trend, group: Group, place: number, timesMs: readonly number[]): Markup {
  const own = trend.nights.flatMap((night, i) => (night.machine === group.machine ? [timesMs[i]] : []));
  const [from, to] = [own[0], own.at(-1)!];
  const machines = new Set(trend.nights.map((night) => night.machine)).size;
  return html`<section class="group" aria-labelledby="g${place}" data-machine="${group.machine}">
    <h2 id="g${place}">${group.experiment}</h2>
    ${machines > 1 && html`<p class="fine">${group.machine}</p>`}
    <div class="sparks">
      ${group.members.map(({ series, index }) =>
        card(
          series,
          index,
          sparkline(
            series,
            series.nights.map((night) => timesMs[night]),
            from,
            to,
          ),
        ),
      )}
    </div>
  </section>`;
}

function card(series: TrendSeries, index: number, drawing: Markup): Markup {
  const last = series.changes.at(-1);
  const changed = series.changes.length > 0 && trusted(" data-changed");
  return html`<button
    type="button"
    class="spark${series.current ? "" : " ended"}"
    id="s${index}"
    data-open="${index}"
    ${changed}
  >
    <span class="name"><b>${formatMetric(series.name)}</b> ${series.design}, ${series.tank}</span>
    ${drawing}
    <span class="now"
      ><b>${formatNumber(series.values.at(-1))}</b> ${series.unit}
      ${last !== undefined && html`<span class="word ${last.state}">${words[last.state].split(" ")[0]} ${formatChange(last)}<span class="hidden"> ${last.state}</span></span>`}
      ${!series.current && html`<span class="word">ended</span>`}
    </span>
  </button>`;
}
