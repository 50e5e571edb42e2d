/**
 * One request, from its path and body to the answer's status and text. No HTTP is written here, so all of it can be fuzzed without a
 * socket.
 *
 *     path, body --> route.read --> backend.submit(request) --> route.answer --> 200
 *                       |                   |
 *                       +-- 400             +-- refused: by its code;  unknown: 503 or 504, and the text says so
 */
import type { Answer, Request } from "../../api.ts";
import type { KeysRequest, KeysResult } from "../../api-coordination.ts";
import type { Micros } from "../../kernel/units.ts";
import * as answers from "./answers.ts";
import { GatewayError, codes, errorBody, failure } from "./gateway-error.ts";
import { booleanAt, integerAt, parseBody } from "./json-fields.ts";
import type { Fields } from "./json-fields.ts";
import * as kv from "./kv-requests.ts";

/** What a door stands in front of. `done` is called exactly once, at any time, also before `submit` returns. */
export interface DoorBackend {
  submit(request: Request, done: (answer: Answer) => void): void;
}

export type Respond = (status: number, body: string) => void;

/** The release of etcd whose gateway this is. */
export const apiVersion = "3.4.0";

export interface Route {
  /** Throws GatewayError. */
  read(fields: Fields): KeysRequest;
  answer(result: KeysResult, speaker: Speaker): string;
  /** An answer in the place of a refusal, where etcd does not call it an error. */
  readonly notFound?: (request: KeysRequest, speaker: Speaker) => string;
}

/** Who answers: the door's identity, kept up to date by the status of the log. */
export class Speaker {
  readonly header: answers.HeaderText;
  private readonly clusterId: string;

  constructor(clusterId: string) {
    this.clusterId = clusterId;
    this.header = new answers.HeaderText({ clusterId, memberId: this.memberId(0), term: 0 });
  }

  /** A node's member; "" for none. Members have large numbers in etcd, and none is 0. */
  memberId(node: number): string {
    return node < 0 ? "" : String(BigInt.asUintN(64, BigInt(this.clusterId) + BigInt(node + 1)));
  }

  learn({ node, ballot }: Extract<KeysResult, { kind: "log-status" }>): void {
    this.header.become({ clusterId: this.clusterId, memberId: this.memberId(node), term: ballot });
  }
}

const range: Route = {
  read: kv.readRange,
  answer: (result, { header }) => answers.rangeText(header.at(result.revision), expect(result, "key-range")),
};
const put: Route = {
  read: kv.readPut,
  answer: (result, { header }) => answers.putText(header.at(result.revision), expect(result, "key-put")),
};
const deleteRange: Route = {
  read: kv.readDeleteRange,
  answer: (result, { header }) => answers.deletedText(header.at(result.revision), expect(result, "key-deleted")),
};
const txn: Route = {
  read: kv.readTxn,
  answer: (result, { header }) => answers.txnText(header.at(result.revision), expect(result, "key-txn")),
};
const compaction: Route = { read: kv.readCompaction, answer: headerOnly };
const grant: Route = {
  read: (fields) => ({ kind: "lease-grant", id: kv.leaseAt(fields, "ID"), ttlS: integerAt(fields, "TTL", "TTL") }),
  answer: (result, { header }) => answers.leaseText(header.at(result.revision), expect(result, "lease")),
};
const revoke: Route = {
  read: (fields) => ({ kind: "lease-revoke", id: kv.leaseAt(fields, "ID") }),
  answer: headerOnly,
};
const keepAlive: Route = {
  read: (fields) => ({ kind: "lease-keep-alive", id: kv.leaseAt(fields, "ID") }),
  answer: (result, { header }) =>
    `{"result":${answers.leaseText(header.at(result.revision), expect(result, "lease"))}}\n`,
  // A lease that is gone is kept alive for 0 seconds.
  notFound: (request, { header }) => {
    const { id } = request as Extract<KeysRequest, { kind: "lease-keep-alive" }>;
    return `{"result":{${header.at(0)},"ID":"${id}"}}\n`;
  },
};
const timeToLive: Route = {
  read: (fields) => ({
    kind: "lease-time-to-live",
    id: kv.leaseAt(fields, "ID"),
    keys: booleanAt(fields, "keys", "keys"),
  }),
  answer: (result, { header }) => answers.timeToLiveText(header.at(result.revision), expect(result, "lease")),
};
const leases: Route = {
  read: () => ({ kind: "lease-list" }),
  answer: (result, { header }) => answers.leasesText(header.at(result.revision), expect(result, "leases")),
};
const status: Route = {
  read: () => ({ kind: "log-status" }),
  answer: (result, speaker) => {
    const known = expect(result, "log-status");
    speaker.learn(known);
    const leader = speaker.memberId(known.leader);
    return answers.statusText(speaker.header.at(result.revision), known, leader, apiVersion);
  },
};

/** By path; every one is a POST. */
export const routes: ReadonlyMap<string, Route> = new Map([
  ["/v3/kv/range", range],
  ["/v3/kv/put", put],
  ["/v3/kv/deleterange", deleteRange],
  ["/v3/kv/txn", txn],
  ["/v3/kv/compaction", compaction],
  ["/v3/lease/grant", grant],
  ["/v3/lease/revoke", revoke],
  ["/v3/lease/keepalive", keepAlive],
  ["/v3/lease/timetolive", timeToLive],
  ["/v3/lease/leases", leases],
  ["/v3/kv/lease/revoke", revoke],
  ["/v3/kv/lease/timetolive", timeToLive],
  ["/v3/kv/lease/leases", leases],
  ["/v3/maintenance/status", status],
]);

/** Calls `respond` exactly once, also when the backend throws. */
export function dispatch(
  route: Route,
  body: string,
  timeoutUs: Micros | undefined,
  backend: DoorBackend,
  speaker: Speaker,
  respond: Respond,
): void {
  try {
    const read = route.read(parseBody(body));
    const request = timeoutUs === undefined ? read : { ...read, timeoutUs };
    backend.submit(request, (answer) => answered(route, request, answer, speaker, respond));
  } catch (error) {
    const known = error instanceof GatewayError ? error : internal(error);
    respond(known.status, errorBody(known));
  }
}

function answered(route: Route, request: KeysRequest, answer: Answer, speaker: Speaker, respond: Respond): void {
  let text: string;
  try {
    if (answer.kind === "ok") text = route.answer(answer.result as KeysResult, speaker);
    else if (answer.kind === "refused" && answer.code === "not-found" && route.notFound !== undefined) {
      text = route.notFound(request, speaker);
    } else throw failure(answer);
  } catch (error) {
    const known = error instanceof GatewayError ? error : internal(error);
    respond(known.status, errorBody(known));
    return;
  }
  respond(200, text);
}

function headerOnly(result: KeysResult, { header }: Speaker): string {
  return `{${header.at(result.revision)}}`;
}

/** @throws Error when the backend answered another question: a bug */
export function expect<K extends KeysResult["kind"]>(result: KeysResult, kind: K): Extract<KeysResult, { kind: K }> {
  if (result.kind === kind) return result as Extract<KeysResult, { kind: K }>;
  throw new Error(`the backend answered with ${result.kind} where ${kind} was asked for`);
}

/** A failure of ours. The request may have been carried out. */
export function internal(error: unknown): GatewayError {
  const message = error instanceof Error ? error.message : String(error);
  return new GatewayError(codes.internal, `the outcome is unknown (server-error): ${message}`);
}
