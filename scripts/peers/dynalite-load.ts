/**
 * Reads and writes of items at a DynamoDB endpoint, driven by wrk: an official client costs a core a thousand requests a second,
 * which would measure the client.
 */
import type { Bench, Target } from "./processes.ts";
import type { Load, Measured } from "./wrk.ts";
import { doneLua, runWrk } from "./wrk.ts";

export type BenchOperation = "put" | "get" | "get-consistent";

/** Keys k00000 to k09999. */
export const keyCount = 10_000;
export const tableName = "bench";
/** The attribute beside the key; an item has about 100 bytes. */
export const payload = "x".repeat(90);

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

/** The requests are formatted once, before the clock starts. */
function script(operation: BenchOperation): string {
  const [before, after] = bodies[operation];
  const headers = Object.entries({ ...signedHeaders, "x-amz-target": `DynamoDB_20120810.${targets[operation]}` })
    .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
    .join("\n");
  return `wrk.method = "POST"
${headers}
local requests = {}
function init(args)
  math.randomseed(tonumber(args[1]))
  for i = 0, ${keyCount - 1} do
    requests[i] = wrk.format(nil, nil, nil, [[${before}]] .. string.format("k%05d", i) .. [[${after}]])
  end
end
function request()
  return requests[math.random(0, ${keyCount - 1})]
end
${doneLua}`;
}

/** Drives the target and returns what wrk saw. */
export function measure(bench: Bench, target: Target, operation: BenchOperation, load: Load): Promise<Measured> {
  const lua = script(operation);
  return runWrk(bench, target, { name: operation, lua, parameters: [String(load.seed)] }, load);
}
