/**
 * One lane of the tests, in a process of its own: runs the files it is sent and reports each test, each file and the line
 * coverage to its parent. With isolation "none" the files share this process.
 */
import path from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";

export interface LanePlan {
  readonly files: readonly string[];
  readonly isolation: "none" | "process";
  /** Folders whose lines are counted; empty counts none. */
  readonly covered: readonly string[];
}

export type LaneMessage =
  | {
      readonly kind: "test";
      readonly file: string;
      readonly name: string;
      readonly outcome: "passed" | "failed" | "skipped";
      /** Why it failed or was skipped. */
      readonly detail: string;
    }
  | {
      readonly kind: "file";
      readonly file: string;
      readonly tests: number;
      readonly failed: number;
      readonly tookMs: number;
    }
  | {
      readonly kind: "coverage";
      readonly files: readonly { readonly file: string; readonly lines: number; readonly covered: number }[];
    };

/** The longest single test. */
const testTimeoutMs = 4 * 60_000;

function send(message: LaneMessage): void {
  process.send?.(message);
}

interface Tally {
  tests: number;
  failed: number;
  tookMs: number;
}

class LaneReport {
  private readonly byFile = new Map<string, Tally>();

  /** A suite's own event repeats those of its tests, unless it failed by itself (its set-up). */
  onEnd(failed: boolean, data: TestEnd): void {
    const cause = data.details.error;
    if (failed ? !isOwnFailure(cause) : data.details.type === "suite") return;
    const file = path.relative(process.cwd(), data.file ?? "unknown");
    const skipped = data.skip !== undefined && data.skip !== false;
    const outcome = failed ? "failed" : skipped ? "skipped" : "passed";
    const why = failed ? inspect(unwrapped(cause), { colors: false, depth: 6 }) : String(data.skip ?? "");
    send({ kind: "test", file, name: data.name, outcome, detail: why });
    const tally = this.byFile.get(file) ?? { tests: 0, failed: 0, tookMs: 0 };
    tally.tests++;
    if (failed) tally.failed++;
    tally.tookMs += data.details.duration_ms;
    this.byFile.set(file, tally);
  }

  end(): void {
    for (const [file, tally] of this.byFile) send({ kind: "file", file, ...tally });
  }
}

interface TestEnd {
  readonly name: string;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly details: { readonly type?: string; readonly duration_ms: number; readonly error?: Error };
}

const isOwnFailure = (error: Error | undefined): boolean =>
  error !== undefined && Reflect.get(error, "failureType") !== "subtestsFailed";

const unwrapped = (error: Error | undefined): unknown => error?.cause ?? error;

async function runLane(plan: LanePlan): Promise<void> {
  const report = new LaneReport();
  const stream = run({
    files: plan.files.map((file) => path.resolve(file)),
    isolation: plan.isolation,
    concurrency: plan.isolation === "process" ? 1 : undefined,
    timeout: testTimeoutMs,
    coverage: plan.covered.length > 0,
    coverageIncludeGlobs: plan.covered.map((folder) => `${folder}**/*.ts`),
    coverageExcludeGlobs: ["**/*.test.ts"],
  });
  stream.on("test:pass", (data) => report.onEnd(false, data as TestEnd));
  stream.on("test:fail", (data) => report.onEnd(true, data as TestEnd));
  stream.on("test:coverage", ({ summary }) => {
    const files = summary.files.map((f) => ({
      file: path.relative(summary.workingDirectory, f.path),
      lines: f.totalLineCount,
      covered: f.coveredLineCount,
    }));
    if (plan.covered.length > 0) send({ kind: "coverage", files });
  });
  for await (const event of stream) {
    if (event.type === "test:stderr" || event.type === "test:stdout") process.stderr.write(event.data.message);
  }
  report.end();
  process.disconnect?.();
}

process.once("message", (plan: LanePlan) => {
  void runLane(plan);
});
