/**
 * Clients in use speak to the door over a backend of two nodes: memjs (binary protocol) and memcached (text protocol), what they are told when something is
 * wrong included.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startThreads } from "../../backend.ts";
import type { ThreadsBackend } from "../../backend.ts";
import { oneRegion } from "../../kernel/topology.ts";
import { mebibyte } from "../../kernel/units.ts";

interface MemjsClient {
  get(key: string): Promise<{ value: Buffer | null; flags: Buffer | null }>;
  set(key: string, value: string | Buffer, options: { expires?: number }): Promise<boolean>;
  add(key: string, value: string, options: object): Promise<boolean>;
  replace(key: string, value: string, options: object): Promise<boolean>;
  append(key: string, value: string): Promise<boolean>;
  delete(key: string): Promise<boolean>;
  touch(key: string, expires: number): Promise<boolean>;
  increment(key: string, by: number, options: object): Promise<{ success: boolean; value: number | null }>;
  decrement(key: string, by: number, options: object): Promise<{ success: boolean; value: number | null }>;
  flush(): Promise<unknown>;
  close(): void;
}

/** Callbacks with (error, answer). */
interface TextClient {
  readonly [method: string]: (...parameters: unknown[]) => void;
}

const require = createRequire(import.meta.url);
const directory = mkdtempSync(join(tmpdir(), "memcached-clients-"));
let backend: ThreadsBackend;
let host: string;

before(async () => {
  backend = await startThreads(
    { topology: oneRegion(2), service: { kind: "cache", memoryBytes: 16 * mebibyte }, durability: "log" },
    {
      seed: 1,
      directory,
      threads: 1,
      doors: { memcached: { port: 0 } },
      onBroken: (error) => {
        throw error;
      },
    },
  );
  host = new URL(backend.urls.memcached!).host;
});

after(async () => {
  await backend.close();
  rmSync(directory, { recursive: true, force: true });
});

test("memjs", async () => {
  const { Client } = require("memjs") as { Client: { create(servers: string, options: object): MemjsClient } };
  const client = Client.create(host, { retries: 0, timeout: 5, logger: { log: () => undefined } });
  try {
    assert.equal(await client.set("wave", "three", { expires: 60 }), true);
    assert.equal((await client.get("wave")).value!.toString(), "three");
    assert.equal((await client.get("nothing")).value, null);
    assert.equal(await client.add("wave", "x", {}), false);
    assert.equal(await client.replace("nothing", "x", {}), false);
    assert.equal(await client.replace("wave", "four", {}), true);
    assert.equal(await client.append("wave", " metres"), true);
    assert.equal((await client.get("wave")).value!.toString(), "four metres");
    await assert.rejects(client.append("nothing", "x"), /not stored/);
    assert.equal(await client.touch("wave", 100), true);
    assert.equal(await client.touch("nothing", 100), false);
    assert.equal((await client.increment("count", 5, { initial: 7 })).value, 7);
    assert.equal((await client.increment("count", 5, {})).value, 12);
    assert.equal((await client.decrement("count", 20, {})).value, 0);
    const bytes = Buffer.alloc(900_000, "0123456789");
    assert.equal(await client.set("large", bytes, {}), true);
    assert.deepEqual((await client.get("large")).value, bytes);
    await assert.rejects(client.increment("wave", 1, {}));
    await assert.rejects(client.set("large", Buffer.alloc(1_100_000), {}));
    assert.equal((await client.get("large")).value, null, "what was too large to be replaced is gone");
    assert.equal(await client.delete("wave"), true);
    assert.equal(await client.delete("wave"), false);
    await client.flush();
    assert.equal((await client.get("count")).value, null);
  } finally {
    client.close();
  }
});

test("memcached", async () => {
  const Client = require("memcached") as new (servers: string, options: object) => TextClient;
  const client = new Client(host, { retries: 0, timeout: 5_000 });
  const ask = (method: string, ...parameters: unknown[]): Promise<unknown> =>
    promisify((done: (error: unknown, answer: unknown) => void) => client[method](...parameters, done))();
  try {
    assert.equal(await ask("set", "wave", "three", 60), true);
    assert.equal(await ask("get", "wave"), "three");
    assert.equal(await ask("get", "nothing"), undefined);
    await assert.rejects(ask("add", "wave", "x", 60), /not stored/i);
    await assert.rejects(ask("replace", "nothing", "x", 60), /not stored/i);
    assert.equal(await ask("replace", "wave", "four", 60), true);
    assert.equal(await ask("append", "wave", " metres"), true);
    assert.equal(await ask("prepend", "wave", "about "), true);
    const { cas, wave } = (await ask("gets", "wave")) as { cas: string; wave: string };
    assert.equal(wave, "about four metres");
    assert.equal(await ask("cas", "wave", "five", cas, 60), true);
    assert.equal(await ask("cas", "wave", "six", cas, 60), false);
    assert.equal(await ask("touch", "wave", 100), true);
    for (let i = 0; i < 40; i++) await ask("set", `key ${i}`.replace(" ", "-"), `value ${i}`, 0);
    const keys = Array.from({ length: 41 }, (_, i) => `key-${i}`);
    const many = (await ask("getMulti", keys)) as Record<string, string>;
    assert.equal(Object.keys(many).length, 40);
    assert.equal(many["key-39"], "value 39");
    assert.equal(await ask("set", "count", 7, 0), true);
    assert.equal(await ask("incr", "count", 5), 12);
    assert.equal(await ask("decr", "count", 20), 0);
    assert.equal(await ask("incr", "nothing", 1), false);
    await assert.rejects(ask("incr", "wave", 1), /non-numeric/);
    assert.equal(await ask("del", "wave"), true);
    assert.equal(await ask("del", "wave"), false);
    const [version] = (await ask("version")) as { version: string }[];
    assert.match(version.version, /^1\.6\./);
    const [stats] = (await ask("stats")) as Record<string, number>[];
    assert.ok(stats.cmd_set > 0);
    await ask("flush");
    assert.equal(await ask("get", "count"), undefined);
  } finally {
    client.end();
  }
});
