/**
 * The load program against a server of a few lines: what it sends is what was meant, a wrong byte ends it, and a server that stalls shows in
 * the latencies of all requests that were due meanwhile.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { ensureSystemPackages, findProgram } from "../system-packages.ts";
import { cacheKeys, compileCacheLoad, fillCache, measureCache } from "./memcached-load.ts";
import type { Bench, Target } from "./processes.ts";
import { withBench } from "./processes.ts";

ensureSystemPackages(["gcc", "libc6-dev"]);
const skip = findProgram(["cc"]) === undefined ? "no C compiler on the path" : false;
const load = { shape: "get", connections: 4, depth: 1, perSecond: 0, seconds: 0.3, seed: 1 } as const;

class Server {
  readonly values = new Map<string, string>();
  readonly asked = { get: 0, set: 0, mg: 0 };
  /** Changes what is answered. */
  lie = (answer: string): string => answer;
  /** Requests are left alone for so long once. */
  stallMs = 0;

  async listen(context: TestContext): Promise<Target> {
    const server = createServer((socket) => {
      let input = "";
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        input += bytes.toString("latin1");
        if (this.stallMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, this.stallMs);
        this.stallMs = 0;
        let answers = "";
        for (let end = input.indexOf("\r\n"); end !== -1; end = input.indexOf("\r\n")) {
          const [command, key] = input.slice(0, end).split(" ");
          const length = command === "set" ? 102 : 0;
          if (input.length < end + 2 + length) break;
          if (command === "set") this.values.set(key, input.slice(end + 2, end + 102));
          answers += this.lie(this.answer(command as "get", key));
          input = input.slice(end + 2 + length);
        }
        socket.write(answers, "latin1");
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => server.close());
    return { url: `memcached://127.0.0.1:${(server.address() as AddressInfo).port}`, pids: [process.pid] };
  }

  private answer(command: "get" | "set" | "mg", key: string): string {
    this.asked[command]++;
    const value = this.values.get(key);
    if (command === "set") return "STORED\r\n";
    if (command === "mg") return `VA 100\r\n${value}\r\n`;
    return `VALUE ${key} 0 100\r\n${value}\r\nEND\r\n`;
  }
}

async function filled(
  context: TestContext,
  body: (bench: Bench, program: string, target: Target, server: Server) => Promise<void>,
): Promise<void> {
  const server = new Server();
  const target = await server.listen(context);
  await withBench("test", async (bench) => {
    const program = await compileCacheLoad(bench);
    await fillCache(bench, program, target);
    assert.equal(server.values.size, cacheKeys);
    await body(bench, program, target, server);
  });
}

test("each shape sends its commands, and only right answers are counted", { skip }, (context) =>
  filled(context, async (bench, program, target, server) => {
    for (const shape of ["get", "set", "mg", "mixed"] as const) {
      Object.assign(server.asked, { get: 0, set: 0, mg: 0 });
      const { ok, failed, p50Ms, p99Ms } = await measureCache(bench, program, target, { ...load, shape, depth: 5 });
      const { get, set, mg } = server.asked;
      assert.ok(ok > 100 && ok <= get + set + mg, `${ok} of ${get + set + mg}`);
      assert.ok(failed === 0 && p50Ms > 0 && p50Ms <= p99Ms);
      if (shape !== "mixed") assert.equal(server.asked[shape], get + set + mg);
      else assert.ok(mg === 0 && set / (get + set) > 0.05 && set / (get + set) < 0.2, `${set} sets, ${get} gets`);
    }
    let answers = 0;
    server.lie = (answer) => (++answers === 300 ? answer.replace("key", "kex") : answer);
    await assert.rejects(measureCache(bench, program, target, load), /wrong answer after 29\d right ones/);
    server.lie = () => "";
    await assert.rejects(measureCache(bench, program, target, load), /answers are missing/);
  }),
);

test(
  "at a rate of its own it goes on while the server stalls, and counts from when requests were due",
  { skip },
  (context) =>
    filled(context, async (bench, program, target, server) => {
      const steady = { ...load, perSecond: 1_000, seconds: 1 };
      server.stallMs = 400;
      const { ok, perSecond, p99Ms } = await measureCache(bench, program, target, steady);
      assert.ok(ok > 850 && ok < 1_150, `${ok} of 1,000 by a Poisson process`);
      assert.ok(Math.abs(perSecond - ok) < 1);
      // 400 ms of 1,000 are 40 % of the requests: one in a hundred is late by nearly all of it.
      assert.ok(p99Ms > 350, `p99 ${p99Ms} ms`);
    }),
);
