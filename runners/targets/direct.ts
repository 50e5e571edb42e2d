/** The backend by message port: what the design costs without HTTP. Batches leave at `flush` or at the end of the turn. */
import type { MessagePort } from "node:worker_threads";
import type { Answer, Request } from "../../backend/api.ts";
import { DirectConnection } from "../../backend/connection.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { Target } from "./target.ts";
import { withTimeout } from "./with-timeout.ts";

export class DirectTarget implements Target {
  private readonly connection: DirectConnection;

  constructor(ports: readonly MessagePort[]) {
    this.connection = new DirectConnection(ports);
  }

  get onAnswer(): (attempt: number, answer: Answer) => void {
    return this.connection.onAnswer;
  }

  set onAnswer(take: (attempt: number, answer: Answer) => void) {
    this.connection.onAnswer = take;
  }

  submit(attempt: number, request: Request, timeoutUs: Micros = Infinity, entry?: number): void {
    this.connection.submit(attempt, withTimeout(request, timeoutUs), entry);
  }

  flush(): void {
    this.connection.flush();
  }

  close(): Promise<void> {
    this.connection.close();
    return Promise.resolve();
  }
}
