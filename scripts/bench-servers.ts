/**
 * The servers that are compared, each a child process on a free port of 127.0.0.1 with its files in a folder of its own on the
 * same disk. Neither is pinned to a processor and both are ended by their process id.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { keyCount, payload, signedHeaders, tableName } from "./bench-wrk.ts";

export interface Server {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, "..");
const seedConcurrency = 64;
const stopPatienceMs = 5_000;

/**
 * This project's: three nodes, each with a synced log; a write is answered when two of its three copies are on disk. All nodes share
 * one thread, as dynalite has one: the load generator and the kernel take the second processor, and a second thread would raise
 * reads further but cost writes more in messages between threads than it gives.
 */
export async function startWavetank(folder: string): Promise<Server> {
  const data = join(folder, "wavetank");
  const flags = ["serve", "--port", "0", "--nodes", "3", "--threads", "1", "--quorum", "3,2,2", "--data", data];
  const child = launch([join(root, "bin", "wavetank.js"), ...flags], root);
  const [url] = await lineOf(child, /^ready\s+(http:\S+)/);
  return { name: "wavetank", url, stop: () => stop(child) };
}

/** npm's dynalite over LevelDB on disk: one copy, never synced. */
export async function startDynalite(folder: string): Promise<Server> {
  const data = join(folder, "dynalite");
  mkdirSync(data);
  const port = await freePort();
  const flags = ["--host", "127.0.0.1", "--port", String(port), "--path", data, "--createTableMs", "0"];
  const child = launch([join(root, "node_modules", "dynalite", "cli.js"), ...flags], root);
  const [url] = await lineOf(child, /^Dynalite listening at: (http:\S+)/);
  return { name: "dynalite", url, stop: () => stop(child) };
}

/** Creates the table, writes every key once, and reads a few back to see that they arrive whole. */
export async function prepare({ name, url }: Server): Promise<void> {
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
  await verify({ name, url });
}

/** Items come back as they were put, by both kinds of read; a key that was never put does not. */
export async function verify({ name, url }: Pick<Server, "name" | "url">): Promise<void> {
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

function launch(command: readonly string[], cwd: string): ChildProcess {
  return spawn(process.execPath, command, { cwd, stdio: ["ignore", "pipe", "inherit"] });
}

/** Waits for the line that says where the server listens. */
async function lineOf(child: ChildProcess, wanted: RegExp): Promise<string[]> {
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) {
    const found = wanted.exec(line);
    if (found === null) continue;
    child.stdout!.resume();
    return found.slice(1);
  }
  throw new Error(`process ${child.pid} ended before it was ready: ${child.spawnargs.join(" ")}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), stopPatienceMs);
  await ended;
  clearTimeout(late);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
