/** What a recorder or a history is as JSON: between machines and in the files of slices. Lossless both ways. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { deflateSync, inflateSync } from "node:zlib";
import type { HistoryEntry } from "../../workloads/workload.ts";
import type { RecorderParts, Totals } from "../measure/recorder.ts";
import type { RecorderRemains } from "../results.ts";
import type { AgentResult } from "./messages.ts";

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

/** Packing a million entries takes more than a second, and a sign of life is due twice in one: so, between pieces, others may. */
const pieceEntries = 20_000;

/** What an agent's slice leaves, as one text: a line for the figures, then lines of history, each what `packJson` makes. */
export async function packResult({ history, ...figures }: AgentResult): Promise<string> {
  const lines = [packJson(figures)];
  for (let at = 0; at < history.length; at += pieceEntries) {
    lines.push(packJson(history.slice(at, at + pieceEntries)));
    await nextTurn();
  }
  return lines.join("\n");
}

/** The figures alone, at once; the history, when there is time for it. @throws when the text is not what `packResult` makes */
export function unpackResult(text: string): Omit<AgentResult, "history"> & { readonly history: () => HistoryEntry[] } {
  const [figures, ...pieces] = text.split("\n");
  const history = (): HistoryEntry[] => pieces.flatMap((piece) => unpackHistory(piece));
  return { ...(unpackJson(figures) as Omit<AgentResult, "history">), history };
}

export function unpackHistory(text: string): HistoryEntry[] {
  return unpackJson(text) as HistoryEntry[];
}
