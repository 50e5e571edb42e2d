/**
 * Checks on answers, as they are written on the command line:
 *
 *     status=200   status=2xx   status=200-204      header:content-type     header:content-type~^text/    header:x-cache=hit
 *     body=ok      body~"id":\d+                    json:$.items[0].id      json:$.ok=true                json:$.name~^a
 *
 * `=` compares the text of what was found, `~` is a regular expression, and without either it must only be there.
 */
import type { HttpAnswer } from "../../workloads/http.ts";
import { UsageError } from "../command-error.ts";
import type { Pattern, ReplyCheck } from "./load-plan.ts";

/** @throws UsageError when the text is no check */
export function parseReplyCheck(text: string): ReplyCheck {
  const check = statusCheck(text) ?? headerCheck(text) ?? bodyCheck(text) ?? jsonCheck(text);
  if (check !== null) return check;
  throw new UsageError({
    what: "--check is not a check on an answer",
    got: text === "" ? "an empty value" : text,
    expected: "status=CODE, status=2xx, header:NAME[=TEXT|~REGEX], body=TEXT, body~REGEX or json:$.PATH[=TEXT|~REGEX]",
    fix: "for instance --check status=200 --check 'json:$.ok=true'; `--within 100ms` limits the latency",
  });
}

/** Null when the answer passes, else the first check that it fails. */
export function failedCheck(checks: readonly ReplyCheck[], answer: HttpAnswer): ReplyCheck | null {
  for (const check of checks) if (!passes(check, answer)) return check;
  return null;
}

function passes(check: ReplyCheck, answer: HttpAnswer): boolean {
  switch (check.kind) {
    case "status":
      return answer.status >= check.from && answer.status <= check.to;
    case "header":
      return fits(check.pattern, answer.header(check.name));
    case "body":
      return fits(check.pattern, answer.text());
    case "json":
      return fits(check.pattern, textOf(valueAt(answer, check.path)));
  }
}

const compiled = new Map<string, RegExp>();

function fits(pattern: Pattern | undefined, found: string | undefined): boolean {
  if (found === undefined) return false;
  if (pattern === undefined) return true;
  if ("equals" in pattern) return found === pattern.equals;
  let regex = compiled.get(pattern.matches);
  if (regex === undefined) compiled.set(pattern.matches, (regex = new RegExp(pattern.matches)));
  return regex.test(found);
}

/** Undefined where the path leads nowhere or the body is no JSON. */
function valueAt(answer: HttpAnswer, path: readonly string[]): unknown {
  let value: unknown;
  try {
    value = answer.json();
  } catch {
    return undefined;
  }
  for (const member of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, member)) return undefined;
    value = (value as Record<string, unknown>)[member];
  }
  return value;
}

function textOf(value: unknown): string | undefined {
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

function statusCheck(text: string): ReplyCheck | null {
  const match = /^status=(?:([1-5])xx|([1-5]\d\d)(?:-([1-5]\d\d))?)$/.exec(text);
  if (match === null) return null;
  const [, hundred, from, to] = match;
  if (hundred !== undefined)
    return { kind: "status", text, from: Number(hundred) * 100, to: Number(hundred) * 100 + 99 };
  return { kind: "status", text, from: Number(from), to: Number(to ?? from) };
}

function headerCheck(text: string): ReplyCheck | null {
  const match = /^header:([!#$%&'*+.^_`|\w-]+?)(?:([=~])(.*))?$/s.exec(text);
  if (match === null) return null;
  const pattern = patternOf(match[2], match[3], text);
  return { kind: "header", text, name: match[1].toLowerCase(), ...(pattern === undefined ? {} : { pattern }) };
}

function bodyCheck(text: string): ReplyCheck | null {
  const match = /^body([=~])(.*)$/s.exec(text);
  return match === null ? null : { kind: "body", text, pattern: patternOf(match[1], match[2], text)! };
}

function jsonCheck(text: string): ReplyCheck | null {
  const match = /^json:\$((?:\.[\w-]+|\[\d+\])*)(?:([=~])(.*))?$/s.exec(text);
  if (match === null) return null;
  const path = [...match[1].matchAll(/\.([\w-]+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? index);
  const pattern = patternOf(match[2], match[3], text);
  return { kind: "json", text, path, ...(pattern === undefined ? {} : { pattern }) };
}

function patternOf(operator: string | undefined, right: string, text: string): Pattern | undefined {
  if (operator === undefined) return undefined;
  if (operator === "=") return { equals: right };
  try {
    compiled.set(right, new RegExp(right));
  } catch (error) {
    throw new UsageError({
      what: "the regular expression of --check cannot be read",
      got: `${text} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a regular expression of JavaScript",
      fix: "escape what is meant literally, or compare with = instead of ~",
    });
  }
  return { matches: right };
}
