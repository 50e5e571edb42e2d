/** Attempts over a pool of HTTP connections: each answer goes to its request to be judged, and its outcome to the driver. */
import type { Answer } from "../../backend/api.ts";
import { OpenTable } from "../../backend/kernel/open-table.ts";
import type { HttpFailure, HttpReply } from "../targets/http/exchange.ts";
import { HttpPool } from "../targets/http/http-pool.ts";
import type { Target } from "../targets/target.ts";
import type { HttpRequest } from "./http-requests.ts";
import type { HttpResult } from "./judge-answer.ts";
import type { HttpEndpoint } from "./load-plan.ts";

export class HttpTarget implements Target<HttpRequest, HttpResult> {
  onAnswer: (attempt: number, answer: Answer<HttpResult>) => void = () => undefined;
  onWritten: (attempt: number) => void = () => undefined;
  private readonly pool: HttpPool;
  private readonly open = new OpenTable<HttpRequest>();

  constructor(endpoint: HttpEndpoint) {
    this.pool = openPool(endpoint);
    this.pool.onReply = (attempt, reply) => this.onReply(attempt, reply);
    this.pool.onWritten = (attempt) => this.onWritten(attempt);
    this.pool.onFailure = (attempt, failure) => this.onFailure(attempt, failure);
  }

  submit(attempt: number, request: HttpRequest): void {
    this.open.set(attempt, request);
    this.pool.submit(attempt, request.wire);
  }

  giveUp(attempt: number): void {
    if (this.open.delete(attempt)) this.pool.cancel(attempt);
  }

  flush(): void {
    this.pool.flush();
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private onReply(attempt: number, reply: HttpReply): void {
    const request = this.open.get(attempt);
    if (request === undefined) return;
    this.open.delete(attempt);
    this.onAnswer(attempt, request.judge(reply));
  }

  private onFailure(attempt: number, failure: HttpFailure): void {
    if (this.open.delete(attempt)) this.onAnswer(attempt, failure);
  }
}

export function openPool({ origin, connections, pipelining, insecure }: HttpEndpoint): HttpPool {
  return new HttpPool(new URL(origin), { connections, pipelining, insecure });
}
