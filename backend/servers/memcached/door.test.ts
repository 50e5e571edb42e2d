/** What no recorded dialogue shows: clients that lie, stall or flood, answers that come in parts, and a backend that fails. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import type { Answer, Request } from "../../api.ts";
import { packetOf, packetsOf } from "./dialogue-packets.fixture.ts";
import { Bindings } from "./dialogue.fixture.ts";
import { createMemcachedDoor } from "./door.ts";
import { MemoryBackend, MemoryDoor } from "./memory-door.fixture.ts";

function talk(
  line: { send(bytes: Buffer): void; readonly received: Buffer; keep(rest: Buffer): void },
  text: string,
): string {
  line.send(Buffer.from(text, "latin1"));
  const answer = line.received.toString("latin1");
  line.keep(Buffer.alloc(0));
  return answer;
}

test("a get of many large values is answered in order, in parts that a client takes one after the other", () => {
  const line = new MemoryDoor(new MemoryBackend()).connect();
  const value = "x".repeat(700_000);
  talk(line, `set a 0 0 700000\r\n${value}\r\nset b 0 0 1\r\ny\r\n`);
  const answer = talk(line, "get a b a c a b\r\nset a 0 0 1\r\nz\r\nget a\r\n");
  const a = `VALUE a 0 700000\r\n${value}\r\n`;
  const b = "VALUE b 0 1\r\ny\r\n";
  assert.ok(answer === `${a}${b}${a}${a}${b}END\r\nSTORED\r\nVALUE a 0 1\r\nz\r\nEND\r\n`);
});

test("a client that does not read is served no more, and cut off after five seconds", () => {
  const line = new MemoryDoor(new MemoryBackend()).connect();
  talk(line, `set a 0 0 300000\r\n${"x".repeat(300_000)}\r\n`);
  line.stalled = true;
  for (let i = 0; i < 100; i++) line.send(Buffer.from("get a\r\n"));
  assert.ok(line.writableLength < 400_000, `${line.writableLength} bytes wait`);
  for (let second = 0; second < 4; second++) line.connection.sweep();
  assert.equal(line.closed, false);
  line.connection.sweep();
  assert.equal(line.closed, true);
});

test("a client that reads again gets all that it asked for", () => {
  const line = new MemoryDoor(new MemoryBackend()).connect();
  talk(line, `set a 0 0 300000\r\n${"x".repeat(300_000)}\r\n`);
  line.stalled = true;
  for (let i = 0; i < 10; i++) line.send(Buffer.from("get a\r\n"));
  line.unstall();
  assert.equal(line.received.length, 10 * (300_000 + "VALUE a 0 300000\r\n\r\nEND\r\n".length));
});

test("a command that never ends ends its connection", () => {
  const door = new MemoryDoor(new MemoryBackend());
  const line = door.connect();
  line.send(Buffer.from("set a 0 0 100\r\nxxx"));
  assert.ok(door.kept > 0);
  for (let second = 0; second <= 60; second++) line.connection.sweep();
  assert.equal(line.closed, true);
  assert.equal(door.kept, 0);
});

test("twenty operations of one connection, then those of others", () => {
  const backend = new MemoryBackend();
  const sizes: number[] = [];
  const counting = {
    submit: (request: Request, done: (answer: Answer) => void): void => {
      if (request.kind === "cache") sizes.push(request.operations.length);
      backend.submit(request, done);
    },
  };
  const line = new MemoryDoor(counting as MemoryBackend).connect();
  talk(line, `get ${"a ".repeat(50)}\r\n${"get a\r\n".repeat(15)}`);
  assert.deepEqual(sizes, [20, 20, 20, 5]);
});

test("what the backend refuses is an error and no miss", () => {
  const failing = {
    submit: (_request: Request, done: (answer: Answer) => void): void =>
      done({ kind: "refused", code: "unavailable", message: "node 0 is down" }),
  };
  const line = new MemoryDoor(failing as unknown as MemoryBackend).connect();
  const error = "SERVER_ERROR node 0 is down\r\n";
  assert.equal(talk(line, "get a\r\n"), error);
  assert.equal(talk(line, "get a b c\r\n"), error);
  assert.equal(talk(line, "set a 0 0 1\r\nx\r\nmg a v\r\nmg a k\r\nmd a\r\nma a\r\nms a 1\r\nx\r\n"), error.repeat(6));
  assert.equal(talk(line, "stats\r\nstats reset\r\n"), error.repeat(2));
  assert.equal(talk(line, "mn\r\n"), "MN\r\n");
  const binary = new MemoryDoor(failing as unknown as MemoryBackend).connect();
  for (const key of ["", "reset"]) binary.send(packetOf({ opcode: "stat", key }, new Bindings()));
  const { packets } = packetsOf(binary.received, Infinity);
  const refused = [0x86, "node 0 is down"];
  assert.deepEqual(
    packets.map(({ status, value }) => [status, value]),
    [refused, refused],
  );
});

test("one connection too many is told so", async () => {
  const door = await createMemcachedDoor({
    host: "127.0.0.1",
    port: 0,
    backend: new MemoryBackend(),
    maxConnections: 1,
  });
  const port = Number(new URL(door.url).port);
  const first = connect(port, "127.0.0.1");
  first.write("mn\r\n");
  assert.equal(String((await once(first, "data"))[0]), "MN\r\n");
  const second = connect(port, "127.0.0.1");
  assert.equal(String((await once(second, "data"))[0]), "ERROR Too many open connections\r\n");
  second.destroy();
  first.destroy();
  await door.close();
});
