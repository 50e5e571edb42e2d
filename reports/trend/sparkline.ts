/**
 * A year of nights in the space of a word: the figures as a thin line, the levels between change points as a strong one, and a
 * rule at each change. Plain SVG paths of whole numbers: two kilobytes for 365 nights, no library, readable without a script.
 * Time runs evenly: nights that are missing are a gap in the line and not a shortcut.
 */
import type { LevelChange, TrendSeries } from "../../runners/history.ts";
import { html, trusted, type Markup } from "../markup.ts";

/** Coordinates of the drawing; the page stretches it to the card. */
const width = 1_200;
const height = 240;
const margin = 14;
/** The vertical range is never narrower than this share of the level, or quiet figures would look wild. */
const leastRange = 0.08;
/** A distance of so many usual ones between two nights is a gap. */
const gapFactor = 2.5;

/** `timesMs`: of each figure. `from`, `to`: the time of the left and the right edge, the same for all series of a machine. */
export function sparkline(series: TrendSeries, timesMs: readonly number[], from: number, to: number): Markup {
  const x = (timeMs: number): number => (to === from ? width : Math.round(((timeMs - from) / (to - from)) * width));
  const y = heightOf(series.values);
  const points = series.values.map((value, i) => [x(timesMs[i]), y(value)] as const);
  return html`<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true">
    ${series.changes.map((change) => html`<path class="rule ${change.state}" d="M${points[change.at][0]} 0V${height}" />`)}
    <path class="line" d="${linePath(points, gapsIn(timesMs))}" />
    ${trusted(levels(series, points, y).join(""))}
  </svg>`;
}

function heightOf(values: readonly number[]): (value: number) => number {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const middle = (low + high) / 2;
  const half = Math.max((high - low) / 2, (leastRange / 2) * Math.abs(middle), Number.MIN_VALUE);
  return (value) => Math.round(height / 2 - ((value - middle) / half) * (height / 2 - margin));
}

/** True where the line is broken before a figure. */
export function gapsIn(timesMs: readonly number[]): boolean[] {
  const steps = timesMs.slice(1).map((timeMs, i) => timeMs - timesMs[i]);
  const usual = steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0;
  return timesMs.map((_, i) => i > 0 && steps[i - 1] > gapFactor * usual);
}

function linePath(points: readonly (readonly [number, number])[], gaps: readonly boolean[]): string {
  let path = "";
  points.forEach(([x, y], i) => {
    if (i === 0 || gaps[i]) path += `M${x} ${y}${i + 1 < points.length && !gaps[i + 1] ? "" : "h1"}`;
    else path += `l${x - points[i - 1][0]} ${y - points[i - 1][1]}`;
  });
  return path;
}

/** One stroke a level, in the colour of the change that led to it. */
function levels(
  { values, changes }: TrendSeries,
  points: readonly (readonly [number, number])[],
  y: (value: number) => number,
): string[] {
  const strokes: string[] = [];
  const draw = (from: number, to: number, value: number, state: LevelChange["state"] | "first"): void => {
    const end = to < points.length ? points[to][0] : points[points.length - 1][0];
    strokes.push(`<path class="level ${state}" d="M${points[from][0]} ${y(value)}H${end}"/>`);
  };
  if (changes.length === 0) {
    draw(0, points.length, values.reduce((sum, value) => sum + value, 0) / values.length, "first");
    return strokes;
  }
  draw(0, changes[0].at, changes[0].before, "first");
  changes.forEach(({ at, after, state }, i) => draw(at, changes[i + 1]?.at ?? points.length, after, state));
  return strokes;
}
