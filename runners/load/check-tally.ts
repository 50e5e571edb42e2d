/** What checks on answers found: how many were examined, which failed how often, and a few answers that show how. */
import type { HttpAnswer } from "../../workloads/http.ts";

export interface CheckCounts {
  readonly examined: number;
  /** By the check's text. */
  readonly failed: Readonly<Record<string, number>>;
  readonly examples: readonly string[];
}

const mostExamples = 5;
const shownBytes = 120;

export class CheckTally {
  examined = 0;
  private readonly failed: Record<string, number> = {};
  private readonly examples: string[] = [];

  fail(check: string, answer: HttpAnswer): void {
    this.failed[check] = (this.failed[check] ?? 0) + 1;
    if (this.examples.length >= mostExamples) return;
    const text = Buffer.from(answer.body.subarray(0, shownBytes)).toString("utf8");
    const body = answer.body.length > shownBytes ? `${text}...` : text;
    this.examples.push(`${check}: status ${answer.status}, body ${JSON.stringify(body)}`);
  }

  counts(): CheckCounts {
    return { examined: this.examined, failed: this.failed, examples: this.examples };
  }
}

export function mergeCounts(all: readonly CheckCounts[]): CheckCounts {
  const failed: Record<string, number> = {};
  for (const counts of all) {
    for (const [check, times] of Object.entries(counts.failed)) failed[check] = (failed[check] ?? 0) + times;
  }
  return {
    examined: all.reduce((sum, { examined }) => sum + examined, 0),
    failed,
    examples: all.flatMap(({ examples }) => examples).slice(0, mostExamples),
  };
}
