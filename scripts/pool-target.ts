/** The HTTP client as a target for benchmarks: requests wait in it for one of its connections, and 200 is all that is ok. */
import type { Answer } from "../backend/api.ts";
import type { WireRequest } from "../runners/targets/http/exchange.ts";
import { HttpPool } from "../runners/targets/http/http-pool.ts";
import type { Target } from "../runners/targets/target.ts";

export class PoolTarget implements Target<WireRequest, null> {
  onAnswer: (attempt: number, answer: Answer<null>) => void = () => undefined;
  onWritten: (attempt: number) => void = () => undefined;
  private readonly pool: HttpPool;

  constructor(origin: URL, connections: number) {
    this.pool = new HttpPool(origin, { connections });
    this.pool.onWritten = (attempt) => this.onWritten(attempt);
    this.pool.onFailure = (attempt, failure) => this.onAnswer(attempt, failure);
    this.pool.onReply = (attempt, { status }) => {
      const failed: Answer<null> = { kind: "unknown", code: "server-error", message: String(status) };
      this.onAnswer(attempt, status === 200 ? { kind: "ok", result: null } : failed);
    };
  }

  submit(attempt: number, request: WireRequest): void {
    this.pool.submit(attempt, request);
  }

  giveUp(attempt: number): void {
    this.pool.cancel(attempt);
  }

  flush(): void {
    this.pool.flush();
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
