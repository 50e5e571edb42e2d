/** Requests outside a load, for a workload's set-up and tear-down: one at a time or several, each with a promise. */
import type { HttpAnswer, HttpCall, HttpClient } from "../../workloads/http.ts";
import type { HttpReply } from "../targets/http/exchange.ts";
import { serialiseCall } from "../targets/http/serialise-call.ts";
import { openPool } from "./http-target.ts";
import type { HttpEndpoint } from "./load-plan.ts";

const patienceMs = 30_000;

interface Waiting {
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class PlainClient implements HttpClient {
  private readonly origin: URL;
  private readonly pool: ReturnType<typeof openPool>;
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  constructor(endpoint: HttpEndpoint) {
    this.origin = new URL(endpoint.origin);
    this.pool = openPool({ ...endpoint, connections: Math.min(16, endpoint.connections) });
    this.pool.onReply = (token, reply) => this.take(token)?.resolve(copyOf(reply));
    this.pool.onFailure = (token, { message }) => this.take(token)?.reject(new Error(message));
  }

  send(call: HttpCall): Promise<HttpAnswer> {
    const token = this.next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.pool.cancel(token);
        const what = `${call.method ?? "GET"} ${call.path}`;
        this.take(token)?.reject(new Error(`${what} was not answered within ${patienceMs / 1_000} s`));
      }, patienceMs);
      this.waiting.set(token, { resolve, reject, timer });
      this.pool.submit(token, serialiseCall(this.origin, call));
      this.pool.flush();
    });
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private take(token: number): Waiting | undefined {
    const waiting = this.waiting.get(token);
    this.waiting.delete(token);
    clearTimeout(waiting?.timer);
    return waiting;
  }
}

/** Outlives the callback that the reply came in. */
function copyOf(reply: HttpReply): HttpAnswer {
  const body = Buffer.from(reply.body);
  const headers = new Map(reply.headers().map(([name, value]) => [name.toLowerCase(), value]));
  const text = (): string => body.toString("utf8");
  return {
    status: reply.status,
    body,
    header: (name) => headers.get(name.toLowerCase()),
    text,
    json: () => JSON.parse(text()) as unknown,
  };
}
