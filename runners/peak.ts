/**
 * `wavetank peak`: how much a service that speaks DynamoDB's JSON can take at most. A closed loop of connections, each asking as
 * soon as it is answered, by autocannon; puts first, then gets of what was put. Its latencies are those of the queue it makes
 * itself, so they are printed with that warning and never set beside an open-loop figure.
 */
import type { Answer, Request, TableSpec } from "../backend/api.ts";
import { startThreads } from "../backend/backend.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { second } from "../backend/kernel/units.ts";
import type { PeakOptions } from "./command-peak.ts";
import { measurePeak, peakRequest, type Peak } from "./saturate.ts";
import { DynamodbTarget } from "./targets/dynamodb.ts";
import { ask } from "./targets/target.ts";

const keys = 256;
const valueBytes = 100;

const table: TableSpec = {
  name: "wavetank-peak",
  hashKey: { name: "key", type: "S" },
  merge: "last-writer-wins",
  replication: { n: 3, r: 2, w: 2, sloppy: false },
  capacity: { kind: "unlimited" },
  partitions: 8,
};

/** Returns whether every answer was a success. */
export async function runPeak(options: PeakOptions, print: (text: string) => void): Promise<boolean> {
  const own = options.url === undefined ? await startReference() : null;
  const url = options.url ?? own!.urls.dynamodb!;
  try {
    await prepare(url);
    print(`${own === null ? url : `the reference: three nodes, N=3 W=2, every write on disk, at ${url}`}\n`);
    const { connections, forS: durationS } = options;
    let clean = true;
    for (const [name, requests] of [
      ["PutItem", puts()],
      ["GetItem, eventually consistent", gets(false)],
      ["GetItem, consistent", gets(true)],
    ] as const) {
      const peak = await measurePeak({ url, connections, durationS, requests: requests.map(peakRequest) });
      print(lineOf(name, peak));
      clean &&= peak.errors === 0;
    }
    print("closed loop: latency is that of a queue the probe itself makes, in whole milliseconds\n");
    return clean;
  } finally {
    await own?.close();
  }
}

function startReference() {
  const service = { kind: "tables", virtualNodes: 150, quorumTimeoutUs: 2 * second } as const;
  const deployment = { topology: oneRegion(3), service, durability: "log" } as const;
  return startThreads(deployment, { seed: 1, doors: { dynamodb: { port: 0 } } });
}

/** The table, whether or not an earlier probe left it there, and every item that will be read. */
async function prepare(url: string): Promise<void> {
  const target = new DynamodbTarget(url, 8);
  try {
    const created = await ask(target, { kind: "create-table", table });
    if (created.kind !== "ok" && !(created.kind === "refused" && created.code === "exists"))
      throw failed("create", created);
    for (const request of puts()) {
      const put = await ask(target, request);
      if (put.kind !== "ok") throw failed("fill", put);
    }
  } finally {
    await target.close();
  }
}

function failed(what: string, answer: Exclude<Answer, { kind: "ok" }>): Error {
  return new Error(`could not ${what} table ${table.name}: ${answer.code}: ${answer.message}`);
}

function puts(): Request[] {
  const value = { S: "v".repeat(valueBytes) };
  return keysOf().map((key) => ({ kind: "put", table: table.name, item: { key, value } }));
}

function gets(consistent: boolean): Request[] {
  return keysOf().map((key) => ({ kind: "get", table: table.name, key: { key }, consistent }));
}

function keysOf(): { S: string }[] {
  return Array.from({ length: keys }, (_, i) => ({ S: `key-${i}` }));
}

function lineOf(name: string, { requestsPerSecond, p50Ms, p99Ms, errors, connections }: Peak): string {
  const rate = Math.round(requestsPerSecond).toLocaleString("en-US");
  return `${name.padEnd(31)} ${rate.padStart(8)}/s  p50 ${p50Ms} ms  p99 ${p99Ms} ms  ${connections} connections, ${errors} errors\n`;
}
