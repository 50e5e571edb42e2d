/**
 * What `--export` leaves in a run's folder beside the report. Interval logs are made when a run ends, while its recorder is there,
 * and held as text until the folder is known: tens of kilobytes a run.
 */
import { writeFileSync } from "node:fs";
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

  /** The paths written; the folder exists. */
  write(results: Results, directory: string): string[] {
    const texts = [...this.logs];
    if (this.formats.includes("csv")) {
      texts.push(["metrics.csv", metricsCsv(results)], ["timeline.csv", timelineCsv(results)]);
    }
    return texts.map(([name, text]) => {
      const file = path.join(directory, name);
      writeFileSync(file, text);
      return file;
    });
  }
}
