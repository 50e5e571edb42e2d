/**
 * A workload file read and checked. It is loaded anew for each run: generator workers are fresh threads, and in this one the
 * module's address gets a version. Modules that it imports are not loaded anew in this thread, where only set-up and tear-down run.
 */
import { statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { HttpOperation, HttpWorkload } from "../../workloads/http.ts";
import { UsageError } from "../command-error.ts";

export const workloadFileEnding = ".workload.ts";

/** @throws UsageError when there is no such file, it cannot be loaded, or what it exports is no workload */
export async function loadWorkloadFile(file: string, version = 0): Promise<HttpWorkload<unknown>> {
  const absolute = path.resolve(file);
  if (!isFile(absolute)) {
    throw new UsageError({
      what: "there is no workload file of that name",
      got: file,
      expected: `a TypeScript file that exports \`workload\`, usually NAME${workloadFileEnding}`,
      fix: "check the path, or give a URL to load it with one request",
    });
  }
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(`${pathToFileURL(absolute).href}?version=${version}`)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new UsageError({
      what: "the workload file cannot be loaded",
      got: `${file}: ${error instanceof Error ? error.message : String(error)}`,
      expected: "TypeScript that Node runs as it is: erasable syntax, imports that exist",
      fix: "correct the file; `node FILE` shows where it fails",
    });
  }
  return checkWorkload(module["workload"], file);
}

/** The value as a workload. @throws UsageError that names the member that does not fit */
export function checkWorkload(value: unknown, file: string): HttpWorkload<unknown> {
  const mistake = mistakeOf(value);
  if (mistake === null) return value as HttpWorkload<unknown>;
  throw new UsageError({
    what: "the workload file exports no workload",
    got: `${file}: ${mistake}`,
    expected: "export const workload: HttpWorkload = { operations: { NAME: { call: () => ({ path: ... }) } } }",
    fix: "let your editor check it: import type { HttpWorkload } from the project's workloads/http.ts",
  });
}

function mistakeOf(value: unknown): string | null {
  if (!isRecord(value)) return value === undefined ? "nothing is exported as `workload`" : "`workload` is no object";
  const { setup, teardown, operations } = value;
  if (setup !== undefined && typeof setup !== "function") return "`setup` is no function";
  if (teardown !== undefined && typeof teardown !== "function") return "`teardown` is no function";
  if (!isRecord(operations) || Object.keys(operations).length === 0) return "`operations` has no operation";
  let sum = 0;
  for (const [name, operation] of Object.entries(operations)) {
    const wrong = mistakeIn(operation, operations);
    if (wrong !== null) return `operation ${name}: ${wrong}`;
    sum += (operation as HttpOperation<unknown>).weight ?? 1;
  }
  return sum > 0 ? null : "no operation has a weight above 0, so none would ever begin";
}

function mistakeIn(operation: unknown, operations: Readonly<Record<string, unknown>>): string | null {
  if (!isRecord(operation)) return "it is no object";
  const { call, weight, check, capture, next, thinkMs } = operation;
  if (typeof call !== "function") return "`call` is no function";
  if (weight !== undefined && !(typeof weight === "number" && weight >= 0 && Number.isFinite(weight)))
    return `\`weight\` is ${JSON.stringify(weight)}, expected a number of 0 or more`;
  if (check !== undefined && typeof check !== "function") return "`check` is no function";
  if (capture !== undefined && typeof capture !== "function") return "`capture` is no function";
  if (typeof next === "string" && !Object.hasOwn(operations, next))
    return `\`next\` names "${next}", which is no operation`;
  if (next !== undefined && typeof next !== "string" && typeof next !== "function")
    return "`next` is no name and no function";
  if (typeof thinkMs === "number" ? !(thinkMs >= 0) : thinkMs !== undefined && typeof thinkMs !== "function")
    return "`thinkMs` is no duration of 0 or more and no function";
  return null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
