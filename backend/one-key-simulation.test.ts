/**
 * One idempotency key, many clients at once, and each node in turn dying at each instant of what a charge goes through: begun, the network asked,
 * answered, finished, told. Whoever asks until it is answered hears of one and the same charge.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Deployment, Request } from "./api.ts";
import type { ChargesResult } from "./api-charges.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond, second } from "./kernel/units.ts";
import type { Micros, NodeId } from "./kernel/units.ts";
import { createSimulation } from "./simulated.ts";

const account = "acct_k";
const answerUs = 30 * millisecond;

const deployment: Deployment = {
  topology: oneRegion(3),
  service: {
    kind: "charges",
    log: { replicas: [0, 1, 2], leaseUs: 100 * millisecond },
    events: { sink: 2, by: "outbox" },
    network: { answerUs },
  },
  durability: "log",
};

const charge: Request = {
  kind: "charge-create",
  account,
  amount: 1_999,
  currency: "usd",
  source: "tok_visa",
  metadata: { order: "6735" },
  idempotency: { account, key: "one", fingerprint: "f" },
  timeoutUs: 500 * millisecond,
};

interface Outcome {
  /** Different answers, as text. */
  readonly heard: ReadonlySet<string>;
  readonly answered: number;
  readonly charges: number;
  readonly deliveries: number;
  readonly takenOver: number;
}

function play(clients: number, node: NodeId, dieAfterUs: Micros): Outcome {
  const backend = createSimulation(deployment, 1);
  backend.run(second);
  const heard = new Set<string>();
  let answered = 0;
  const client = (): void => {
    let open = true;
    const again = (): void => {
      if (!open) return;
      open = false;
      backend.at(backend.now + 25 * millisecond, client);
    };
    backend.at(backend.now + 700 * millisecond, again);
    backend.request(-1, charge, (answer) => {
      const result = answer.kind === "ok" ? (answer.result as ChargesResult) : undefined;
      if (result?.kind !== "charge") return again();
      heard.add(JSON.stringify(result.charge));
      if (open) answered++;
      open = false;
    });
  };
  for (let i = 0; i < clients; i++) client();
  backend.at(backend.now + dieAfterUs, () => backend.inject({ kind: "crash", nodes: [node] }));
  backend.at(backend.now + dieAfterUs + 200 * millisecond, () => backend.inject({ kind: "restart", nodes: [node] }));
  backend.run(8 * second);
  assert.ok(backend.settle(30 * second));
  const answers: Answer[] = [];
  backend.request(-1, { kind: "charge-list", account, limit: 100 }, (answer) => void answers.push(answer));
  backend.request(2, { kind: "deliveries-read", from: 0, limit: 100 }, (answer) => void answers.push(answer));
  backend.run(backend.now + second);
  const results = answers.map((answer) => (answer.kind === "ok" ? (answer.result as ChargesResult) : undefined));
  const list = results.find((result) => result?.kind === "list");
  const sink = results.find((result) => result?.kind === "deliveries");
  return {
    heard,
    answered,
    charges: list?.kind === "list" ? list.objects.length : -1,
    deliveries: sink?.kind === "deliveries" ? sink.deliveries.filter(({ duplicate }) => !duplicate).length : -1,
    takenOver: backend.counters()["takenOver"] as number,
  };
}

function assertOnce({ heard, answered, charges, deliveries }: Outcome, clients: number, when: string): void {
  assert.equal(heard.size, 1, `${when}: ${[...heard].join("\n")}`);
  assert.deepEqual({ answered, charges, deliveries }, { answered: clients, charges: 1, deliveries: 1 }, when);
}

test("each node dies at each instant of a charge", () => {
  let takenOver = 0;
  for (const node of [0, 1, 2]) {
    for (let dieAfterUs: Micros = 0; dieAfterUs <= 2 * answerUs; dieAfterUs += 2.5 * millisecond) {
      const outcome = play(12, node, dieAfterUs);
      assertOnce(outcome, 12, `node ${node} dies after ${dieAfterUs} us`);
      takenOver += outcome.takenOver;
    }
  }
  assert.ok(takenOver > 0, "nobody ever died while it asked the network");
});

test("a thousand clients", () => assertOnce(play(1_000, 0, answerUs), 1_000, "node 0 dies while the network is asked"));
