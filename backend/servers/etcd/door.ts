/**
 * The etcd front door: the JSON gateway of etcd's v3 API over HTTP, as `curl` and HTTP clients speak it. One server listens on every
 * worker thread, all on one port (SO_REUSEPORT), so a request is coordinated by the thread it lands on.
 *
 *     POST /v3/kv/..., /v3/lease/..., /v3/maintenance/status --> plain: from the socket to `dispatch`, where the request is of the common form
 *                                                            --> unary: from Node's request to `dispatch`
 *     all else (watches, GET /health, /version, 404, 405)    --> Fastify
 *
 * The unary routes pass Fastify by because its request, reply and hooks cost as much as all that they do themselves, and Node's do again. Limits are those of
 * a public endpoint: small headers, slow senders cut off, clients that do not read what they asked for disconnected.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { mebibyte, second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import { Speaker, apiVersion, dispatch, internal, routes } from "./dispatch.ts";
import type { DoorBackend, Route } from "./dispatch.ts";
import { GatewayError, bodyTooLarge, codes, errorBody, invalid } from "./gateway-error.ts";
import {
  createPublicApp,
  hasTwoHosts,
  maxHeaders,
  openPublicApp,
  takePlainRequests,
  timeoutHeader,
} from "../public-http.ts";
import type { HttpDoor, HttpPlace } from "../public-http.ts";
import type { PlainReply, PlainRequest } from "../plain-http.ts";
import { WatchStream, readWatch } from "./watch-stream.ts";
import type { WatchRequest } from "./watch-stream.ts";

export interface EtcdDoorOptions extends HttpPlace {
  readonly backend: DoorBackend;
  /** Of the headers of answers, decimal; the same at every door of a backend. Members are numbered from it. */
  readonly clusterId?: string;
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  /** After about this many requests a connection is closed, so that connections spread over threads anew. 0: never. */
  readonly maxRequestsPerConnection?: number;
  /** How long a watch that asks for progress goes without a message; etcd's 10 minutes by default. */
  readonly progressIntervalMs?: number;
}

const learnIntervalMs = 1_000;
const healthTimeoutUs = second;
const defaultClusterId = "14841639068965178418";
const mediaType = "application/json";
/** etcd takes 1.5 MiB in gRPC and 2 MiB of JSON at its gateway. */
const defaultMaxBodyBytes = 2 * mebibyte;

/** Listens. Rejects when the port cannot be had. Closing it also ends its watches. */
export function createEtcdDoor(options: EtcdDoorOptions): Promise<HttpDoor> {
  return openPublicApp(new Door(options).app, options);
}

class Door {
  readonly app: FastifyInstance;
  private readonly options: EtcdDoorOptions;
  private readonly speaker: Speaker;
  private readonly maxBodyBytes: number;
  private readonly watches = new Set<WatchStream>();
  private closing = false;
  /** The next request has the status asked for again. */
  private outdated = true;

  constructor(options: EtcdDoorOptions) {
    this.options = options;
    this.speaker = new Speaker(options.clusterId ?? defaultClusterId);
    this.maxBodyBytes = options.maxBodyBytes ?? defaultMaxBodyBytes;
    this.app = createPublicApp({ ...options, maxBodyBytes: this.maxBodyBytes });
    takeBodiesAsText(this.app);
    answerFailures(this.app, this.maxBodyBytes);
    this.route();
    this.takeUnary();
    takePlainRequests(this.app, { ...options, maxBodyBytes: this.maxBodyBytes }, (request, reply) =>
      this.plain(request, reply),
    );
    this.keepLearning();
  }

  /** Stands in front of Fastify's own listener. */
  private takeUnary(): void {
    const { server } = this.app;
    const [rest] = server.listeners("request") as RequestListener[];
    server.removeListener("request", rest);
    server.on("request", (request, response) => {
      const route = request.method === "POST" ? routes.get(request.url!) : undefined;
      if (route === undefined) rest(request, response);
      else this.unary(route, request, response);
    });
  }

  /* ---- one request, one answer ------------------------------------------------------------------------------------------ */

  private plain(request: PlainRequest, reply: PlainReply): boolean {
    const route = request.method === "POST" ? routes.get(request.url) : undefined;
    if (route === undefined) return false;
    if (this.outdated) this.learn();
    dispatch(route, request.body, timeoutOf(request), this.options.backend, this.speaker, (status, text) =>
      reply(status, status === 200 ? plainHead : headOf(status), text, this.closing),
    );
    return true;
  }

  private unary(route: Route, request: IncomingMessage, response: ServerResponse): void {
    if (this.outdated) this.learn();
    const refusal = refuseHeaders(request.rawHeaders);
    if (refusal !== undefined) {
      request.resume();
      send(response, refusal.status, errorBody(refusal), true);
      return;
    }
    let first: Buffer | undefined;
    let more: Buffer[] | undefined;
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > this.maxBodyBytes) this.cutOff(response);
      else if (first === undefined) first = chunk;
      else (more ??= [first]).push(chunk);
    });
    request.on("end", () => {
      if (bytes > this.maxBodyBytes) return;
      const body = more === undefined ? (first?.toString() ?? "") : Buffer.concat(more).toString();
      dispatch(route, body, timeoutOf(request), this.options.backend, this.speaker, (status, text) =>
        send(response, status, text, this.closing),
      );
    });
  }

  private cutOff(response: ServerResponse): void {
    const error = bodyTooLarge(this.maxBodyBytes);
    send(response, error.status, errorBody(error), true);
  }

  /* ---- the rest --------------------------------------------------------------------------------------------------------- */

  private route(): void {
    const { app } = this;
    app.get("/health", (_request, reply) => this.health(reply));
    app.get("/version", (_request, reply) =>
      sendPlain(reply, 200, `{"etcdserver":"${apiVersion}","etcdcluster":"${apiVersion}"}`, mediaType),
    );
    app.post("/v3/watch", (request, reply) => this.watch(request, reply));
    for (const url of [...routes.keys(), "/v3/watch"]) {
      app.route({
        method: ["GET", "PUT", "DELETE", "PATCH"],
        url,
        handler: (_request, reply) => sendPlain(reply, 405, "Method Not Allowed\n"),
      });
    }
    app.addHook("preClose", (done) => {
      this.closing = true;
      for (const watch of this.watches) watch.end();
      done();
    });
  }

  private watch(request: FastifyRequest, reply: FastifyReply): void {
    reply.hijack();
    const response = reply.raw;
    const refusal = refuseHeaders(request.raw.rawHeaders);
    let read: WatchRequest;
    try {
      if (refusal !== undefined) throw refusal;
      read = readWatch((request.body as string | undefined) ?? "");
    } catch (error) {
      const known = error instanceof GatewayError ? error : internal(error);
      send(response, known.status, errorBody(known), this.closing);
      return;
    }
    response.writeHead(200, { "content-type": mediaType, "grpc-metadata-content-type": "application/grpc" });
    response.flushHeaders();
    const { backend, progressIntervalMs = 600_000 } = this.options;
    const stream = new WatchStream(read, response, { backend, speaker: this.speaker, progressIntervalMs });
    this.watches.add(stream);
    stream.start(() => this.watches.delete(stream));
  }

  /** Healthy is who can answer a linearizable read. */
  private health(reply: FastifyReply): void {
    reply.hijack();
    const request = { kind: "key-range", key: "health", timeoutUs: healthTimeoutUs } as const;
    this.options.backend.submit(request, ({ kind }) => {
      const [status, health] = kind === "ok" ? [200, "true"] : [503, "false"];
      send(reply.raw, status, `{"health":"${health}"}`, this.closing);
    });
  }

  private keepLearning(): void {
    this.learn();
    const again = setInterval(() => (this.outdated = true), learnIntervalMs);
    again.unref();
    this.app.addHook("onClose", (_app, done) => {
      clearInterval(again);
      done();
    });
  }

  /** Asks who answers here and in which term; until it is known, and when nobody says, headers keep what they have. */
  private learn(): void {
    this.outdated = false;
    const request = { kind: "log-status", timeoutUs: healthTimeoutUs } as const;
    this.options.backend.submit(request, (answer) => {
      if (answer.kind !== "ok" || answer.result.kind !== "log-status") return;
      this.speaker.learn(answer.result);
      // Before the first leader there is no term to learn.
      if (answer.result.ballot === 0) this.outdated = true;
    });
  }
}

function takeBodiesAsText(app: FastifyInstance): void {
  // curl -d says that it sends a form; the gateway never looks.
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
}

function answerFailures(app: FastifyInstance, maxBodyBytes: number): void {
  app.setNotFoundHandler((_request, reply) => sendPlain(reply, 404, "Not Found\n"));
  app.setErrorHandler((error: { code?: string; message: string; statusCode?: number }, _request, reply) => {
    reply.hijack();
    const tooLarge = error.code === "FST_ERR_CTP_BODY_TOO_LARGE";
    const known = tooLarge
      ? bodyTooLarge(maxBodyBytes)
      : (error.statusCode ?? 500) < 500
        ? invalid(error.message)
        : new GatewayError(codes.internal, error.message);
    send(reply.raw, known.status, errorBody(known), tooLarge);
  });
}

function refuseHeaders(rawHeaders: readonly string[]): GatewayError | undefined {
  if (rawHeaders.length > 2 * maxHeaders) return invalid(`the request has more than ${maxHeaders} headers`);
  return hasTwoHosts(rawHeaders) ? invalid("the request has two Host headers") : undefined;
}

const grpcUnits: Readonly<Record<string, Micros>> = {
  H: 3_600 * second,
  M: 60 * second,
  S: second,
  m: 1_000,
  u: 1,
  n: 0.001,
};

/** How much longer the client waits: our header, or the gateway's own, such as "Grpc-Timeout: 250m" for a quarter of a second. */
function timeoutOf({ rawHeaders }: Pick<PlainRequest, "rawHeaders">): Micros | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const { length } = rawHeaders[i];
    if (length !== timeoutHeader.length && length !== grpcTimeoutHeader.length) continue;
    const name = rawHeaders[i].toLowerCase();
    const text = rawHeaders[i + 1];
    if (name === timeoutHeader && /^\d{1,12}$/.test(text)) return Number(text);
    if (name === grpcTimeoutHeader && /^\d{1,8}[HMSmun]$/.test(text)) {
      return Math.ceil(Number(text.slice(0, -1)) * grpcUnits[text.at(-1)!]);
    }
  }
  return undefined;
}

const grpcTimeoutHeader = "grpc-timeout";

const plainHead = `Content-Type: ${mediaType}\r\nGrpc-Metadata-Content-Type: application/grpc\r\n`;

function headOf(status: number): string {
  return `Content-Type: ${mediaType}\r\n${status === 503 ? "Retry-After: 1\r\n" : ""}`;
}

/** Does nothing when there is an answer already: a request is refused for its size while it still comes. */
function send(response: ServerResponse, status: number, body: string, last: boolean): void {
  if (response.headersSent) return;
  const headers: Record<string, string | number> = {
    "content-type": mediaType,
    "content-length": Buffer.byteLength(body),
  };
  if (status === 200) headers["grpc-metadata-content-type"] = "application/grpc";
  else if (status === 503) headers["retry-after"] = 1;
  if (last) headers.connection = "close";
  response.writeHead(status, headers);
  response.end(body);
}

function sendPlain(reply: FastifyReply, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  reply.hijack();
  reply.raw.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  reply.raw.end(body);
}
