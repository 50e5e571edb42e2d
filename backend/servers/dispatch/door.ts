/**
 * The dispatch front door: JSON over HTTP. One Fastify instance listens on every worker thread, all on one port (SO_REUSEPORT), so a request
 * enters at a node of the thread it lands on. Requests of the common form pass Fastify and Node's HTTP by.
 */
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
import { errorText, serve } from "./routes.ts";
import type { DoorBackend } from "./routes.ts";

export interface DispatchDoorOptions extends HttpPlace {
  readonly backend: DoorBackend;
  /** 16 KiB by default. */
  readonly maxBodyBytes?: number;
  readonly maxConnections?: number;
  /** After about this many requests a connection is closed, so that connections spread over threads anew. 0: never. */
  readonly maxRequestsPerConnection?: number;
}

const jsonType = "application/json";

/** Listens. Rejects when the port cannot be had. */
export async function createDispatchDoor(options: DispatchDoorOptions): Promise<HttpDoor> {
  const limits = { ...options, maxBodyBytes: options.maxBodyBytes ?? 16_384 };
  const app = createPublicApp(limits);
  // curl says that its JSON is a form unless told otherwise; what is no JSON is refused by its text.
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: { message: string; statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    send(reply, status, errorText(status < 500 ? "invalid" : "server-error", error.message), true);
  });
  route(app, options.backend);
  takePlainRequests(app, limits, (request, reply) => plain(request, reply, options.backend));
  return openPublicApp(app, options);
}

function route(app: FastifyInstance, backend: DoorBackend): void {
  let closing = false;
  app.addHook("preClose", (done) => {
    closing = true;
    done();
  });
  const handle = (request: FastifyRequest, reply: FastifyReply): void => {
    const { headers, raw, method } = request;
    if (raw.rawHeaders.length > 2 * maxHeaders)
      return send(reply, 431, errorText("invalid", `more than ${maxHeaders} headers`), true);
    if (hasTwoHosts(raw.rawHeaders)) return send(reply, 400, errorText("invalid", "two Host headers"), true);
    const body = (request.body as string | undefined) ?? "";
    const timeoutUs = readTimeout(headers[timeoutHeader] as string | undefined);
    serve({ method, url: raw.url!, body, timeoutUs }, backend, (status, text) => send(reply, status, text, closing));
  };
  app.setNotFoundHandler(handle);
  app.all("/*", handle);
}

/** Anything with no header twice that means something here; whatever else goes through Fastify. */
function plain({ body, method, rawHeaders, url }: PlainRequest, reply: PlainReply, backend: DoorBackend): boolean {
  if (method !== "POST" && method !== "GET") return false;
  let timeout: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i].toLowerCase() !== timeoutHeader) continue;
    if (timeout !== undefined) return false;
    timeout = rawHeaders[i + 1];
  }
  const incoming = { method, url, body, timeoutUs: readTimeout(timeout) };
  serve(incoming, backend, (status, text) => {
    reply(status, `content-type: ${jsonType}\r\n${status === 503 ? "retry-after: 1\r\n" : ""}`, text, false);
  });
  return true;
}

function send(reply: FastifyReply, status: number, body: string, last: boolean): void {
  reply.hijack();
  const headers: Record<string, string | number> = {
    "content-type": jsonType,
    "content-length": Buffer.byteLength(body),
  };
  if (status === 503) headers["retry-after"] = 1;
  if (last) headers.connection = "close";
  reply.raw.writeHead(status, headers);
  reply.raw.end(body);
}
