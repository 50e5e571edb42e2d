/**
 * Any service that speaks DynamoDB's JSON 1.0 over HTTP: the reference's front door, ScyllaDB Alternator, DynamoDB Local.
 * Connections are kept alive and taken as needed up to a limit; beyond it attempts wait in the client, and that wait is latency.
 *
 * Requests carry an Authorization header of the right form signed with nothing: services that only look for one accept it.
 */
import { Agent, request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Answer, Request } from "../../backend/api.ts";
import { dynamodbAnswer } from "./dynamodb-answer.ts";
import { dynamodbCall } from "./dynamodb-request.ts";
import type { Target } from "./target.ts";

const authorization =
  "AWS4-HMAC-SHA256 Credential=wavetank/20260101/us-east-1/dynamodb/aws4_request, " +
  "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0000000000000000000000000000000000000000000000000000000000000000";

export class DynamodbTarget implements Target {
  onAnswer: (attempt: number, answer: Answer) => void = () => undefined;
  private readonly url: URL;
  private readonly agent: Agent;

  /** Throws on a URL that is not http: TLS has its own costs and no target yet. */
  constructor(url: string, connections = 256) {
    this.url = endpointUrl(url);
    this.agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "lifo" });
  }

  submit(attempt: number, request: Request): void {
    const { operation, body } = dynamodbCall(request);
    const payload = Buffer.from(JSON.stringify(body));
    const call = httpRequest({
      agent: this.agent,
      host: this.url.hostname,
      port: this.url.port,
      path: this.url.pathname,
      method: "POST",
      headers: {
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": payload.length,
        "X-Amz-Target": `DynamoDB_20120810.${operation}`,
        "X-Amz-Date": "20260101T000000Z",
        Authorization: authorization,
      },
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

/** A refused connection never carried the request; a lost one may have. */
function connectionAnswer(error: NodeJS.ErrnoException): Answer {
  if (error.code === "ECONNREFUSED") return { kind: "refused", code: "unavailable", message: error.message };
  return { kind: "unknown", code: "connection-lost", message: error.message };
}

function endpointUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "http:") {
    throw new TypeError(`DynamoDB endpoint ${text}: expected an http:// URL such as http://127.0.0.1:8000`);
  }
  return url;
}
