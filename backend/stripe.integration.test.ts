/** Charges through the door of a replicated backend: the official client's session, and one key sent a thousand times while nodes die. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "./api.ts";
import { startThreads } from "./backend.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond } from "./kernel/units.ts";
import { runStripeSession } from "./servers/stripe/session.ts";

const deployment: Deployment = {
  topology: oneRegion(3),
  service: { kind: "charges", log: { replicas: [0, 1, 2], leaseUs: 300 * millisecond } },
  durability: "log",
};

const headers = { authorization: "Bearer sk_test_integration", "content-type": "application/x-www-form-urlencoded" };

test("the official client's session against three replicas", async (t) => {
  const backend = await startThreads(deployment, { seed: 1, threads: 2, doors: { stripe: { port: 0 } } });
  t.after(() => backend.close());
  await runStripeSession(backend.urls.stripe!);
  await backend.quiet();
});

test("a thousand clients with one key make one charge and hear the same bytes, whoever dies meanwhile", async (t) => {
  const backend = await startThreads(deployment, { seed: 2, threads: 2, doors: { stripe: { port: 0 } } });
  t.after(() => backend.close());
  const url = `${backend.urls.stripe!}/v1/charges`;
  const bodies = new Set<string>();
  const statuses = new Map<number, number>();
  const life = { over: false };
  /** Asks until it is answered, and goes on while nodes die. */
  const client = async (): Promise<void> => {
    for (let answered = false; !answered || !life.over;) {
      const body = "amount=1999&currency=usd&source=tok_visa";
      const response = await fetch(url, { method: "POST", headers: { ...headers, "idempotency-key": "one" }, body });
      const text = await response.text();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      answered ||= response.status === 200;
      if (response.status === 200) bodies.add(text);
      else assert.ok([409, 429, 500, 503].includes(response.status), `${response.status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = Promise.all(Array.from({ length: 1_000 }, client));
  for (const node of [0, 1, 2]) {
    await backend.inject({ kind: "crash", nodes: [node] });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await backend.inject({ kind: "restart", nodes: [node] });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  life.over = true;
  await all;
  assert.equal(bodies.size, 1, [...bodies].join("\n"));
  assert.ok(statuses.size > 1, "no request met a dead node");
  const listed = (await (await fetch(url, { headers })).json()) as { data: { id: string }[] };
  assert.equal(listed.data.length, 1);
  const balance = await fetch(`${backend.urls.stripe!}/v1/balance`, { headers });
  assert.equal(((await balance.json()) as { available: { amount: number }[] }).available[0].amount, 1_999);
});
