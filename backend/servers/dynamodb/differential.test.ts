/**
 * The door against dynalite, an independent implementation whose error messages were recorded from the service: the same
 * requests, good and bad, in the same order to both, and the same statuses, types, messages and answers expected back.
 * Where they differ on purpose, `differs` says why; a difference that vanishes fails the test too.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRequire } from "node:module";
import { createDynamoDoor } from "./door.ts";
import { MemoryTables } from "../../services/items/memory-tables.ts";
import { cases, setup } from "./differential-cases.fixture.ts";
import { runDynamoSession } from "./session.ts";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { DoorBackend } from "./dispatch.ts";
import type { DynamoDoor } from "./door.ts";
import type { Case } from "./differential-case.fixture.ts";

const dynalite = createRequire(import.meta.url)("dynalite") as (options: object) => Server;

let oracle: Server;
let oracleUrl: string;
let door: DynamoDoor;

before(async () => {
  oracle = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  await new Promise<void>((resolve) => oracle.listen(0, "127.0.0.1", () => resolve()));
  oracleUrl = `http://127.0.0.1:${(oracle.address() as AddressInfo).port}`;
  const tables = new MemoryTables();
  const backend: DoorBackend = { submit: (request, done) => done(tables.handle(request)) };
  door = await createDynamoDoor({ host: "127.0.0.1", port: 0, reusePort: false, nodes: 3, backend });
  for (const { operation, body } of setup) {
    await ask(oracleUrl, { operation, body });
    await ask(door.url, { operation, body });
  }
  await waitUntilActive();
});

after(async () => {
  await door.close();
  await new Promise((resolve) => oracle.close(resolve));
});

async function waitUntilActive(): Promise<void> {
  for (const { body } of setup) {
    for (;;) {
      const { TableName } = body as { TableName: string };
      const { text } = await ask(oracleUrl, { operation: "DescribeTable", body: { TableName } });
      if (text.includes("ACTIVE")) break;
    }
  }
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

const signature = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f";

async function ask(
  url: string,
  { operation, body, headers }: Pick<Case, "operation" | "body" | "headers">,
): Promise<Reply> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "x-amz-date": "20260101T000000Z",
      authorization: signature,
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/** What is compared: status, and the body without what only a clock or a random number decides. */
function comparable({ status, text }: Reply): unknown {
  const body = JSON.parse(text, (name, value: unknown) => {
    if (
      /^(?:CreationDateTime|LastUpdateToPayPerRequestDateTime|TableArn|TableId|TableStatus|TableThroughputModeSummary)$/.test(
        name,
      )
    ) {
      return undefined;
    }
    if (name === "ItemCount" || name === "TableSizeBytes") return 0;
    return value;
  }) as object;
  return { status, body };
}

test("the door answers as the oracle does", async () => {
  const failures: string[] = [];
  for (const each of cases) {
    const theirs = comparable(await ask(oracleUrl, each));
    const ours = comparable(await ask(door.url, each));
    const differ = JSON.stringify(sorted(ours)) !== JSON.stringify(sorted(theirs));
    if (differ === (each.differs !== undefined)) continue;
    const request = `${each.operation} ${typeof each.body === "string" ? each.body : JSON.stringify(each.body)}`;
    failures.push(`${request.slice(0, 400)}\n  oracle ${JSON.stringify(theirs)}\n  door   ${JSON.stringify(ours)}`);
  }
  assert.ok(cases.length >= 250);
  assert.deepEqual(failures, [], `${failures.length} of ${cases.length} requests\n${failures.join("\n")}`);
});

/** Members in one order: JSON objects have none. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, sorted(member)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

test("the official client's session passes against the oracle too", () => runDynamoSession(oracleUrl, false));
