/**
 * What every HTTP door has in common: the limits of a public endpoint (small headers, slow senders cut off, clients that do not read what
 * they asked for disconnected), one port for the doors of all threads, and what Node leaves to its user to refuse.
 */
import fastify from "fastify";
import type { AddressInfo, Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { PlainHttp } from "./plain-http.ts";
import type { PlainHandler } from "./plain-http.ts";
import { SlowReaders } from "./slow-readers.ts";

export interface HttpLimits {
  readonly maxBodyBytes: number;
  readonly maxConnections?: number;
  /** After about this many requests a connection is closed, so that connections spread over threads anew. 0: never. */
  readonly maxRequestsPerConnection?: number;
}

export interface HttpPlace {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Share the port with the doors of other threads. */
  readonly reusePort: boolean;
}

export interface HttpDoor {
  readonly url: string;
  readonly port: number;
  /** Stops listening, answers what is in flight, closes idle connections. */
  close(): Promise<void>;
}

/** Node drops in silence what is beyond its own limit, which is one more: so an excess shows. */
export const maxHeaders = 100;
const headersTimeoutMs = 5_000;
const requestTimeoutMs = 10_000;
const keepAliveMs = 5_000;
const checkIntervalMs = 1_000;

/** Header by which a client says how many microseconds longer it will wait. */
export const timeoutHeader = "x-wavetank-timeout-us";

/** A Fastify instance that takes bodies of no content type yet. */
export function createPublicApp(limits: HttpLimits): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    maxRequestsPerSocket: requestsPerConnection(limits),
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: checkIntervalMs },
  });
  app.server.maxConnections = limits.maxConnections ?? 2_000;
  app.server.maxHeadersCount = maxHeaders + 1;
  app.removeAllContentTypeParsers();
  disconnectSlowReaders(app);
  return app;
}

/** Lets `handler` take requests of the common form before Node's HTTP sees them; to be called before the app listens. */
export function takePlainRequests(app: FastifyInstance, limits: HttpLimits, handler: PlainHandler): void {
  const plain = new PlainHttp(app.server, handler, {
    maxBodyBytes: limits.maxBodyBytes,
    maxHeaders,
    maxRequests: requestsPerConnection(limits),
    idleMs: keepAliveMs,
  });
  const sweep = setInterval(() => plain.sweep(checkIntervalMs), checkIntervalMs);
  sweep.unref();
  app.addHook("preClose", (done) => {
    plain.close();
    done();
  });
  app.addHook("onClose", (_app, done) => {
    clearInterval(sweep);
    done();
  });
}

/** Spread, so that connections opened together do not end together. */
function requestsPerConnection({ maxRequestsPerConnection = 100_000 }: HttpLimits): number {
  return Math.round(maxRequestsPerConnection * (0.9 + 0.2 * Math.random()));
}

/** Listens. Rejects when the port cannot be had. */
export async function openPublicApp(app: FastifyInstance, { host, port, reusePort }: HttpPlace): Promise<HttpDoor> {
  // Fastify hands what it does not know on to Node's server, which knows reusePort.
  const listen = { host, port, reusePort };
  await app.listen(listen);
  const address = app.server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${name}:${address.port}`, port: address.port, close: () => app.close() };
}

/** Node keeps the first of two; a proxy in front may have routed by the second. */
export function hasTwoHosts(rawHeaders: readonly string[]): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts > 1;
}

/** The value of `timeoutHeader`, where it is one. */
export function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined;
  return Number(text);
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
