/**
 * The servers that are compared, each a child process on a free port of 127.0.0.1 with its files in a folder of its own on the
 * same disk. Neither is pinned to a processor and both are ended by their process id.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { keyCount, payload, signedHeaders, tableName } from "./dynalite-load.ts";
import type { Bench, Target } from "./processes.ts";
import { freePorts, launch, ready } from "./processes.ts";

export interface Server extends Target {
  readonly name: string;
}

const root = join(import.meta.dirname, "..", "..");
const seedConcurrency = 64;

/**
 * This project's: three nodes, each with a synced log; a write is answered when two of its three copies are on disk. All nodes share
 * one thread, as dynalite has one: the load generator and the kernel take the second processor, and a second thread would raise
 * reads further but cost writes more in messages between threads than it gives.
 */
export function startWavetank(bench: Bench): Promise<Server> {
  const data = join(bench.folder, "wavetank");
  const flags = ["serve", "--port", "0", "--nodes", "3", "--threads", "1", "--quorum", "3,2,2", "--data", data];
  return startServer(bench, "wavetank", [join(root, "bin", "wavetank.js"), ...flags], /^ready\s+(http:\S+)/m);
}

/** npm's dynalite over LevelDB on disk: one copy, never synced. */
export async function startDynalite(bench: Bench): Promise<Server> {
  const data = join(bench.folder, "dynalite");
  mkdirSync(data);
  const [port] = await freePorts(1);
  const flags = ["--host", "127.0.0.1", "--port", String(port), "--path", data, "--createTableMs", "0"];
  const program = join(root, "node_modules", "dynalite", "cli.js");
  return startServer(bench, "dynalite", [program, ...flags], /^Dynalite listening at: (http:\S+)/m);
}

/** Waits for the line that says where the server listens. */
async function startServer(bench: Bench, name: string, flags: readonly string[], wanted: RegExp): Promise<Server> {
  const server = launch(bench, { name, command: [process.execPath, ...flags] });
  const url = await ready(bench, server, () => wanted.exec(server.log())?.[1]);
  return { name, url, pids: [server.child.pid!] };
}

/** Creates the table, writes every key once, and reads a few back to see that they arrive whole. */
export async function prepare(server: Server): Promise<void> {
  const { url } = server;
  await ask(url, "CreateTable", {
    TableName: tableName,
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  });
  for (let status = ""; status !== "ACTIVE";) {
    const { Table } = (await ask(url, "DescribeTable", { TableName: tableName })) as { Table: { TableStatus: string } };
    status = Table.TableStatus;
  }
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < keyCount) {
      const item = { id: { S: keyName(next++) }, value: { S: payload } };
      await ask(url, "PutItem", { TableName: tableName, Item: item });
    }
  };
  await Promise.all(Array.from({ length: seedConcurrency }, writer));
  await verify(server);
}

/** Items come back as they were put, by both kinds of read; a key that was never put does not. */
export async function verify({ name, url }: Server): Promise<void> {
  for (const index of [0, 1, 4_321, keyCount - 1, keyCount]) {
    for (const consistent of [false, true]) {
      const key = { id: { S: keyName(index) } };
      const request = { TableName: tableName, Key: key, ConsistentRead: consistent };
      const { Item } = (await ask(url, "GetItem", request)) as { Item?: unknown };
      const expected = index < keyCount ? { ...key, value: { S: payload } } : undefined;
      if (JSON.stringify(Item) !== JSON.stringify(expected)) {
        const got = JSON.stringify(Item);
        throw new Error(`${name} answers GetItem of ${key.id.S} with ${got}; expected ${JSON.stringify(expected)}`);
      }
    }
  }
}

function keyName(index: number): string {
  return `k${String(index).padStart(5, "0")}`;
}

async function ask(url: string, operation: string, body: object): Promise<unknown> {
  const headers = { ...signedHeaders, "x-amz-target": `DynamoDB_20120810.${operation}` };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${operation} at ${url} was answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
