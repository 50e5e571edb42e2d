/**
 * One client, one request after the other, nothing failing: etcd's store and the charges on a log must then be the same in the simulation
 * and on the threads, answer for answer, and every replica must have the same state. What tells the time of day is left out.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Answer, Deployment, Request, ServiceSpec } from "./api.ts";
import type { ChargeChange, ChargesRequest } from "./api-charges.ts";
import type { Comparison, KeyRange, KeysRequest, TxnStep } from "./api-coordination.ts";
import { startThreads } from "./backend.ts";
import { Random } from "./kernel/random.ts";
import { oneRegion } from "./kernel/topology.ts";
import { second } from "./kernel/units.ts";
import type { NodeId } from "./kernel/units.ts";
import { createSimulation } from "./simulated.ts";

const nodes = 3;
const requests = 300;

/** A backend that has come to rest after each answer. */
type Side = (request: Request, entry: NodeId) => Promise<Answer>;

function deploymentOf(kind: "keys" | "charges"): Deployment {
  // A lease that outlasts the test: no slow moment of the machine makes another leader.
  const service: ServiceSpec = { kind, log: { replicas: [0, 1, 2], leaseUs: 60 * second, heartbeatUs: second / 10 } };
  return { topology: oneRegion(nodes), service, durability: "log" };
}

function simulated(deployment: Deployment, seed: number): Side {
  const backend = createSimulation(deployment, seed);
  return (request, entry) => {
    const answers: Answer[] = [];
    backend.request(entry, request, (given) => void answers.push(given));
    const limit = backend.now + 10 * second;
    while (answers.length === 0 && backend.now < limit) backend.run(backend.now + 1_000);
    backend.settle(10 * second);
    return answers.length === 1 ? Promise.resolve(answers[0]) : Promise.reject(new Error("no answer"));
  };
}

async function threaded(t: TestContext, deployment: Deployment, seed: number): Promise<Side> {
  const backend = await startThreads(deployment, { seed, threads: 2 });
  t.after(() => backend.close());
  return async (request, entry) => {
    const answer = await backend.request(request, entry);
    await backend.quiet();
    return answer;
  };
}

/** What an object was named tells when it was made. Here names count, in the order in which a side first says them. */
const named = /\b(ch|re|cus|evt)_1[0-9A-Za-z]{15}\b/g;

/** One side and its names. */
class Named {
  private readonly side: Side;
  private readonly counted = new Map<string, string>();
  private readonly own = new Map<string, string>();

  constructor(side: Side) {
    this.side = side;
  }

  /** Answers without instants, and without what is left of a lease. */
  async ask(request: Request, entry: NodeId): Promise<Answer> {
    const text = JSON.stringify(request).replace(/\w+_~\d+/g, (name) => this.own.get(name) ?? name);
    const answer = await this.side(JSON.parse(text) as Request, entry);
    const timely = new Set(["created", "ttlS"]);
    const timeless = JSON.stringify(answer, (name, value: unknown) => (timely.has(name) ? 0 : value));
    return JSON.parse(timeless.replace(named, (own, kind: string) => this.count(own, kind))) as Answer;
  }

  private count(own: string, kind: string): string {
    const known = this.counted.get(own);
    if (known !== undefined) return known;
    const name = `${kind}_~${this.counted.size}`;
    this.counted.set(own, name);
    this.own.set(name, own);
    return name;
  }
}

/** Asks both sides the same and holds their answers together. */
class Pair {
  /** How often a kind of request ended in which way. */
  readonly outcomes = new Map<string, number>();
  private readonly sides: readonly [Named, Named];
  private readonly seed: number;

  constructor(simulation: Side, threads: Side, seed: number) {
    this.sides = [new Named(simulation), new Named(threads)];
    this.seed = seed;
  }

  async ask(request: Request, entry: NodeId): Promise<Answer> {
    const [simulation, threads] = this.sides;
    const expected = await simulation.ask(request, entry);
    const what = `seed ${this.seed}, at node ${entry}: ${JSON.stringify(request)}`;
    assert.deepEqual(await threads.ask(request, entry), expected, what);
    const ending = expected.kind === "ok" ? expected.result.kind : expected.code;
    const outcome = `${request.kind} ${ending}`;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    return expected;
  }

  /** The requests must have been worth asking. */
  hasSeen(...outcomes: readonly string[]): void {
    for (const outcome of outcomes)
      assert.ok(this.outcomes.has(outcome), `none ended as "${outcome}": ${JSON.stringify([...this.outcomes])}`);
  }
}

async function pairOf(t: TestContext, kind: "keys" | "charges", seed: number): Promise<Pair> {
  const deployment = deploymentOf(kind);
  return new Pair(simulated(deployment, seed), await threaded(t, deployment, seed), seed);
}

/* ---- etcd's store ---- */

const keys = ["a", "b", "c", "\u00e4\u00ff", "e"];
const leaseIds = [7, 8];

function base64(random: Random): string {
  return Buffer.from(`value ${random.below(20)}`).toString("base64");
}

function rangeFor(random: Random): KeyRange {
  return random.pick<KeyRange>([{ key: random.pick(keys) }, { key: "a", end: "c" }, { key: "b", end: "\0" }]);
}

function stepFor(random: Random): TxnStep {
  return random.pick<TxnStep>([
    { kind: "put", key: random.pick(keys), value: base64(random), returnBefore: random.chance(0.5) },
    { kind: "delete-range", ...rangeFor(random), returnBefore: true },
    { kind: "range", ...rangeFor(random) },
  ]);
}

function comparisonFor(random: Random): Comparison {
  const operator = random.pick<Comparison["operator"]>(["=", "!=", "<", ">"]);
  return { key: random.pick(keys), target: random.pick(["version", "mod"]), operator, operand: random.below(4) };
}

/** @param revision of the store, about */
function keysRequest(random: Random, revision: number): KeysRequest {
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return { kind: "key-put", key: random.pick(keys), value: base64(random), returnBefore: random.chance(0.3) };
    case 3:
      return { kind: "key-put", key: random.pick(keys), value: base64(random), lease: random.pick([...leaseIds, 9]) };
    case 4:
      return { kind: "key-delete-range", ...rangeFor(random), returnBefore: random.chance(0.5) };
    case 5:
      return {
        kind: "key-txn",
        compare: [comparisonFor(random)],
        success: [stepFor(random)],
        failure: [{ kind: "range", ...rangeFor(random) }],
      };
    case 6:
      return random.pick<KeysRequest>([
        { kind: "lease-grant", id: random.pick(leaseIds), ttlS: 3_600 },
        { kind: "lease-revoke", id: random.pick(leaseIds) },
        { kind: "lease-keep-alive", id: random.pick(leaseIds) },
      ]);
    case 7:
      return random.pick<KeysRequest>([
        { kind: "lease-list" },
        { kind: "lease-time-to-live", id: random.pick(leaseIds), keys: true },
        { kind: "key-compact", revision: random.below(revision + 3) },
      ]);
    case 8:
      return { kind: "key-watch", ...rangeFor(random), fromRevision: random.below(revision) + 1, limit: 9, waitUs: 0 };
    case 9:
      return { kind: "key-range", ...rangeFor(random), revision: random.below(revision + 2) };
    default:
      return { kind: "key-range", ...rangeFor(random), limit: random.below(3), serializable: random.chance(0.5) };
  }
}

for (const seed of [1, 2]) {
  test(`etcd's store: the simulation and the threads answer alike and end alike, seed ${seed}`, async (t) => {
    const random = Random.stream(seed, "differential");
    const pair = await pairOf(t, "keys", seed);
    let revision = 1;
    for (let i = 1; i <= requests; i++) {
      const answer = await pair.ask(keysRequest(random, revision), random.below(nodes));
      if (answer.kind === "ok" && "revision" in answer.result) ({ revision } = answer.result);
    }
    pair.hasSeen("key-put key-put", "key-put not-found", "key-delete-range key-deleted", "key-txn key-txn");
    pair.hasSeen("key-compact key-compacted", "key-range compacted", "key-watch key-events", "lease-revoke lease");
    for (let entry = 0; entry < nodes; entry++) {
      await pair.ask({ kind: "key-range", key: "\0", end: "\0", serializable: true }, entry);
      const all = { key: "\0", end: "\0", fromRevision: 1, limit: 10_000, waitUs: 0 };
      const events = await pair.ask({ kind: "key-watch", ...all }, entry);
      assert.ok(events.kind === "ok" && events.result.kind === "key-events");
      await pair.ask({ kind: "key-watch", ...all, fromRevision: events.result.compactedTo + 1 }, entry);
    }
  });
}

/* ---- charges ---- */

const account = "acct_d";

/** Draws requests that refer to what earlier answers named. */
class ChargesClient {
  private readonly random: Random;
  private readonly charges: string[] = ["ch_unknown"];
  private readonly customers: string[] = ["cus_unknown"];
  private readonly events: string[] = [];
  private keyed = 0;

  constructor(random: Random) {
    this.random = random;
  }

  hear(answer: Answer): void {
    if (answer.kind !== "ok") return;
    const { result } = answer;
    if (result.kind === "charge") this.charges.push(result.charge.id);
    if (result.kind === "customer") this.customers.push(result.customer.id);
    if (result.kind === "outbox") this.events.splice(0, Infinity, ...result.events.map(({ id }) => id));
  }

  draw(): ChargesRequest {
    const { random } = this;
    const [charge, customer] = [random.pick(this.charges), random.pick(this.customers)];
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return this.change();
      case 4:
        return random.pick<ChargesRequest>([
          { kind: "charge-get", account, id: charge },
          { kind: "customer-get", account, id: customer },
        ]);
      case 5:
        return { kind: "charge-list", account, limit: 5, startingAfter: random.chance(0.5) ? charge : undefined };
      case 6:
        return random.pick<ChargesRequest>([
          { kind: "balance-get", account },
          { kind: "refund-list", account, limit: 5 },
          { kind: "outbox-read", limit: 10 },
        ]);
      default:
        return { kind: "outbox-delete", ids: this.events.slice(0, random.below(3)) };
    }
  }

  private change(): ChargesRequest {
    const { random } = this;
    // Half of the keys were used before, some of them for something else.
    const key = `key ${random.chance(0.5) ? this.keyed++ : random.below(this.keyed + 1)}`;
    const amount = 100 + random.below(3);
    const source = random.pick(["tok_visa", "tok_visa", "tok_chargeDeclined", "no token"]);
    const customer = random.chance(0.3) ? random.pick(this.customers) : undefined;
    const change = random.pick<ChargeChange>([
      { kind: "charge-create", account, amount, currency: "usd", source, customer, metadata: { key } },
      { kind: "refund-create", account, charge: random.pick(this.charges), amount: 60, metadata: {} },
      { kind: "customer-create", account, email: `${key}@example.org`, metadata: {} },
    ]);
    return { ...change, idempotency: { account, key, fingerprint: JSON.stringify(change) } };
  }
}

for (const seed of [1, 2]) {
  test(`charges: the simulation and the threads answer alike and end alike, seed ${seed}`, async (t) => {
    const random = Random.stream(seed, "differential");
    const pair = await pairOf(t, "charges", seed);
    const client = new ChargesClient(random);
    for (let i = 1; i <= requests; i++) client.hear(await pair.ask(client.draw(), random.below(nodes)));
    pair.hasSeen("charge-create charge", "charge-create charge-error", "refund-create refund", "charge-list list");
    pair.hasSeen("refund-create charge-error", "customer-create customer", "outbox-delete outbox-deleted");
    for (let entry = 0; entry < nodes; entry++) {
      await pair.ask({ kind: "charge-list", account, limit: 1_000 }, entry);
      await pair.ask({ kind: "refund-list", account, limit: 1_000 }, entry);
      await pair.ask({ kind: "customer-list", account, limit: 1_000 }, entry);
      await pair.ask({ kind: "outbox-read", limit: 10_000 }, entry);
      await pair.ask({ kind: "balance-get", account }, entry);
    }
  });
}
