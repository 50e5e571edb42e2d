/** `wavetank serve` as a user has it: a process, its ready line, the official client, Ctrl-C. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { runDynamoSession } from "../backend/servers/dynamodb/session.ts";

const launcher = fileURLToPath(new URL("../bin/wavetank.js", import.meta.url));

/** A running `wavetank serve` whose temporary files all lie in `temporary`. */
class Served {
  readonly temporary: string;
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  private output = "";

  constructor(folder: string, flags: readonly string[]) {
    this.temporary = path.join(folder, "tmp");
    mkdirSync(this.temporary, { recursive: true });
    this.child = spawn(process.execPath, [launcher, "serve", "--port", "0", ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, TMPDIR: this.temporary },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (part: Buffer) => {
        this.output += part.toString();
        this.child.emit("output");
      });
    }
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
  }

  /** The endpoint that the ready line names. */
  async url(): Promise<string> {
    for (;;) {
      const ready = /^ready {2}(http:\S+)$/m.exec(this.output);
      if (ready !== null) return ready[1];
      if (this.child.exitCode !== null) assert.fail(`ended without being ready:\n${this.output}`);
      await new Promise((resolve) => {
        this.child.once("output", resolve);
        this.child.once("close", resolve);
      });
    }
  }

  /** Ends it with a signal; resolves to its exit code and all it said. */
  async end(signal: NodeJS.Signals): Promise<{ code: number | null; output: string }> {
    this.child.kill(signal);
    return { code: await this.ended, output: this.output };
  }
}

async function served(t: TestContext, folder: string, ...flags: string[]): Promise<{ server: Served; url: string }> {
  const server = new Served(folder, flags);
  t.after(() => server.end("SIGKILL"));
  return { server, url: await server.url() };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-served-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function clientOf(t: TestContext, endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: "any", secretAccessKey: "any" };
  const client = new DynamoDBClient({ endpoint, region: "local", credentials, maxAttempts: 1 });
  t.after(() => client.destroy());
  return client;
}

function tableOf(name: string, more: Partial<CreateTableCommandInput>): CreateTableCommand {
  return new CreateTableCommand({
    TableName: name,
    AttributeDefinitions: [{ AttributeName: "k", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "k", KeyType: "HASH" }],
    ...more,
  });
}

test("the official client's session, errors included; Ctrl-C ends it and leaves no file", async (t) => {
  const { server, url } = await served(t, folderOf(t));
  await runDynamoSession(url);
  assert.equal(readdirSync(server.temporary).length, 1);
  const { code, output } = await server.end("SIGINT");
  assert.equal(code, 130, output);
  assert.match(output, /\(removed at the end\)[\s\S]*closing\n$/);
  assert.deepEqual(readdirSync(server.temporary), []);
});

test("a provisioned table throttles what is beyond its throughput and its savings", async (t) => {
  const { url } = await served(t, folderOf(t));
  const client = clientOf(t, url);
  const ProvisionedThroughput = { ReadCapacityUnits: 8, WriteCapacityUnits: 8 };
  const Tags = [{ Key: "wavetank:capacity", Value: "fixed" }];
  await client.send(tableOf("plain", { ProvisionedThroughput }));
  await client.send(tableOf("fixed", { ProvisionedThroughput, Tags }));
  const text = "x".repeat(50_000);
  /** Units written to one key until the table refuses; at most 2,000. */
  const taken = async (TableName: string): Promise<number> => {
    const put = new PutItemCommand({
      TableName,
      Item: { k: { S: "hot" }, text: { S: text } },
      ReturnConsumedCapacity: "TOTAL",
    });
    for (let units = 0; units < 2_000;) {
      try {
        units += (await client.send(put)).ConsumedCapacity?.CapacityUnits ?? 0;
      } catch (error) {
        assert.ok(error instanceof ProvisionedThroughputExceededException, String(error));
        assert.equal(error.$metadata.httpStatusCode, 400);
        return units;
      }
    }
    return Infinity;
  };
  const fixed = await taken("fixed");
  const saved = await taken("plain");
  assert.ok(fixed < saved && saved < Infinity, `fixed took ${fixed} units, one with savings ${saved}`);
  const read = new GetItemCommand({ TableName: "fixed", Key: { k: { S: "hot" } }, ConsistentRead: true });
  assert.equal((await client.send(read)).Item?.text.S, text);
});

test("with --data, tables and items are there at the next start, and everything is gone with the folder", async (t) => {
  const folder = folderOf(t);
  const data = path.join(folder, "data");
  const first = await served(t, folder, "--data", data);
  const client = clientOf(t, first.url);
  await client.send(tableOf("kept", { BillingMode: "PAY_PER_REQUEST" }));
  const item = { k: { S: "wave" }, height: { N: "3" } };
  await client.send(new PutItemCommand({ TableName: "kept", Item: item }));
  const before = await client.send(new DescribeTableCommand({ TableName: "kept" }));
  assert.equal((await first.server.end("SIGTERM")).code, 143);

  const second = await served(t, folder, "--data", data);
  const again = clientOf(t, second.url);
  assert.deepEqual((await again.send(new ListTablesCommand({}))).TableNames, ["kept"]);
  const after = await again.send(new DescribeTableCommand({ TableName: "kept" }));
  assert.deepEqual(after.Table, before.Table);
  const ageMs = Date.now() - (after.Table?.CreationDateTime?.getTime() ?? 0);
  assert.ok(ageMs >= 0 && ageMs < 60_000, `made ${ageMs} ms ago`);
  const get = new GetItemCommand({ TableName: "kept", Key: { k: { S: "wave" } }, ConsistentRead: true });
  assert.deepEqual((await again.send(get)).Item, item);
  await assert.rejects(again.send(tableOf("kept", { BillingMode: "PAY_PER_REQUEST" })), {
    name: "ResourceInUseException",
  });
  assert.equal((await second.server.end("SIGINT")).code, 130);
  assert.deepEqual(readdirSync(second.server.temporary), []);
});
