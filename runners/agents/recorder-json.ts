/** What a recorder or a history is as JSON: between machines and in the files of slices. Lossless both ways. */
import { deflateSync, inflateSync } from "node:zlib";
import type { HistoryEntry } from "../../workloads/workload.ts";
import type { RecorderParts, Totals } from "../measure/recorder.ts";
import type { RecorderRemains } from "../results.ts";

export function recorderToJson(parts: RecorderParts): RecorderRemains {
  return {
    ...parts,
    tallies: parts.tallies.map((tally) => ({
      ...tally,
      refused: Object.fromEntries(tally.refused),
      unknown: Object.fromEntries(tally.unknown),
    })),
    rows: parts.rows.map((row) => ({ ...row })),
    totals: { ...parts.totals },
  };
}

export function recorderFromJson(remains: RecorderRemains): RecorderParts {
  return {
    ...remains,
    tallies: remains.tallies.map((tally) => ({
      ...tally,
      refused: new Map(Object.entries(tally.refused)),
      unknown: new Map(Object.entries(tally.unknown)),
    })),
    totals: remains.totals as unknown as Totals,
  };
}

/** A value as JSON, deflated, base64: a history shrinks to about a tenth. */
export function packJson(value: unknown): string {
  return deflateSync(Buffer.from(JSON.stringify(value))).toString("base64");
}

/** @throws when the text is not what `packJson` makes */
export function unpackJson(text: string): unknown {
  return JSON.parse(inflateSync(Buffer.from(text, "base64")).toString("utf8"));
}

export function unpackHistory(text: string): HistoryEntry[] {
  return unpackJson(text) as HistoryEntry[];
}
