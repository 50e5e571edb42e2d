/**
 * The Stripe front door: the part of the v1 interface that moves money, as official clients speak it. One Fastify instance listens on every
 * worker thread, all on one port (SO_REUSEPORT), so a request is coordinated by the thread it lands on.
 *
 * Requests of the common form pass Fastify and Node's HTTP by. All other paths come to one handler: what Stripe answers to a path it does not know is as much part of the interface as the rest.
 */
import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { PlainReply, PlainRequest } from "../plain-http.ts";
import {
  createPublicApp,
  hasTwoHosts,
  maxHeaders,
  openPublicApp,
  readTimeout,
  takePlainRequests,
  timeoutHeader,
} from "../public-http.ts";
import type { HttpDoor, HttpPlace } from "../public-http.ts";
import { dispatch } from "./dispatch.ts";
import type { DoorBackend, Outgoing } from "./dispatch.ts";
import { errorText, internal, invalid, unrecognized } from "./stripe-error.ts";

export interface StripeDoorOptions extends HttpPlace {
  readonly backend: DoorBackend;
  /** 256 KiB by default. */
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  /** After about this many requests a connection is closed, so that connections spread over threads anew. 0: never. */
  readonly maxRequestsPerConnection?: number;
}

/** The version of the interface that is answered when a client does not name its own. */
const usualVersion = "2026-10-28.endive";
const formType = "application/x-www-form-urlencoded";

/** Listens. Rejects when the port cannot be had. */
export async function createStripeDoor(options: StripeDoorOptions): Promise<HttpDoor> {
  const maxBodyBytes = options.maxBodyBytes ?? 262_144;
  const limits = { ...options, maxBodyBytes };
  const app = createPublicApp(limits);
  app.addContentTypeParser(formType, { parseAs: "string" }, (_request, body, done) => done(null, body));
  answerFailures(app, maxBodyBytes);
  route(app, options.backend);
  takePlainRequests(app, limits, (request, reply) => plain(request, reply, options.backend));
  return openPublicApp(app, options);
}

function answerFailures(app: FastifyInstance, maxBodyBytes: number): void {
  app.setErrorHandler((error: { code?: string; message: string; statusCode?: number }, request, reply) => {
    switch (error.code) {
      case "FST_ERR_CTP_BODY_TOO_LARGE":
        return refuse(request, reply, 413, `Invalid request: the body has more than ${maxBodyBytes} bytes.`);
      case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
        return refuse(request, reply, 400, `Invalid request: parameters must be sent as ${formType}.`);
      default: {
        const status = error.statusCode ?? 500;
        if (status < 500) return refuse(request, reply, status, error.message);
        return send(request, reply, { status, body: errorText(internal(error.message)), replayed: false }, false);
      }
    }
  });
}

function refuse(request: FastifyRequest, reply: FastifyReply, status: number, message: string): void {
  const { error } = invalid(message, { status });
  send(request, reply, { status, body: errorText(error), replayed: false }, true);
}

function route(app: FastifyInstance, backend: DoorBackend): void {
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  app.setNotFoundHandler((request, reply) => {
    const { error } = unrecognized(request.method, request.raw.url!);
    send(request, reply, { status: 404, body: errorText(error), replayed: false }, closing);
  });
  app.all("/*", (request: FastifyRequest, reply: FastifyReply) => {
    const { headers, raw, method } = request;
    const { rawHeaders } = raw;
    if (rawHeaders.length > 2 * maxHeaders) {
      return refuse(request, reply, 431, `Invalid request: more than ${maxHeaders} headers.`);
    }
    if (hasTwoHosts(rawHeaders)) return refuse(request, reply, 400, "Invalid request: two Host headers.");
    const incoming = {
      method,
      url: raw.url!,
      authorization: headers.authorization,
      idempotencyKey: headers["idempotency-key"] as string | undefined,
      body: (request.body as string | undefined) ?? "",
      timeoutUs: readTimeout(headers[timeoutHeader] as string | undefined),
    };
    return dispatch(incoming, backend, (outgoing) => send(request, reply, outgoing, closing));
  });
}

/** Headers that a request may have once and that mean something here. */
const known = ["authorization", "content-type", "idempotency-key", "stripe-version", timeoutHeader];

/** A POST of a form or a GET without a body, with no header twice; whatever else goes through Fastify. */
function plain(request: PlainRequest, reply: PlainReply, backend: DoorBackend): boolean {
  const { body, method, rawHeaders, url } = request;
  const given: Record<string, string | undefined> = {};
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (!known.includes(name)) continue;
    if (given[name] !== undefined) return false;
    given[name] = rawHeaders[i + 1];
  }
  if (
    !url.startsWith("/v1/") ||
    !(method === "POST" ? given["content-type"] === formType : method === "GET" && body === "")
  ) {
    return false;
  }
  const incoming = {
    method,
    url,
    authorization: given.authorization,
    idempotencyKey: given["idempotency-key"],
    body,
    timeoutUs: readTimeout(given[timeoutHeader]),
  };
  const answer = (outgoing: Outgoing): void => {
    let lines = "";
    for (const [name, value] of Object.entries(headersOf(given, outgoing))) lines += `${name}: ${value}\r\n`;
    reply(outgoing.status, lines, outgoing.body, false);
  };
  try {
    dispatch(incoming, backend, answer);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer({ status: 500, body: errorText(internal(message)), replayed: false });
  }
  return true;
}

/** A random part per thread, then a count. */
const idPrefix = `req_${randomBytes(9).toString("base64url").replaceAll(/[-_]/g, "0").slice(0, 8)}`;
let requestCount = 0;

function nextRequestId(): string {
  return idPrefix + (requestCount++).toString(36).padStart(6, "0");
}

/** A header that goes back as it came. Node's parser lets through what its writer throws at. */
function echoed(value: string | string[] | undefined): string | undefined {
  return typeof value === "string" && /^[\x20-\x7e]{1,255}$/.test(value) ? value : undefined;
}

/** What an answer says besides its length and its connection. */
function headersOf(
  given: Readonly<Record<string, string | string[] | undefined>>,
  { replayed, retry, status }: Outgoing,
): Record<string, string | number> {
  const headers: Record<string, string | number> = {
    "content-type": "application/json",
    "request-id": nextRequestId(),
    "stripe-version": echoed(given["stripe-version"]) ?? usualVersion,
  };
  const key = echoed(given["idempotency-key"]);
  if (key !== undefined) headers["idempotency-key"] = key;
  if (replayed) headers["idempotent-replayed"] = "true";
  if (retry !== undefined) headers["stripe-should-retry"] = String(retry);
  if (status === 401) headers["www-authenticate"] = 'Basic realm="Stripe"';
  if (status === 503) headers["retry-after"] = 1;
  return headers;
}

/** Written to Node's response directly: Fastify's reply would serialise and measure the text once more. */
function send(request: FastifyRequest, reply: FastifyReply, outgoing: Outgoing, last: boolean): void {
  reply.hijack();
  const { status, body } = outgoing;
  const headers = headersOf(request.headers, outgoing);
  headers["content-length"] = Buffer.byteLength(body);
  if (last) headers.connection = "close";
  reply.raw.writeHead(status, headers);
  reply.raw.end(body);
}
