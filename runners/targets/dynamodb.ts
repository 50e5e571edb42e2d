/**
 * Any service that speaks DynamoDB's JSON 1.0 over HTTP: the reference's front door, ScyllaDB Alternator, DynamoDB Local.
 * Connections are kept alive and taken as needed up to a limit; beyond it attempts wait in the client, and that wait is latency.
 *
 * Requests carry an Authorization header of the right form signed with nothing: services that only look for one accept it.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Answer, Request } from "../../backend/api.ts";
import { dynamodbAnswer } from "./dynamodb-answer.ts";
import { dynamodbCall } from "./dynamodb-request.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { Target } from "./target.ts";
import { withTimeout } from "./with-timeout.ts";

const authorization =
  "AWS4-HMAC-SHA256 Credential=wavetank/20260101/us-east-1/dynamodb/aws4_request, " +
  "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000000000000000000000000000000000000000000000000000000000000000";

export class DynamodbTarget implements Target {
  onAnswer: (attempt: number, answer: Answer) => void = () => undefined;
  private readonly url: URL;
  private readonly agent: HttpAgent | HttpsAgent;
  private readonly begin: typeof httpRequest;

  /** Throws on a URL that is neither http nor https. */
  constructor(url: string, connections = 256) {
    this.url = endpointUrl(url);
    const secure = this.url.protocol === "https:";
    const pool = { keepAlive: true, maxSockets: connections, scheduling: "lifo" } as const;
    this.agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
    this.begin = secure ? httpsRequest : httpRequest;
  }

  submit(attempt: number, asked: Request, timeoutUs: Micros = Infinity): void {
    const request = withTimeout(asked, timeoutUs);
    const { operation, body } = dynamodbCall(request);
    const payload = Buffer.from(JSON.stringify(body));
    const call = this.begin({
      agent: this.agent,
      host: this.url.hostname,
      port: this.url.port,
      path: this.url.pathname,
      method: "POST",
      headers: { ...dynamodbHeaders(operation), ...timeoutHeader(request), "Content-Length": payload.length },
    });
    call.on("response", (response) => this.read(attempt, request, response));
    call.on("error", (error: NodeJS.ErrnoException) => this.onAnswer(attempt, connectionAnswer(error)));
    call.end(payload);
  }

  flush(): void {
    // Each request was written when it was submitted.
  }

  close(): Promise<void> {
    this.agent.destroy();
    return Promise.resolve();
  }

  private read(attempt: number, request: Request, response: IncomingMessage): void {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      this.onAnswer(attempt, dynamodbAnswer(request, response.statusCode ?? 0, body));
    });
    response.on("error", (error: NodeJS.ErrnoException) => this.onAnswer(attempt, connectionAnswer(error)));
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
function timeoutHeader(request: Request): Record<string, string> {
  if (!("timeoutUs" in request) || request.timeoutUs === undefined) return {};
  return { "X-Wavetank-Timeout-Us": String(Math.max(1, Math.floor(request.timeoutUs))) };
}

/** A refused connection never carried the request; a lost one may have. */
function connectionAnswer(error: NodeJS.ErrnoException): Answer {
  if (error.code === "ECONNREFUSED") return { kind: "refused", code: "unavailable", message: error.message };
  return { kind: "unknown", code: "connection-lost", message: error.message };
}

function endpointUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new TypeError(`DynamoDB endpoint ${text}: expected an HTTP URL such as http://127.0.0.1:8000`);
  }
  return url;
}
