/**
 * A results file is read by people who did not write it: the wrong file, half a file and the file of a newer Wavetank each get an
 * answer that says what to do, before any figure is shown.
 */
import { readFileSync } from "node:fs";
import { Check, Errors } from "typebox/value";
import { ResultsSchema, schemaVersion, type Results } from "../runners/results.ts";

/** The file is not what was asked for: the user's to fix, so no stack is shown and the exit code is 2. */
export class ResultsFileError extends Error {
  readonly code = "WAVETANK_RESULTS_FILE";
  override readonly name = "ResultsFileError";
}

/** @throws ResultsFileError when the file is missing, not JSON, of another schema, or does not fit the schema it names */
export function readResults(path: string): Results {
  const text = readText(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fileError(path, `no JSON: ${(error as Error).message}`, `a ${schemaVersion} file`, fixes.rewrite);
  }
  return checkResults(value, path);
}

/** `path` is what an error calls the value. */
export function checkResults(value: unknown, path: string): Results {
  const schema = typeof value === "object" && value !== null ? (value as { schema?: unknown }).schema : undefined;
  if (schema !== schemaVersion) {
    throw fileError(path, describeSchema(schema), `schema "${schemaVersion}"`, fixFor(schema));
  }
  if (Check(ResultsSchema, value)) return value;
  const [first, ...others] = Errors(ResultsSchema, value);
  const where = first === undefined || first.instancePath === "" ? "the top level" : first.instancePath;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  throw fileError(
    path,
    `${preview(valueAt(value, where))} at ${where}${more}`,
    first?.message ?? "the schema",
    fixes.rewrite,
  );
}

const fixes = {
  rewrite: "run the suite again; a results file is written whole and is not meant to be edited",
  upgrade: "read it with the Wavetank that wrote it, or a newer one",
  older: "run the suite again with this Wavetank, or check out the one that wrote it",
  other: "give the results.json that `wavetank run` left in its output directory",
  path: "check the path; `wavetank run` prints where it wrote",
};

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw fileError(path, code, "a readable file", fixes.path);
  }
}

function describeSchema(schema: unknown): string {
  return schema === undefined ? "JSON without a schema" : `schema ${preview(schema)}`;
}

function fixFor(schema: unknown): string {
  const version = typeof schema === "string" ? /^wavetank\.results\/(\d+)$/.exec(schema)?.[1] : undefined;
  if (version === undefined) return fixes.other;
  return Number(version) > Number(schemaVersion.split("/")[1]) ? fixes.upgrade : fixes.older;
}

function fileError(path: string, got: string, expected: string, fix: string): ResultsFileError {
  return new ResultsFileError(`cannot read results from ${path}; got ${got}; expected ${expected}; fix: ${fix}`);
}

function valueAt(value: unknown, pointer: string): unknown {
  if (!pointer.startsWith("/")) return value;
  return pointer
    .slice(1)
    .split("/")
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

function preview(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
