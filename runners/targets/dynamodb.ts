/**
 * Any service that speaks DynamoDB's JSON 1.0 over HTTP: the reference's front door, ScyllaDB Alternator, DynamoDB Local.
 * Connections are kept alive and taken as needed up to a limit; beyond it attempts wait in the client, and that wait is latency.
 *
 * Requests carry an Authorization header of the right form signed with nothing: services that only look for one accept it.
 */
import type { Answer, Request } from "../../backend/api.ts";
import { dynamodbAnswer } from "./dynamodb-answer.ts";
import { dynamodbCall } from "./dynamodb-request.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { WireRequest } from "./http/exchange.ts";
import { HttpPool } from "./http/http-pool.ts";
import type { Target } from "./target.ts";
import { withTimeout } from "./with-timeout.ts";

const authorization =
  "AWS4-HMAC-SHA256 Credential=wavetank/20260101/us-east-1/dynamodb/aws4_request, " +
  "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000000000000000000000000000000000000000000000000000000000000000";

export class DynamodbTarget implements Target {
  onAnswer: (attempt: number, answer: Answer) => void = () => undefined;
  onWritten: (attempt: number) => void = () => undefined;
  private readonly url: URL;
  private readonly pool: HttpPool;
  /** What was asked and not answered: an answer is read by its question. */
  private readonly asked = new Map<number, Request>();
  /** Request line and headers up to what differs between requests, by operation. */
  private readonly heads = new Map<string, string>();

  /** Throws on a URL that is neither http nor https. */
  constructor(url: string, connections = 256) {
    this.url = endpointUrl(url);
    this.pool = new HttpPool(this.url, { connections });
    this.pool.onWritten = (attempt) => this.onWritten(attempt);
    this.pool.onFailure = (attempt, failure) => {
      this.asked.delete(attempt);
      this.onAnswer(attempt, failure);
    };
    this.pool.onReply = (attempt, reply) => {
      const request = this.asked.get(attempt)!;
      this.asked.delete(attempt);
      this.onAnswer(attempt, dynamodbAnswer(request, reply.status, reply.text()));
    };
  }

  submit(attempt: number, asked: Request, timeoutUs: Micros = Infinity): void {
    const request = withTimeout(asked, timeoutUs);
    this.asked.set(attempt, request);
    this.pool.submit(attempt, this.serialise(request));
  }

  giveUp(attempt: number): void {
    if (this.asked.delete(attempt)) this.pool.cancel(attempt);
  }

  flush(): void {
    this.pool.flush();
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private serialise(request: Request): WireRequest {
    const { operation, body } = dynamodbCall(request);
    const text = JSON.stringify(body);
    const head = this.headOf(operation) + timeoutLine(request);
    const bytes = Buffer.from(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`, "utf8");
    return { bytes, head: false };
  }

  private headOf(operation: string): string {
    let head = this.heads.get(operation);
    if (head === undefined) {
      const lines = Object.entries({ Host: this.url.host, ...dynamodbHeaders(operation) });
      head = `POST ${this.url.pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
      this.heads.set(operation, head);
    }
    return head;
  }
}

/** What every request carries besides its body. */
export function dynamodbHeaders(operation: string): Record<string, string> {
  return {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": `DynamoDB_20120810.${operation}`,
    "X-Amz-Date": "20260101T000000Z",
    Authorization: authorization,
  };
}

/** How much longer the client waits: the reference passes it on, other services ignore it. */
function timeoutLine(request: Request): string {
  if (!("timeoutUs" in request) || request.timeoutUs === undefined) return "";
  return `X-Wavetank-Timeout-Us: ${Math.max(1, Math.floor(request.timeoutUs))}\r\n`;
}

function endpointUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`DynamoDB endpoint ${text}: expected an HTTP URL such as http://127.0.0.1:8000`);
  }
  return url;
}
