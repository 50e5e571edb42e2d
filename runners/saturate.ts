/**
 * The closed-loop peak of an HTTP service: autocannon with as many requests under way as connections, as fast as answers come.
 *
 * This finds capacity and nothing else. Its latencies are those of a queue the probe itself makes: they grow with `connections`,
 * come in whole milliseconds (no rate is asked for, so autocannon corrects nothing), and must never be set beside the open-loop figures of a run. Everything that shows them says
 * "closed loop".
 */
import autocannon from "autocannon";
import type { Request } from "../backend/api.ts";
import { dynamodbCall } from "./targets/dynamodb-request.ts";
import { dynamodbHeaders } from "./targets/dynamodb.ts";

export interface PeakOptions {
  /** The service, for instance http://127.0.0.1:8000. */
  readonly url: string;
  readonly connections: number;
  readonly durationS: number;
  /** Asked in turn by every connection. */
  readonly requests: readonly PeakRequest[];
  /** Threads of the probe; the default is one, in this thread. */
  readonly workers?: number;
}

export interface PeakRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Peak {
  readonly model: "closed loop";
  readonly connections: number;
  readonly requestsPerSecond: number;
  /** Whole milliseconds, of a closed loop. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Connection errors, timeouts and answers outside 200 to 299. A peak with errors is none. */
  readonly errors: number;
}

export async function measurePeak(options: PeakOptions): Promise<Peak> {
  const { url, connections, durationS, requests, workers } = options;
  const result = await autocannon({
    url,
    connections,
    duration: durationS,
    workers,
    pipelining: 1,
    requests: requests.map(({ method, path, headers, body }) => ({ method, path, headers: { ...headers }, body })),
  });
  return {
    model: "closed loop",
    connections,
    requestsPerSecond: result.requests.average,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.timeouts + result.non2xx,
  };
}

/** A table request as a probe of a service that speaks DynamoDB's JSON. */
export function peakRequest(request: Request): PeakRequest {
  const { operation, body } = dynamodbCall(request);
  return { method: "POST", path: "/", headers: dynamodbHeaders(operation), body: JSON.stringify(body) };
}
