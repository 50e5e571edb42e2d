/**
 * The loads against servers of a few lines: what wrk sends is what was meant, and a server that answers what it did not do is found out.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { ensureSystemPackages, findProgram } from "../system-packages.ts";
import { measureCharging, prepareCharges } from "./charges-load.ts";
import { measureEtcd } from "./etcd-load.ts";
import type { Target } from "./processes.ts";
import { withBench } from "./processes.ts";

ensureSystemPackages(["wrk"]);
const skip = findProgram(["wrk"]) === undefined ? "no wrk on the path" : false;
const load = { seconds: 1, connections: 4, seed: 1 };

interface Asked {
  readonly path: string;
  readonly key: string | undefined;
  readonly body: string;
}

type Reply = readonly [status: number, body: unknown];

async function serve(context: TestContext, answer: (asked: Asked) => Reply): Promise<Target> {
  const server = createServer(async (request, response) => {
    const key = request.headers["idempotency-key"] as string | undefined;
    const [status, body] = answer({ path: request.url!, key, body: await text(request) });
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => (server.closeAllConnections(), server.close()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, pids: [process.pid] };
}

test(
  "charges: fresh keys, customers in turn, refusals counted as such, and the balance is compared",
  { skip },
  async (context) => {
    const keys = new Set<string>();
    const forms = new Set<string>();
    let [asked, usd, customers] = [0, 0, 0];
    let isHonest = true;
    const target = await serve(context, ({ path, key, body }) => {
      if (path === "/v1/customers") return [200, { id: `cus_${++customers}` }];
      if (path === "/v1/balance") return [200, { available: [{ amount: usd, currency: "usd" }], pending: [] }];
      const form = new URLSearchParams(body);
      keys.add(key ?? "none");
      forms.add([...form.keys(), form.get("currency"), form.get("source"), form.get("customer")].join(" "));
      asked++;
      if (asked % 10 === 0) return [409, {}];
      if (isHonest) usd += Number(form.get("amount"));
      return [200, { id: "ch_1" }];
    });
    await withBench("test", async (bench) => {
      const ids = await prepareCharges(bench, target, 3);
      const { ok, failed } = await measureCharging(bench, target, ids, load);
      assert.ok(ok > 50 && failed >= ok / 10 - 2 && failed <= ok / 8, `${ok} answered 200, ${failed} answered 409`);
      assert.equal(keys.size, asked, "a key each");
      assert.deepEqual(
        [...forms].sort(),
        [1, 2, 3].map((customer) => `amount currency source customer usd tok_visa cus_${customer}`),
      );
      isHonest = false;
      await assert.rejects(measureCharging(bench, target, ids, load), /balance grew by 0; expected \d+ to \d+/);
    });
  },
);

test("etcd: keys and values in base64, and revisions and lengths are compared", { skip }, async (context) => {
  const wrong = new Set<string>();
  let [revision, storing, finding] = [0, true, true];
  const target = await serve(context, ({ path, body }) => {
    const asked = JSON.parse(body) as { key: string; value?: string };
    const key = Buffer.from(asked.key, "base64").toString();
    const value = Buffer.from(`${key} `.repeat(10).slice(0, 128)).toString("base64");
    if (!/^key-0000\d{4}$/.test(key) || (path === "/v3/kv/put" && asked.value !== value)) wrong.add(body);
    if (path === "/v3/kv/put" && storing) revision++;
    const isFound = path === "/v3/kv/range" && (finding || key === "key-00000000");
    return [200, { header: { revision: String(revision) }, kvs: isFound ? [{ key: asked.key, value }] : [] }];
  });
  await withBench("test", async (bench) => {
    for (const operation of ["put", "range"] as const) {
      const { ok, failed } = await measureEtcd(bench, target, operation, load);
      assert.ok(ok > 50 && failed === 0, `${ok} ${operation}s answered, ${failed} not`);
    }
    assert.deepEqual([...wrong], []);
    finding = false;
    await assert.rejects(measureEtcd(bench, target, "range", load), /range under load is answered with \d+ bytes/);
    storing = false;
    await assert.rejects(measureEtcd(bench, target, "put", load), /the revision grew by 0/);
  });
});
