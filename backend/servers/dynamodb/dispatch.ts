/**
 * One request, from its headers and body to the answer's status and text. No HTTP is written here, so all of it can be
 * fuzzed without a socket. Checks come in the service's order: JSON, operation, signature, types, constraints, expressions.
 *
 *     target, body --> operation.read --> backend.submit(request) --> operation.answer --> 200
 *          |                |                    |
 *          +-- 400 ---------+-- 400              +-- refused 400 or 503, unknown 500
 */
import { checkRules, checkTypes } from "./shapes.ts";
import {
  ServiceError,
  conditionFailed,
  errorBody,
  incompleteSignature,
  internal,
  missingToken,
  resourceInUse,
  resourceNotFound,
  serialization,
  throttling,
  throughputExceeded,
  unavailable,
  unknownOperation,
  validation,
} from "./service-error.ts";
import { createTable, deleteTable, describeTable, listTables } from "./table-operations.ts";
import { deleteItem, getItem, putItem, updateItem } from "./item-operations.ts";
import type { Call, Operation } from "./operation.ts";
import type { TableDefaults } from "./tables.ts";
import type { Body } from "./shapes.ts";
import type { Answer, Request } from "../../api.ts";
import type { Micros } from "../../kernel/units.ts";

/** What a door stands in front of. `done` is called exactly once, at any time, also before `submit` returns. */
export interface DoorBackend {
  submit(request: Request, done: (answer: Answer) => void): void;
}

export interface Incoming {
  /** Header x-amz-target. */
  readonly target: string | undefined;
  readonly authorization: string | undefined;
  /** Header x-amz-date or date. */
  readonly date: string | undefined;
  readonly body: string;
  /** How much longer the client will wait, where it says so. */
  readonly timeoutUs?: Micros;
}

export type Respond = (status: number, body: string) => void;

const target = "DynamoDB_20120810.";

const operations: ReadonlyMap<string, Operation> = new Map([
  [`${target}CreateTable`, createTable],
  [`${target}DescribeTable`, describeTable],
  [`${target}ListTables`, listTables],
  [`${target}DeleteTable`, deleteTable],
  [`${target}PutItem`, putItem],
  [`${target}GetItem`, getItem],
  [`${target}UpdateItem`, updateItem],
  [`${target}DeleteItem`, deleteItem],
]);

/** Calls `respond` exactly once. */
export function dispatch(incoming: Incoming, backend: DoorBackend, defaults: TableDefaults, respond: Respond): void {
  let operation: Operation;
  let call: Call;
  try {
    const body = parseBody(incoming.body);
    operation = findOperation(incoming.target);
    checkSignature(incoming);
    if (body === null) throw serialization("");
    call = readCall(operation, body, defaults);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    respond(error.status, errorBody(error));
    return;
  }
  const request = incoming.timeoutUs === undefined ? call.request : { ...call.request, timeoutUs: incoming.timeoutUs };
  backend.submit(request, (answer) => {
    if (answer.kind === "ok") {
      respond(200, operation.answer(call, answer.result));
      return;
    }
    const error = failure(call, answer);
    respond(error.status, errorBody(error));
  });
}

function parseBody(text: string): Body | null {
  if (text === "") return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw serialization("");
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as Body;
  throw serialization("");
}

function findOperation(name: string | undefined): Operation {
  const operation = operations.get(name ?? "");
  if (operation !== undefined) return operation;
  if (name === undefined || !name.startsWith(target)) throw unknownOperation();
  const known = [...operations.keys()].map((key) => key.slice(target.length)).join(", ");
  throw unknownOperation(`This backend has no operation ${name.slice(target.length)}; it has ${known}`);
}

/** Any signature is taken, but there must be one: a client that forgets to sign must learn it here, not in production. */
function checkSignature({ authorization, date }: Incoming): void {
  if (authorization === undefined || !authorization.trimStart().startsWith("AWS4-")) throw missingToken();
  let message = "";
  for (const parameter of ["Credential", "Signature", "SignedHeaders"]) {
    if (!authorization.includes(`${parameter}=`)) message += `Authorization header requires '${parameter}' parameter. `;
  }
  if (date === undefined) {
    message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (message !== "") throw incompleteSignature(`${message}Authorization=${authorization}`);
}

function readCall(operation: Operation, body: Body, defaults: TableDefaults): Call {
  checkTypes(body, operation.members);
  if (operation.tableNameFirst) checkTableName(body.TableName as string | undefined);
  checkRules(body, operation.members);
  return operation.read(body, defaults);
}

function checkTableName(name: string | undefined): void {
  if (name === undefined) throw validation("The parameter 'TableName' is required but was not present in the request");
  if (name.length < 3 || name.length > 255) {
    throw validation("TableName must be at least 3 characters long and at most 255 characters long");
  }
}

/** Refused answers keep their promise that nothing happened: 400, or 503. Unknown ones are 500 and promise nothing. */
function failure(call: Call, answer: Exclude<Answer, { kind: "ok" }>): ServiceError {
  if (answer.kind === "unknown") return internal(`The outcome is unknown (${answer.code}): ${answer.message}`);
  switch (answer.code) {
    case "condition-failed":
      return conditionFailed(call.itemOnFailure ? answer.item : undefined);
    case "throttled":
      return throughputExceeded();
    case "overloaded":
      return throttling(answer.message);
    case "not-found":
      return resourceNotFound(notFoundMessage(call));
    case "exists":
      return resourceInUse(`Table already exists: ${call.table}`);
    case "invalid":
      return validation(answer.message);
    case "unavailable":
    case "breaker-open":
    case "expired":
    case "compacted":
    case "future-revision":
      return unavailable(`${answer.code}: ${answer.message}`);
  }
}

function notFoundMessage(call: Call): string {
  const { kind } = call.request;
  const ofTable = kind === "describe-table" || kind === "delete-table";
  return `Requested resource not found${ofTable ? `: Table: ${call.table} not found` : ""}`;
}
