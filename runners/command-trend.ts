/** `wavetank trend`: every figure's nights as one HTML page, from a history that is there. Judges nothing and ends with 0. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "./command-error.ts";
import { usualHistory } from "./command-nightly.ts";
import type { Parts } from "./command-parts.ts";
import { prepareFolder } from "./command-run.ts";

export interface TrendFlags {
  readonly out?: string;
}

/** @throws UsageError, HistoryFileError */
export async function trendCommand(history: string | undefined, flags: TrendFlags, parts: Parts): Promise<number> {
  const file = history ?? usualHistory;
  const out = flags.out ?? path.join(path.dirname(file), "trend.html");
  if (!out.endsWith(".html"))
    throw new UsageError({
      what: "--out is no page",
      got: out === "" ? "an empty value" : out,
      expected: "a file that ends in .html",
      fix: "for instance --out trend.html",
    });
  prepareFolder(path.dirname(out));
  const { readHistory } = await import("./night/history-file.ts");
  const { trendOf } = await import("./night/trend.ts");
  const trend = trendOf(readHistory(file, true));
  await parts.writeTrend(trend, out);
  const { nights, series, skipped } = trend;
  const unread = skipped.torn + skipped.foreign;
  const said = `${series.length} figures over ${nights.length} nights${unread === 0 ? "" : `; ${unread} lines skipped (${skipped.torn} torn, ${skipped.foreign} of another version)`}`;
  parts.terminal.print(`${said}\ntrend   ${path.resolve(out)}\n        ${pathToFileURL(path.resolve(out)).href}\n`);
  return 0;
}
