/** The outbox of a replicated charge service in a JetStream stream, while nodes die and the bridge is replaced. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import type { Answer, Deployment, Request } from "../../backend/api.ts";
import type { ChargeChange, ChargeEvent } from "../../backend/api-charges.ts";
import { startThreads } from "../../backend/backend.ts";
import { oneRegion } from "../../backend/kernel/topology.ts";
import { millisecond } from "../../backend/kernel/units.ts";
import { OutboxBridge } from "../../backend/outbox-bridge.ts";
import { openNats } from "../agents/nats-transport.ts";
import { startNats } from "../agents/nats-server.fixture.ts";
import { openJetStreamSink } from "./jetstream-sink.ts";

const deployment: Deployment = {
  topology: oneRegion(3),
  service: { kind: "charges", log: { replicas: [0, 1, 2], leaseUs: 300 * millisecond } },
  durability: "log",
};

const account = "acct_a";

test("every event is in the stream once, those of a charge in order, whoever dies meanwhile", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-nats-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const url = await startNats(t, "-js", "-sd", directory);
  if (url === null) return t.skip("no nats-server");
  const backend = await startThreads(deployment, { seed: 3, threads: 2 });
  t.after(() => backend.close());
  const sink = await openJetStreamSink(url, "charges");
  t.after(() => sink.close());
  const request = (body: Request): Promise<Answer> =>
    backend.request({ ...body, timeoutUs: 500 * millisecond } as Request);
  let bridge = new OutboxBridge(request, sink, { intervalMs: 5 });

  const clients = Array.from({ length: 8 }, (_, client) => chargeAndRefund(request, client, 25));
  await backend.inject({ kind: "crash", nodes: [0] });
  await bridge.stop();
  bridge = new OutboxBridge(request, sink, { intervalMs: 5 });
  await backend.inject({ kind: "restart", nodes: [0] });
  await Promise.all(clients);
  for (let left = 1; left > 0;) {
    const answer = await request({ kind: "outbox-read", limit: 10 });
    if (answer.kind === "ok" && answer.result.kind === "outbox") left = answer.result.events.length;
  }
  await bridge.stop();

  const events = await eventsIn(url);
  assert.equal(events.length, 8 * 25 * 2);
  assert.equal(new Set(events.map(({ id }) => id)).size, events.length, "stored once");
  const sequences = new Map<string, number>();
  for (const { subject, sequence } of events) {
    assert.equal(sequence, (sequences.get(subject) ?? 0) + 1, `the events of ${subject} are in order`);
    sequences.set(subject, sequence);
  }
});

/** Each client makes so many charges and gives each back; with one key, it asks until it is answered. */
async function chargeAndRefund(
  request: (body: Request) => Promise<Answer>,
  client: number,
  charges: number,
): Promise<void> {
  const until = async (change: ChargeChange): Promise<string> => {
    for (;;) {
      const answer = await request(change);
      if (answer.kind !== "ok") await new Promise((resolve) => setTimeout(resolve, 10));
      else if (answer.result.kind === "charge") return answer.result.charge.id;
      else if (answer.result.kind === "refund") return answer.result.refund.id;
      else assert.fail(JSON.stringify(answer));
    }
  };
  for (let i = 0; i < charges; i++) {
    const key = (name: string) => ({
      account,
      idempotency: { account, key: `${name}-${client}-${i}`, fingerprint: name },
    });
    const made = { kind: "charge-create", amount: 500, currency: "usd", source: "tok_visa", metadata: {} } as const;
    const charge = await until({ ...made, ...key("charge") });
    await until({ kind: "refund-create", charge, metadata: {}, ...key("refund") });
  }
}

async function eventsIn(url: string): Promise<ChargeEvent[]> {
  const connection = await openNats(url, "test");
  const consumer = await jetstream(connection).consumers.get("charges");
  const { num_pending: count } = await consumer.info();
  const events: ChargeEvent[] = [];
  if (count > 0) {
    for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) {
      events.push(message.json<ChargeEvent>());
      assert.equal(message.subject, `charges.${events.at(-1)!.type}`);
    }
  }
  await connection.close();
  return events;
}
