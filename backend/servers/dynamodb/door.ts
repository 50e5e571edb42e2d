/**
 * The DynamoDB front door: JSON 1.0 over HTTP, as official clients speak it. One Fastify instance listens on every worker
 * thread, all on one port (SO_REUSEPORT), so a request is coordinated by the thread it lands on.
 *
 * The body reaches the handler as text and the answer leaves as text: there is one route, and compiled schemas cost more
 * than the checks they would replace.
 */
import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Replication } from "../../api.ts";
import { createPublicApp, hasTwoHosts, maxHeaders, openPublicApp, readTimeout, timeoutHeader } from "../public-http.ts";
import type { HttpDoor, HttpPlace } from "../public-http.ts";
import { bodyTooLarge, errorBody, headersTooMany, internal } from "./service-error.ts";
import { dispatch } from "./dispatch.ts";
import type { DoorBackend } from "./dispatch.ts";
import type { TableDefaults } from "./tables.ts";

export interface DoorOptions extends HttpPlace {
  readonly backend: DoorBackend;
  /** Nodes of the deployment: the most replicas a table can ask for. */
  readonly nodes: number;
  /** Partitions of a table that does not say. Default 8. */
  readonly partitions?: number;
  /** Of a table that does not say. Default: three replicas and majorities, as far as there are nodes. */
  readonly replication?: Replication;
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  /** After about this many requests a connection is closed, so that connections spread over threads anew. 0: never. */
  readonly maxRequestsPerConnection?: number;
}

export type DynamoDoor = HttpDoor;

const healthy = "healthy: dynamodb.local ";
const notTheService = "<UnknownOperationException/>\n";

/** Listens. Rejects when the port cannot be had. */
export async function createDynamoDoor(options: DoorOptions): Promise<DynamoDoor> {
  const maxBodyBytes = options.maxBodyBytes ?? 1_048_576;
  const app = createPublicApp({ ...options, maxBodyBytes });
  takeBodiesAsText(app);
  answerFailures(app, maxBodyBytes);
  route(app, options);
  return openPublicApp(app, options);
}

function takeBodiesAsText(app: FastifyInstance): void {
  for (const type of ["application/x-amz-json-1.0", "application/json"]) {
    app.addContentTypeParser(type, { parseAs: "string" }, (_request, body, done) => done(null, body));
  }
}

function answerFailures(app: FastifyInstance, maxBodyBytes: number): void {
  app.setNotFoundHandler((_request, reply) => sendPlain(reply, 404, notTheService));
  app.setErrorHandler((error: { code?: string; message: string }, _request, reply) => {
    switch (error.code) {
      case "FST_ERR_CTP_BODY_TOO_LARGE":
        return send(reply, 413, errorBody(bodyTooLarge(maxBodyBytes)), true);
      case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
        return sendPlain(reply, 404, notTheService);
      default: {
        const status = (error as { statusCode?: number }).statusCode ?? 500;
        if (status >= 500) return send(reply, 500, errorBody(internal(error.message)), false);
        return sendPlain(reply, status, `${error.message}\n`);
      }
    }
  });
}

function route(app: FastifyInstance, options: DoorOptions): void {
  const { backend } = options;
  const defaults: TableDefaults = {
    nodes: options.nodes,
    partitions: options.partitions ?? 8,
    replication: options.replication,
  };
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  app.get("/", (_request, reply) => sendPlain(reply, 200, healthy));
  app.post("/", (request: FastifyRequest, reply: FastifyReply) => {
    const { headers } = request;
    const { rawHeaders } = request.raw;
    if (rawHeaders.length > 2 * maxHeaders) return send(reply, 431, errorBody(headersTooMany(maxHeaders)), true);
    if (hasTwoHosts(rawHeaders)) return sendPlain(reply, 400, "The request has two Host headers\n");
    const incoming = {
      target: headers["x-amz-target"] as string | undefined,
      authorization: headers.authorization,
      date: (headers["x-amz-date"] as string | undefined) ?? headers.date,
      body: (request.body as string | undefined) ?? "",
      timeoutUs: readTimeout(headers[timeoutHeader] as string | undefined),
    };
    return dispatch(incoming, backend, defaults, (status, body) => send(reply, status, body, closing));
  });
}

/** Request ids are 52 characters as the service's: a random part per thread, then a count. */
const idPrefix = randomBytes(32).toString("base64url").toUpperCase().replaceAll(/[-_]/g, "0").slice(0, 42);
let requestCount = 0;

function nextRequestId(): string {
  return idPrefix + (requestCount++).toString(36).toUpperCase().padStart(10, "0");
}

/** Written to Node's response directly: Fastify's reply would serialise and measure the text once more. */
function send(reply: FastifyReply, status: number, body: string, last: boolean): void {
  reply.hijack();
  const headers: Record<string, string | number> = {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(body),
    "x-amzn-requestid": nextRequestId(),
    "x-amz-crc32": crc32(body),
  };
  if (last) headers.connection = "close";
  if (status === 503) headers["retry-after"] = 1;
  reply.raw.writeHead(status, headers);
  reply.raw.end(body);
}

function sendPlain(reply: FastifyReply, status: number, body: string): void {
  reply.hijack();
  const crc = crc32(body);
  reply.raw.writeHead(status, {
    "content-length": Buffer.byteLength(body),
    "x-amzn-requestid": nextRequestId(),
    "x-amz-crc32": crc,
  });
  reply.raw.end(body);
}
