/**
 * What `--export` leaves in a run's folder beside the report. Interval logs are made when a run ends, while its recorder is there,
 * and held as text until the folder is known: tens of kilobytes a run.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Recorder } from "../measure/recorder.ts";
import type { Results } from "../results.ts";
import type { SuiteObserver } from "../suite-types.ts";
import { metricsCsv, timelineCsv } from "./csv.ts";
import { intervalLog } from "./interval-log.ts";

export const exportFormats = ["hlog", "csv"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export class RunExports {
  readonly observer: SuiteObserver;
  private readonly formats: readonly ExportFormat[];
  private readonly logs = new Map<string, string>();

  constructor(formats: readonly ExportFormat[]) {
    this.formats = formats;
    if (!formats.includes("hlog")) {
      this.observer = {};
      return;
    }
    const recorded = new Map<string, Recorder>();
    this.observer = {
      watchRun: () => {
        recorded.clear();
        return { onRecorded: (startedAt, recorder) => void recorded.set(startedAt, recorder) };
      },
      // Of a run that was repeated, the one that is in the results.
      onRunEnd: ({ experiment, tank, design, round }, { startedAt }) => {
        const recorder = recorded.get(startedAt);
        if (recorder === undefined) return;
        const log = intervalLog({ experiment, tank, design, round, startedAt }, recorder);
        this.logs.set(`${experiment}-${tank}-${design}-${round + 1}.hlog`, log);
      },
    };
  }

  /** What was written: the folder of the logs, one file a run, and each table. `directory` exists. */
  write(results: Results, directory: string): string[] {
    const written: string[] = [];
    if (this.formats.includes("hlog")) {
      const folder = path.join(directory, "hlog");
      mkdirSync(folder, { recursive: true });
      for (const [name, log] of this.logs) writeFileSync(path.join(folder, name), log);
      written.push(folder);
    }
    if (!this.formats.includes("csv")) return written;
    for (const [name, table] of [
      ["metrics.csv", metricsCsv(results)],
      ["timeline.csv", timelineCsv(results)],
    ]) {
      const file = path.join(directory, name);
      writeFileSync(file, table);
      written.push(file);
    }
    return written;
  }
}
