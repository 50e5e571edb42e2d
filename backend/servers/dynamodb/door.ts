/**
 * The DynamoDB front door: JSON 1.0 over HTTP, as official clients speak it. One Fastify instance listens on every worker
 * thread, all on one port (SO_REUSEPORT), so a request is coordinated by the thread it lands on.
 *
 * The body reaches the handler as text and the answer leaves as text: there is one route, and compiled schemas cost more
 * than the checks they would replace. Limits are those of a public endpoint: small headers, slow senders cut off, clients
 * that do not read what they asked for disconnected.
 */
import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import fastify from "fastify";
import { SlowReaders } from "./slow-readers.ts";
import { bodyTooLarge, errorBody, headersTooMany, internal } from "./service-error.ts";
import { dispatch } from "./dispatch.ts";
import type { AddressInfo, Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Replication } from "../../api.ts";
import type { DoorBackend } from "./dispatch.ts";
import type { TableDefaults } from "./tables.ts";

export interface DoorOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Share the port with the doors of other threads. */
  readonly reusePort: boolean;
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

export interface DynamoDoor {
  readonly url: string;
  readonly port: number;
  /** Stops listening, answers what is in flight, closes idle connections. */
  close(): Promise<void>;
}

const maxHeaders = 100;
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const keepAliveMs = 5_000;
const checkIntervalMs = 1_000;
const healthy = "healthy: dynamodb.local ";
const notTheService = "<UnknownOperationException/>\n";

/** Header by which a client says how many microseconds longer it will wait. */
export const timeoutHeader = "x-wavetank-timeout-us";

/** Listens. Rejects when the port cannot be had. */
export async function createDynamoDoor(options: DoorOptions): Promise<DynamoDoor> {
  const app = createApp(options);
  // Fastify hands what it does not know on to Node's server, which knows reusePort.
  const listen = { host: options.host, port: options.port, reusePort: options.reusePort };
  await app.listen(listen);
  const { port } = app.server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}`, port, close: () => app.close() };
}

function createApp(options: DoorOptions): FastifyInstance {
  const maxBodyBytes = options.maxBodyBytes ?? 1_048_576;
  const spread = 0.9 + 0.2 * Math.random();
  const app = fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    maxRequestsPerSocket: Math.round((options.maxRequestsPerConnection ?? 100_000) * spread),
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: checkIntervalMs },
  });
  app.server.maxConnections = options.maxConnections ?? 2_000;
  // One more than allowed, so that an excess shows: Node drops what is beyond in silence.
  app.server.maxHeadersCount = maxHeaders + 1;
  takeBodiesAsText(app);
  answerFailures(app, maxBodyBytes);
  disconnectSlowReaders(app);
  route(app, options);
  return app;
}

function takeBodiesAsText(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
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

function disconnectSlowReaders(app: FastifyInstance): void {
  const readers = new SlowReaders();
  app.server.on("connection", (socket: Socket) => readers.watch(socket));
  const sweep = setInterval(() => readers.sweep(), checkIntervalMs);
  sweep.unref();
  app.addHook("onClose", (_app, done) => {
    clearInterval(sweep);
    done();
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

/** Node keeps the first of two; a proxy in front may have routed by the second. */
function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts > 1;
}

function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  return Number(text);
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
