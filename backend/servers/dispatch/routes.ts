/**
 * One request, from its method, path and body to the answer's status and text. No HTTP is written here, so all of it can be fuzzed without a
 * socket.
 *
 *     method, path, body --> route.read --> backend.submit(request) --> 200
 *                               |                 |
 *                               +-- 400, 404, 405 +-- refused: by its code;  unknown: 503 or 504, and the text says so
 */
import type { Answer, Request } from "../../api.ts";
import type { DispatchRequest, DriverState, Place } from "../../api-dispatch.ts";
import type { Micros } from "../../kernel/units.ts";
import { openApiText } from "./openapi.ts";

/** What a door stands in front of. `done` is called exactly once, at any time, also before `submit` returns. */
export interface DoorBackend {
  submit(request: Request, done: (answer: Answer) => void): void;
}

export interface Incoming {
  readonly method: string;
  /** Path and query string. */
  readonly url: string;
  readonly body: string;
  readonly timeoutUs?: Micros;
}

export type Respond = (status: number, body: string) => void;

class DispatchError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

type Fields = Readonly<Record<string, unknown>>;

interface Route {
  readonly method: "GET" | "POST";
  /** One segment a step; ":" stands for a name. */
  readonly path: readonly string[];
  readonly read: (name: string, fields: Fields) => DispatchRequest;
}

const maxNameLength = 128;
/** No control characters: a name comes back in answers and logs. */
const nameForm = /^\P{Cc}+$/u;

const routes: readonly Route[] = [
  { method: "POST", path: ["v1", "drivers", ":", "position"], read: readPosition },
  { method: "GET", path: ["v1", "drivers", ":"], read: (driver) => ({ kind: "driver-get", driver }) },
  { method: "POST", path: ["v1", "trips"], read: readMatch },
  { method: "GET", path: ["v1", "trips"], read: () => ({ kind: "trip-list" }) },
  { method: "GET", path: ["v1", "trips", ":"], read: (trip) => ({ kind: "trip-get", trip }) },
  { method: "POST", path: ["v1", "trips", ":", "end"], read: (trip) => ({ kind: "trip-end", trip }) },
  { method: "POST", path: ["v1", "trips", ":", "cancel"], read: (trip) => ({ kind: "trip-end", trip }) },
  { method: "GET", path: ["v1", "status"], read: () => ({ kind: "dispatch-status" }) },
];

/** Calls `respond` exactly once, also when the backend throws. */
export function serve({ method, url, body, timeoutUs }: Incoming, backend: DoorBackend, respond: Respond): void {
  try {
    const query = url.indexOf("?");
    const path = query < 0 ? url : url.slice(0, query);
    if (path === "/openapi.json" && method === "GET") return respond(200, openApiText);
    const { route, name } = find(method, path);
    const read = route.read(name, route.method === "POST" ? fieldsOf(body) : {});
    backend.submit(timeoutUs === undefined ? read : { ...read, timeoutUs }, (answer) => answered(answer, respond));
  } catch (error) {
    fail(error, respond);
  }
}

export function errorText(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } });
}

function find(method: string, path: string): { route: Route; name: string } {
  const segments = path.slice(1).split("/");
  const there = routes.filter(
    (route) =>
      route.path.length === segments.length && route.path.every((step, i) => step === ":" || step === segments[i]),
  );
  if (there.length === 0)
    throw new DispatchError(404, "no-such-path", `There is nothing at ${shown(path)}; see /openapi.json`);
  const route = there.find((candidate) => candidate.method === method);
  if (route === undefined) {
    const methods = there.map((candidate) => candidate.method).join(", ");
    throw new DispatchError(
      405,
      "wrong-method",
      `${shown(method)} cannot be asked of ${shown(path)}; expected ${methods}`,
    );
  }
  const at = route.path.indexOf(":");
  return { route, name: at < 0 ? "" : nameIn("the path", decoded(segments[at])) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalid("the path", shown(segment), "percent-encoded UTF-8");
  }
}

function fieldsOf(body: string): Fields {
  if (body === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw invalid("the body", shown(body), "one JSON object");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid("the body", shown(body), "one JSON object");
  return value as Fields;
}

function readPosition(driver: string, fields: Fields): DispatchRequest {
  const state = fields.state ?? "available";
  if (state !== "available" && state !== "off") throw invalid("state", shown(state), '"available" or "off"');
  const heading = fields.heading === undefined ? {} : { heading: numberIn(fields, "heading", 0, 360) };
  return { kind: "position-report", driver, ...placeIn(fields), ...heading, state: state as DriverState };
}

function readMatch(_name: string, fields: Fields): DispatchRequest {
  const trip = nameIn("trip", fields.trip);
  return { kind: "match", trip, rider: nameIn("rider", fields.rider), ...placeIn(fields) };
}

function placeIn(fields: Fields): Place {
  return { latitude: numberIn(fields, "latitude", -90, 90), longitude: numberIn(fields, "longitude", -180, 180) };
}

function numberIn(fields: Fields, name: string, from: number, to: number): number {
  const value = fields[name];
  if (typeof value === "number" && value >= from && value <= to) return value;
  throw invalid(name, shown(value), `a number of degrees from ${from} to ${to}`);
}

function nameIn(where: string, value: unknown): string {
  if (typeof value === "string" && value.length <= maxNameLength && nameForm.test(value) && value.isWellFormed())
    return value;
  throw invalid(where, shown(value), `a name of 1 to ${maxNameLength} characters, none of them a control character`);
}

function invalid(what: string, got: string, expected: string): DispatchError {
  return new DispatchError(400, "invalid", `${what} is ${got}; expected ${expected}`);
}

function shown(value: unknown): string {
  return value === undefined ? "missing" : (JSON.stringify(value) ?? "of no JSON type").slice(0, 80);
}

function answered(answer: Answer, respond: Respond): void {
  if (answer.kind !== "ok") return respond(statusOf(answer), errorText(answer.code, answer.message));
  const { kind: _kind, ...result } = answer.result;
  respond(200, JSON.stringify(result));
}

/** Refused: nothing happened. Unknown: it may have, and the same request may be sent again. */
function statusOf(answer: Exclude<Answer, { kind: "ok" }>): number {
  if (answer.code === "timeout" || answer.code === "expired") return 504;
  if (answer.code === "invalid") return 400;
  return answer.code === "overloaded" || answer.code === "throttled" ? 429 : 503;
}

function fail(error: unknown, respond: Respond): void {
  if (error instanceof DispatchError) return respond(error.status, errorText(error.code, error.message));
  const message = error instanceof Error ? error.message : String(error);
  respond(500, errorText("server-error", `the outcome is unknown: ${message}`));
}
