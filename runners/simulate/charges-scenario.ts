/**
 * Charges under faults: clients charge cards, give money back, and send each request again with its key until it is answered; now and then they
 * send an old one once more, or use its key for something else. In the end money is where the answers say, one key made one thing, and the sink
 * was told of every change, in order, and of nothing else.
 */
import type { Answer, Deployment, LogSpec } from "../../backend/api.ts";
import type { Charge, ChargeChange, ChargesRequest, ChargesResult, Refund } from "../../backend/api-charges.ts";
import { Random } from "../../backend/kernel/random.ts";
import { millisecond, second } from "../../backend/kernel/units.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";
import { account, ChargesHistory, declinedCard } from "./charges-history.ts";
import { drawFaultPlan } from "./fault-plan.ts";
import type { Nemesis } from "./fault-plan.ts";
import { runUnderFaults } from "./faulty-run.ts";
import { regionalDeployment } from "./regional-deployment.ts";
import type { Scenario, ScenarioRun } from "./scenario.ts";

interface ChargesScenarioSpec {
  /** Three of the nodes are replicas; the last keeps the deliveries. */
  readonly shapes: readonly number[];
  readonly log: Omit<LogSpec, "replicas">;
  /** How long the card network takes to answer; 0: it is embedded in the command. */
  readonly networks: readonly Micros[];
  readonly nemeses: readonly Nemesis[];
  readonly faults: number;
  readonly clients: number;
}

const loadUs = 6 * second;
/** Nothing is disturbed before: the group is founded and a leader elected. */
const calmUs = 1_500 * millisecond;
const patienceUs = 900 * millisecond;

const charges: ChargesScenarioSpec = {
  shapes: [3, 4],
  log: { leaseUs: 300 * millisecond, window: 4, batch: 8, keepSlots: 32 },
  networks: [0, 30 * millisecond],
  nemeses: ["crash", "partition", "pause", "slow", "link", "disk", "drift"],
  faults: 10,
  clients: 6,
};
const chargesPower: ChargesScenarioSpec = { ...charges, nemeses: ["power", "disk", "link"] };

export const chargesScenarios: readonly Scenario[] = [
  {
    name: "charges",
    promise:
      "one key makes one charge, money adds up, and the sink is told of every change, in order, and of nothing else",
    catches: ["key-outside-transaction", "outbox-outside-transaction", "last-id-cursor", "removed-before-acknowledged"],
    tolerates: [],
    run: (seed, plant) => runChargesScenario(charges, seed, plant),
  },
  {
    name: "charges-power-loss",
    promise: "all nodes lose power at once, again and again: what was paid stays paid, and is told",
    catches: ["key-outside-transaction", "outbox-outside-transaction"],
    tolerates: [],
    run: (seed, plant) => runChargesScenario(chargesPower, seed, plant),
  },
];

function runChargesScenario(spec: ChargesScenarioSpec, seed: number, plant?: string): ScenarioRun {
  const draws = Random.stream(seed, "scenario");
  const nodes = draws.pick(spec.shapes);
  const answerUs = draws.pick(spec.networks);
  const history = new ChargesHistory();
  const simulation = createSimulation(deploymentOf(spec, nodes, answerUs, plant), seed, { checkEvery: 512 });
  const shape = { nodes, fromUs: calmUs, toUs: loadUs, count: spec.faults, kinds: spec.nemeses };
  const plan = drawFaultPlan(shape, Random.stream(seed, "faults"));
  return runUnderFaults({
    simulation,
    history,
    plan,
    loadUs: loadUs + 2 * second,
    begin() {
      for (let i = 0; i < spec.clients; i++) new ChargesClient(i, simulation, history, seed).go();
    },
    end() {
      if (!simulation.settle(30 * second)) {
        history.report("not-at-rest", "an event or a charge still waited 30 s after the heal");
      }
      finish(simulation, history);
    },
  });
}

function deploymentOf(spec: ChargesScenarioSpec, nodes: number, answerUs: Micros, plant?: string): Deployment {
  return regionalDeployment(nodes, plant, {
    time: { kind: "polled" },
    service: {
      kind: "charges",
      log: { ...spec.log, replicas: [0, 1, 2] },
      events: { sink: nodes - 1, by: "outbox" },
      network: answerUs === 0 ? undefined : { answerUs },
    },
  });
}

/** Sends each request with its key until it is answered, and then the next. */
class ChargesClient {
  private readonly id: number;
  private readonly simulation: SimulatedBackend;
  private readonly history: ChargesHistory;
  private readonly random: Random;
  private readonly sent: ChargeChange[] = [];
  /** Charges that were paid, by id. */
  private readonly paid: string[] = [];

  constructor(id: number, simulation: SimulatedBackend, history: ChargesHistory, seed: number) {
    this.id = id;
    this.simulation = simulation;
    this.history = history;
    this.random = Random.stream(seed, "client", id);
  }

  go(): void {
    const { history, random, simulation, sent } = this;
    if (simulation.now > loadUs) return;
    const next = (): void => simulation.at(simulation.now + random.below(60 * millisecond), () => this.go());
    const drawn = random.below(20);
    if (drawn < 2 && sent.length > 0) return this.until(random.pick(sent), next);
    const old = drawn < 3 && sent.length > 0 ? random.pick(sent) : undefined;
    if (old !== undefined && history.hasMade(old)) return this.misuse(old, next);
    const change = drawn < 8 && this.paid.length > 0 ? this.refund(random.pick(this.paid)) : this.charge();
    sent.push(change);
    this.until(change, next);
  }

  private charge(): ChargeChange {
    const { random } = this;
    const source = random.chance(0.1) ? declinedCard : "tok_visa";
    return { kind: "charge-create", amount: 100 + random.below(900), currency: "usd", source, ...this.keyed() };
  }

  private refund(charge: string): ChargeChange {
    return { kind: "refund-create", charge, amount: 1 + this.random.below(400), ...this.keyed() };
  }

  private keyed() {
    const key = `${this.id}.${this.sent.length}`;
    return { account, metadata: { key }, idempotency: { account, key, fingerprint: key } };
  }

  private until(change: ChargeChange, next: () => void): void {
    const { history, random, simulation } = this;
    history.onSent(change);
    let open = true;
    const again = (): void => {
      if (!open) return;
      open = false;
      if (simulation.now < loadUs + second) {
        simulation.at(simulation.now + random.below(40 * millisecond), () => this.until(change, next));
      }
    };
    simulation.at(simulation.now + patienceUs, again);
    this.ask(change, (result) => {
      // Whoever is answered late was answered all the same.
      if (result === undefined || !history.hear(change, result)) return again();
      if (result.kind === "charge") this.paid.push(result.charge.id);
      if (open) next();
      open = false;
    });
  }

  /** The key of one request for another: refused, and nothing happens. */
  private misuse(change: ChargeChange, next: () => void): void {
    const { key } = change.idempotency!;
    const { metadata } = change;
    const idempotency = { account, key, fingerprint: `not ${key}` };
    this.ask({ kind: "customer-create", account, metadata, idempotency }, (result) =>
      this.history.hearMisuse(key, result),
    );
    next();
  }

  private ask(change: ChargeChange, done: (result: ChargesResult | undefined) => void): void {
    const entry = this.random.chance(0.2) ? this.random.below(this.simulation.nodes) : -1;
    this.simulation.request(entry, { ...change, timeoutUs: patienceUs }, (answer) => done(resultOf(answer)));
  }
}

function resultOf(answer: Answer): ChargesResult | undefined {
  return answer.kind === "ok" ? (answer.result as ChargesResult) : undefined;
}

/** Reads the books and the sink, when all is healed. */
function finish(simulation: SimulatedBackend, history: ChargesHistory): void {
  const ask = (entry: number, request: ChargesRequest): ChargesResult => {
    for (let tries = 0; tries < 30; tries++) {
      let result: ChargesResult | undefined;
      simulation.request(entry, request, (answer) => (result = resultOf(answer)));
      simulation.run(simulation.now + second);
      if (result !== undefined) return result;
    }
    throw new Error(`${request.kind} had no answer within 30 s after the heal`);
  };
  // A key that stayed in flight would keep its client out for good.
  for (const change of history.unanswered()) {
    if (!history.hear(change, ask(-1, change)))
      history.report("not-at-rest", `key ${change.idempotency!.key} is in flight for good`);
  }
  if (!simulation.settle(30 * second))
    history.report("not-at-rest", "an event still waited 30 s after the last request");
  const limit = 1_000_000;
  const charges = ask(-1, { kind: "charge-list", account, limit });
  const refunds = ask(-1, { kind: "refund-list", account, limit });
  const customers = ask(-1, { kind: "customer-list", account, limit });
  const balance = ask(-1, { kind: "balance-get", account });
  const sink = ask(simulation.nodes - 1, { kind: "deliveries-read", from: 0, limit });
  if (charges.kind !== "list" || refunds.kind !== "list" || customers.kind !== "list") throw new Error("no list");
  if (balance.kind !== "balance" || sink.kind !== "deliveries") throw new Error("no balance, or no deliveries");
  history.judge({
    charges: charges.objects as readonly Charge[],
    refunds: refunds.objects as readonly Refund[],
    customers: customers.objects.length,
    balance: balance.balance.available["usd"] ?? 0,
    deliveries: sink.deliveries,
  });
}
