/**
 * Charges in virtual time, with nodes that die and links that lose: one charge a key, money that adds up, events that are what happened. A failure
 * prints the seed that repeats it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, ChargesService, Deployment, Request } from "./api.ts";
import type { Charge, ChargesResult, EventDelivery } from "./api-charges.ts";
import { Random } from "./kernel/random.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond, second } from "./kernel/units.ts";
import type { Micros } from "./kernel/units.ts";
import { createSimulation } from "./simulated.ts";
import type { SimulatedBackend } from "./simulated.ts";

const nodes = 4;
const clients = 8;
const stormUs = 6 * second;
const account = "acct_s";

function deploymentOf(service: Partial<ChargesService>, plant?: string): Deployment {
  const log = { replicas: [0, 1, 2], leaseUs: 200 * millisecond };
  const events = { sink: 3, by: "outbox" } as const;
  return {
    topology: oneRegion(nodes),
    service: { kind: "charges", log, events, ...service },
    durability: "log",
    plant,
  };
}

/** Eight clients, each with one charge after another and now and then a refund, and the same key until it is answered. */
class Clients {
  /** By key: the charges that answers named. */
  readonly promised = new Map<string, Set<string>>();
  private readonly backend: SimulatedBackend;
  private readonly random: Random;
  private count = 0;

  constructor(backend: SimulatedBackend, seed: number) {
    this.backend = backend;
    this.random = new Random(seed);
    for (let client = 0; client < clients; client++) this.next();
  }

  private next(): void {
    if (this.backend.now > stormUs) return;
    const key = `k${this.count++}`;
    const source = this.random.chance(0.1) ? "tok_chargeDeclined" : "tok_visa";
    const amount = 100 + this.random.below(900);
    const change = { kind: "charge-create", account, amount, currency: "usd", source, metadata: {} } as const;
    this.until({ ...change, idempotency: { account, key, fingerprint: "f" } }, key);
  }

  private until(request: Request, key: string): void {
    let open = true;
    const again = (): void => {
      if (!open) return;
      open = false;
      this.backend.at(this.backend.now + 20 * millisecond, () => this.until(request, key));
    };
    // The answer may never come.
    this.backend.at(this.backend.now + second, again);
    this.backend.request(-1, { ...request, timeoutUs: 800 * millisecond } as Request, (answer) => {
      if (answer.kind !== "ok" || statusOf(answer.result as ChargesResult) === 409) return again();
      // Whoever answers late answers all the same, and must not say something else.
      this.hear(key, answer.result as ChargesResult);
      if (!open) return;
      open = false;
      this.backend.at(this.backend.now + this.random.below(40 * millisecond), () => this.next());
    });
  }

  private hear(key: string, result: ChargesResult): void {
    const id =
      result.kind === "charge" ? result.charge.id : result.kind === "charge-error" ? result.error.charge : undefined;
    assert.ok(id !== undefined, JSON.stringify(result));
    const known = this.promised.get(key);
    if (known === undefined) this.promised.set(key, new Set([id]));
    else known.add(id);
    if (result.kind !== "charge" || !this.random.chance(0.3)) return;
    const refund = { kind: "refund-create", account, charge: id, amount: 50, metadata: {} } as const;
    this.backend.request(-1, { ...refund, idempotency: { account, key: `r${key}`, fingerprint: "f" } }, () => {});
  }
}

function statusOf(result: ChargesResult): number {
  return result.kind === "charge-error" ? result.error.status : 200;
}

/** Crashes, losses, repetitions and cuts, at times drawn from the seed, until the storm is over. */
function storm(backend: SimulatedBackend, random: Random): void {
  const all = [0, 1, 2, 3];
  backend.inject({ kind: "drop", from: all, to: all, probability: 0.01 });
  backend.inject({ kind: "duplicate", from: all, to: all, probability: 0.02 });
  for (let at: Micros = 500 * millisecond; at < stormUs; at += 100 * millisecond + random.below(500 * millisecond)) {
    const node = random.below(nodes);
    const lastsUs = 20 * millisecond + random.below(400 * millisecond);
    if (random.chance(0.7)) {
      backend.at(at, () => backend.inject({ kind: "crash", nodes: [node] }));
      backend.at(at + lastsUs, () => backend.inject({ kind: "restart", nodes: [node] }));
    } else {
      backend.at(at, () => backend.inject({ kind: "pause", nodes: [node], forUs: lastsUs }));
    }
  }
}

function ask(backend: SimulatedBackend, entry: number, request: Request): ChargesResult {
  const answers: Answer[] = [];
  for (let tries = 0; tries < 20; tries++) {
    backend.request(entry, request, (answer) => void answers.push(answer));
    backend.run(backend.now + second);
    const good = answers.find(({ kind }) => kind === "ok");
    if (good?.kind === "ok") return good.result as ChargesResult;
  }
  return assert.fail(JSON.stringify(answers));
}

interface After {
  /** Nothing was left to publish or to finish. */
  readonly rested: boolean;
  readonly charges: readonly Charge[];
  readonly balance: number;
  readonly deliveries: readonly EventDelivery[];
  readonly promised: ReadonlyMap<string, ReadonlySet<string>>;
  readonly counters: ReturnType<SimulatedBackend["counters"]>;
}

function play(seed: number, service: Partial<ChargesService>, plant?: string): After {
  const backend = createSimulation(deploymentOf(service, plant), seed, { checkEvery: 1_000 });
  backend.run(second);
  const made = new Clients(backend, seed);
  storm(backend, new Random(seed ^ 0x5eed));
  backend.run(stormUs + 4 * second);
  const rested = backend.settle(30 * second);
  const list = ask(backend, -1, { kind: "charge-list", account, limit: 10_000 });
  const balance = ask(backend, -1, { kind: "balance-get", account });
  const sink = ask(backend, 3, { kind: "deliveries-read", from: 0, limit: 100_000 });
  assert.ok(list.kind === "list" && balance.kind === "balance" && sink.kind === "deliveries");
  return {
    rested,
    charges: list.objects as readonly Charge[],
    balance: balance.balance.available["usd"] ?? 0,
    deliveries: sink.deliveries,
    promised: made.promised,
    counters: backend.counters(),
  };
}

/** What is wrong, or null. */
function verdict({ rested, charges, balance, deliveries, promised }: After): string | null {
  if (!rested) return "it did not come to rest";
  const byId = new Map(charges.map((charge) => [charge.id, charge]));
  for (const [key, ids] of promised) {
    if (ids.size > 1) return `key ${key} was answered with ${ids.size} charges`;
    for (const id of ids) if (!byId.has(id)) return `charge ${id} of key ${key} was lost`;
  }
  // A client that was still asking at the end has a charge that nobody was told of.
  if (charges.length > promised.size + clients) return `${charges.length} charges for ${promised.size} keys`;
  const owed = charges.reduce(
    (sum, { status, amount, amountRefunded }) => (status === "succeeded" ? sum + amount - amountRefunded : sum),
    0,
  );
  if (owed !== balance) return `the balance is ${balance}, the charges come to ${owed}`;
  return verdictOnEvents(byId, deliveries);
}

function verdictOnEvents(byId: ReadonlyMap<string, Charge>, deliveries: readonly EventDelivery[]): string | null {
  const last = new Map<string, { sequence: number; refunded: number }>();
  for (const { id, subject, duplicate, event } of deliveries) {
    if (duplicate) continue;
    const { sequence, data } = event!;
    if (!byId.has(subject)) return `event ${id} is of ${subject}, which is no charge`;
    const before = last.get(subject)?.sequence ?? 0;
    if (sequence !== before + 1) return `event ${sequence} of ${subject} came after ${before}`;
    last.set(subject, { sequence, refunded: (data as Charge).amountRefunded });
  }
  for (const { id, amountRefunded } of byId.values()) {
    if (last.get(id)?.refunded !== amountRefunded) return `an event of ${id} was lost`;
  }
  return null;
}

const designs: readonly [name: string, service: Partial<ChargesService>][] = [
  ["embedded network", {}],
  ["network outside the log", { network: { answerUs: 30 * millisecond } }],
];

for (const [name, service] of designs) {
  test(`${name}: five storms`, () => {
    let takenOver = 0;
    let repeated = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const after = play(seed, service);
      assert.equal(verdict(after), null, `seed ${seed}`);
      assert.ok(after.charges.length > 100, `seed ${seed}: only ${after.charges.length} charges`);
      takenOver += after.counters["takenOver"] as number;
      repeated += after.deliveries.filter(({ duplicate }) => duplicate).length;
    }
    assert.ok(repeated > 0, "no event came twice");
    if (service.network !== undefined) assert.ok(takenOver > 0, "nobody died while it asked the network");
  });
}

test("one seed, one history", () => {
  const digest = (): string => {
    const backend = createSimulation(deploymentOf({ network: { answerUs: 30 * millisecond } }), 5);
    const made = new Clients(backend, 5);
    storm(backend, new Random(6));
    backend.run(4 * second);
    return `${backend.digest()} ${made.promised.size}`;
  };
  assert.equal(digest(), digest());
});

for (const plant of [
  "key-outside-transaction",
  "outbox-outside-transaction",
  "last-id-cursor",
  "removed-before-acknowledged",
]) {
  test(`planted: ${plant} is caught`, () => {
    for (let seed = 1; seed <= 40; seed++) if (verdict(play(seed, {}, plant)) !== null) return;
    assert.fail("not within 40 storms");
  });
}

/** Keys that the sink was told of as charges, and those whose charge was made, as the clients were told. */
function toldAndMade({ promised, charges, deliveries }: After): { told: Set<string>; made: Set<string> } {
  const paid = new Set(charges.filter(({ status }) => status === "succeeded").map(({ id }) => id));
  const told = deliveries.filter(({ id }) => id.startsWith("charge-create-")).map(({ subject }) => subject);
  const made = [...promised].filter(([, ids]) => [...ids].some((id) => paid.has(id))).map(([key]) => key);
  return { told: new Set(told), made: new Set(made) };
}

test("without an outbox: told after the change some are lost, told before it some are invented", () => {
  const after = toldAndMade(play(1, { events: { sink: 3, by: "after" } }));
  const lost = [...after.made].filter((key) => !after.told.has(key)).length;
  const before = toldAndMade(play(1, { events: { sink: 3, by: "before" } }));
  const invented = [...before.told].filter((key) => !before.made.has(key)).length;
  assert.ok(lost > 0 && invented > 0, `${lost} lost, ${invented} invented`);
});
