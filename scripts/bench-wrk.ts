/**
 * One closed-loop measurement of a DynamoDB endpoint with Debian's wrk: a C program on its own thread, so what it costs stays
 * small beside what it measures (an official client costs a core a thousand requests a second). Closed loop means that the rate
 * is what the server can do with so many connections, and the latency is the one at that rate.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

export type BenchOperation = "put" | "get" | "get-consistent";

/** Keys k00000 to k09999. */
export const keyCount = 10_000;
export const tableName = "bench";
/** The attribute beside the key; an item has about 100 bytes. */
export const payload = "x".repeat(90);

export interface Measured {
  /** Answers with status 200 a second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers with another status, and connections that failed. */
  readonly failed: number;
}

/** Any signature is taken by both servers, but there must be one. */
export const signedHeaders = {
  "content-type": "application/x-amz-json-1.0",
  "x-amz-date": "20260101T000000Z",
  authorization: "AWS4-HMAC-SHA256 Credential=a/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=f",
};

const targets: Record<BenchOperation, string> = { put: "PutItem", get: "GetItem", "get-consistent": "GetItem" };

/** Bodies before and after the key. Each is built once a request, from two constants. */
const bodies: Record<BenchOperation, readonly [string, string]> = {
  put: [`{"TableName":"${tableName}","Item":{"id":{"S":"`, `"},"value":{"S":"${payload}"}}}`],
  get: [`{"TableName":"${tableName}","Key":{"id":{"S":"`, `"}}}`],
  "get-consistent": [`{"TableName":"${tableName}","Key":{"id":{"S":"`, `"}},"ConsistentRead":true}`],
};

/** The requests are formatted once, before the clock starts; `done` prints one line that this file reads back. */
function script(operation: BenchOperation): string {
  const [before, after] = bodies[operation];
  const headers = Object.entries({ ...signedHeaders, "x-amz-target": `DynamoDB_20120810.${targets[operation]}` })
    .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
    .join("\n");
  return `wrk.method = "POST"
${headers}
local requests = {}
local at = 0
function init(args)
  math.randomseed(tonumber(args[1]))
  for i = 0, ${keyCount - 1} do
    requests[i] = wrk.format(nil, nil, nil, [[${before}]] .. string.format("k%05d", i) .. [[${after}]])
  end
end
function request()
  return requests[math.random(0, ${keyCount - 1})]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("measured %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.status + e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
`;
}

export interface Load {
  readonly seconds: number;
  readonly connections: number;
  /** Of the order of keys. */
  readonly seed: number;
}

/** Drives `url` and returns what wrk saw. */
export async function measure(url: string, operation: BenchOperation, load: Load, folder: string): Promise<Measured> {
  const path = join(folder, `${operation}.lua`);
  writeFileSync(path, script(operation));
  const flags = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`, "--timeout", "10s", "-s", path, `${url}/`];
  const { stdout } = await promisify(execFile)("wrk", [...flags, "--", String(load.seed)], { encoding: "utf8" });
  const figures = /^measured (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout);
  if (figures === null) throw new Error(`wrk printed no figures; it printed:\n${stdout}`);
  const [requests, durationUs, failed, p50Us, p99Us] = figures.slice(1).map(Number);
  const perSecond = ((requests - failed) / durationUs) * 1e6;
  return { perSecond, p50Ms: p50Us / 1_000, p99Ms: p99Us / 1_000, failed };
}
