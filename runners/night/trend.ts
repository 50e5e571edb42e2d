/**
 * From the lines of a history to its series and their changes of level. A night is a suite on one machine; a figure that was
 * written twice counts once, the later line. Series of other machines and older plans are kept, and judged apart.
 */
import type { HistoryLine, Night, Trend, TrendSeries } from "../history.ts";
import { judgeSeries, usualGate, type GateOptions } from "./gate.ts";
import type { History } from "./history-file.ts";

/** Series in order of their names, those with a figure of the last night first. */
export function trendOf(history: History, options: GateOptions = usualGate): Trend {
  const nights = nightsOf(history.lines);
  const place = new Map(nights.map((night, i) => [nightKey(night), i]));
  const lastOf = new Map(nights.map((night, i) => [night.machine, i]));
  const groups = [...Map.groupBy(history.lines, seriesKey).values()].map((lines) => {
    const byNight = new Map(lines.map((line) => [place.get(nightKey(line))!, line]));
    return [...byNight].sort(([a], [b]) => a - b);
  });
  const drawn = groups.map((group) => seriesOf(group, lastOf));
  const judged = judgeSeries(
    drawn.map((one, i) => ({ ...one, runs: groups[i].map(([, line]) => line.runs) })),
    options,
  );
  const series = drawn.map((one, i): TrendSeries => ({
    ...one,
    changes: judged[i].map(({ index, before, after, change, chance, state }) => ({
      at: index,
      before,
      after,
      change: Number.isFinite(change) ? change : null,
      chance,
      state,
    })),
  }));
  series.sort(
    (a, b) => Number(b.current) - Number(a.current) || compare(a.metric, b.metric) || compare(a.plan, b.plan),
  );
  return { nights, series, skipped: history.skipped };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Figures that may be compared. */
const seriesKey = ({ metric, plan, machine }: HistoryLine): string => [metric, plan, machine].join("\n");

const nightKey = ({ time, machine }: Pick<Night, "time" | "machine">): string => `${time}\n${machine}`;

function nightsOf(lines: readonly HistoryLine[]): Night[] {
  const byKey = new Map<string, Night>();
  for (const line of lines) {
    const { time, commit, dirty, node, machine } = line;
    const key = nightKey(line);
    if (!byKey.has(key)) byKey.set(key, { time, commit, dirty, node, machine });
  }
  return [...byKey.values()].sort((a, b) => compare(a.time, b.time) || compare(a.machine, b.machine));
}

function seriesOf(
  group: readonly (readonly [number, HistoryLine])[],
  lastOf: ReadonlyMap<string, number>,
): Omit<TrendSeries, "changes"> {
  const [lastNight, { metric, unit, better, gate, plan, machine }] = group.at(-1)!;
  const [experiment = "", tank = "", design = "", ...rest] = metric.split("/");
  return {
    metric,
    experiment,
    tank,
    design,
    name: rest.join("/"),
    unit,
    better,
    gate,
    plan,
    machine,
    nights: group.map(([night]) => night),
    values: group.map(([, line]) => line.value),
    lows: group.map(([, line]) => Math.min(...line.runs)),
    highs: group.map(([, line]) => Math.max(...line.runs)),
    current: lastOf.get(machine) === lastNight,
  };
}
