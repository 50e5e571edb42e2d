/** What is missing of a load that several machines made. Slices are numbered from 1 in words, as on the command line. */
import type { RunResult, RunSlices } from "./results.ts";

/** Some slice of the load is missing, or the end of one. */
export function isIncomplete(run: Pick<RunResult, "slices">): boolean {
  return run.slices !== undefined && missingSlices(run.slices) !== null;
}

/** What is missing, and from which second of the load on, in one sentence; null when nothing is. */
export function missingSlices({ count, parts }: RunSlices): string | null {
  const missing: string[] = [];
  for (let index = 0; index < count; index++) {
    const part = parts.find((each) => each.index === index);
    if (part?.complete === true) continue;
    const who = [part?.agent === undefined ? "" : `agent ${part.agent}`, part?.reason ?? ""].filter(Boolean).join(", ");
    missing.push(`slice ${index + 1}${who === "" ? "" : ` (${who})`} from ${(part?.keptS ?? 0).toFixed(1)} s on`);
  }
  return missing.length === 0 ? null : `incomplete: of ${count} slices, missing ${missing.join(" and ")}`;
}
