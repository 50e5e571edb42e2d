/** What a night found, in words: the changes of its own machine's figures, regressions first, and the exit code they lead to. */
import { figure } from "../compare/judge.ts";
import { exitCodes } from "../command-exit.ts";
import type { LevelChange, Trend, TrendSeries } from "../history.ts";

export interface Finding {
  readonly series: TrendSeries;
  readonly change: LevelChange;
  /** `+10.6 %, from 1.27 to 1.4 ms since 2026-11-26, between 4da961f and 1bc9752`. */
  readonly text: string;
  readonly firstNight: string;
}

export interface Findings {
  readonly machine: string;
  /** Series with a figure of this night, and how many of them can fail it. */
  readonly judged: readonly TrendSeries[];
  readonly gated: number;
  /** Nights of this machine, this one included. */
  readonly nights: number;
  readonly regressions: readonly Finding[];
  readonly suspected: readonly Finding[];
  /** Of the last nights only; the trend page has all. */
  readonly improvements: readonly Finding[];
}

/** Improvements are news for so many nights. */
const newsNights = 7;

/** Of the machine's last night. */
export function findingsOf(trend: Trend, machine: string): Findings {
  const judged = trend.series.filter((series) => series.current && series.machine === machine);
  const of = (state: LevelChange["state"]): Finding[] =>
    judged
      .flatMap((series) =>
        series.changes.filter((change) => change.state === state).map((change) => findingOf(trend, series, change)),
      )
      .sort((a, b) => size(b) - size(a));
  return {
    machine,
    judged,
    gated: judged.filter((series) => series.gate !== null).length,
    nights: trend.nights.filter((night) => night.machine === machine).length,
    regressions: of("regression"),
    suspected: of("suspected"),
    improvements: of("improvement").filter(({ series, change }) => series.values.length - change.at <= newsNights),
  };
}

const size = ({ change }: Finding): number => Math.abs(change.change ?? Infinity);

function findingOf(trend: Trend, series: TrendSeries, change: LevelChange): Finding {
  const night = (at: number) => trend.nights[series.nights[at]];
  const percent =
    change.change === null ? "" : `${change.change > 0 ? "+" : "-"}${figure(Math.abs(change.change) * 100)} %, `;
  const firstNight = night(change.at).time.slice(0, 10);
  const between = `between ${night(change.at - 1).commit.slice(0, 7)} and ${night(change.at).commit.slice(0, 7)}`;
  const levels = `from ${figure(change.before)} to ${figure(change.after)} ${series.unit}`;
  return { series, change, firstNight, text: `${percent}${levels} since ${firstNight}, ${between}` };
}

/** Worst first: what comes later in the list never hides what comes before. */
const severity: readonly number[] = [
  exitCodes.interrupted,
  exitCodes.terminated,
  exitCodes.hungUp,
  exitCodes.violated,
  exitCodes.failed,
  exitCodes.regressed,
  exitCodes.invalid,
];

/** `suite`: the exit code of the suite itself. */
export function nightExitCode(suite: number, findings: Findings): number {
  const night = findings.regressions.length > 0 ? exitCodes.regressed : exitCodes.ok;
  return severity.find((code) => code === suite || code === night) ?? suite;
}
