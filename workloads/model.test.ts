/**
 * Whole workloads against a model of a store: one copy, atomic at a random instant within each request, dotted versions as the
 * rule of the table says, answers lost at random. A sound check accepts every such run, and rejects the same runs on a store with
 * a planted bug. A failure names the seed that replays it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Item, MergeRule, Request } from "../backend/api.ts";
import { Random } from "../backend/kernel/random.ts";
import { cartConflict } from "./cart-conflict.ts";
import { createWorkload } from "./catalog.ts";
import { checkout } from "./checkout.ts";
import { items } from "./items.ts";
import type { CheckResult, HistoryEntry, Session, Step, WorkloadSpec } from "./workload.ts";

type Bug =
  | "none"
  | "forgets context"
  | "drops a sibling"
  | "ignores conditions"
  | "loses a write"
  | "stale reads"
  | "keeps refused";

interface Version {
  readonly dot: number;
  readonly item: Item;
}

class ModelStore {
  private readonly rules = new Map<string, MergeRule>();
  private readonly records = new Map<string, Version[]>();
  private readonly bug: Bug;
  private readonly random: Random;
  private dots = 0;

  constructor(bug: Bug, random: Random) {
    this.bug = bug;
    this.random = random;
  }

  apply(request: Request): Answer {
    if (request.kind === "create-table") {
      this.rules.set(request.table.name, request.table.merge);
      return { kind: "ok", result: { kind: "tables", names: [], more: false } };
    }
    if (request.kind === "get") return this.get(request.table, Object.values(request.key)[0].S!);
    assert.ok(request.kind === "put");
    const key = Object.values(request.item)[0].S!;
    const name = `${request.table}/${key}`;
    const held = this.records.get(name) ?? [];
    if (request.condition !== undefined && held.length > 0 && this.bug !== "ignores conditions") {
      return { kind: "refused", code: "condition-failed", message: "" };
    }
    const seen = new Set((request.context ?? "").split(" ").map(Number));
    const rule = this.rules.get(request.table)!;
    const last = rule === "last-writer-wins" || this.bug === "forgets context" || request.context === undefined;
    const kept = last ? [] : held.filter(({ dot }) => !seen.has(dot));
    if (this.bug === "drops a sibling") kept.pop();
    if (this.bug !== "loses a write" || !this.random.chance(0.05)) {
      this.records.set(name, [...kept, { dot: ++this.dots, item: request.item }]);
    }
    return { kind: "ok", result: { kind: "written", before: null, after: null, context: "", units: 1 } };
  }

  get(table: string, key: string): Answer {
    const name = `${table}/${key}`;
    const stale = this.bug === "stale reads" && this.random.chance(0.2);
    const held = stale ? [] : (this.records.get(name) ?? []);
    const context = held.map(({ dot }) => dot).join(" ");
    const merged = this.rules.get(table) === "siblings" ? held.map(({ item }) => item) : united(held);
    const result = { kind: "item", item: merged[0] ?? null, siblings: merged, context, units: 1 } as const;
    return { kind: "ok", result };
  }
}

/** Maps united, everything else from the later write. */
function united(versions: readonly Version[]): Item[] {
  if (versions.length === 0) return [];
  const merged = versions.reduce<Item>((all, { item }) => {
    const lines = { M: { ...all.items?.M, ...item.items?.M } };
    return { ...all, ...item, ...(item.items === undefined ? {} : { items: lines }) };
  }, {});
  return [merged];
}

interface Client {
  readonly arrival: number;
  readonly session: Session;
  step: Step;
  number: number;
  startUs: number;
  /** The answer, once the request has been applied. */
  answer: Answer | null;
}

/** Runs `arrivals` sessions, some at once, in an order drawn from `seed`. */
function run(spec: WorkloadSpec, bug: Bug, seed: number, arrivals = 60): CheckResult {
  const random = Random.stream(seed, "model");
  const workload = createWorkload(spec);
  const store = new ModelStore(bug, random);
  for (const request of workload.setup()) store.apply(request);
  const history: HistoryEntry[] = [];
  const clients: Client[] = [];
  let arrival = 0;
  for (let nowUs = 1; arrival < arrivals || clients.length > 0; nowUs++) {
    if (arrival < arrivals && (clients.length === 0 || random.chance(0.2))) {
      const session = workload.begin(arrival, Random.stream(seed, "session", arrival));
      clients.push({ arrival: arrival++, session, step: session.next(null)!, number: 0, startUs: nowUs, answer: null });
      continue;
    }
    const client = random.pick(clients);
    if (client.answer === null) {
      client.answer = attempt(store, client.step.request, bug, random);
      continue;
    }
    if (!finish(client, history, nowUs)) clients.splice(clients.indexOf(client), 1);
  }
  return workload.check(
    history,
    workload.finalReads(history).map((request) => store.apply(request)),
  );
}

/** One in ten is refused, and one in ten loses its answer, applied or not. */
function attempt(store: ModelStore, request: Request, bug: Bug, random: Random): Answer {
  const luck = random.float();
  if (luck < 0.1) {
    if (bug === "keeps refused") store.apply(request);
    return { kind: "refused", code: "throttled", message: "" };
  }
  const answer = luck < 0.15 ? null : store.apply(request);
  return luck < 0.2 || answer === null ? { kind: "unknown", code: "timeout", message: "" } : answer;
}

/** Records the step and goes on to the next; false when the session is over. */
function finish(client: Client, history: HistoryEntry[], nowUs: number): boolean {
  const { arrival, number, startUs, step } = client;
  const answer = client.answer!;
  const next = client.session.next(answer);
  history.push({ arrival, step: number, startUs, endUs: nowUs, outcome: answer.kind, fact: step.fact! });
  if (next === null) return false;
  client.step = next;
  client.number++;
  client.startUs = nowUs;
  client.answer = null;
  return true;
}

const busy = { keys: "uniform:4", perSession: [2, 5], checkoutShare: 0.5, strict: true } as const;
const cartSpecs: Readonly<Record<MergeRule, WorkloadSpec>> = {
  union: checkout(busy),
  siblings: checkout({ ...busy, table: { merge: "siblings" } }),
  "last-writer-wins": checkout({ ...busy, table: { merge: "last-writer-wins" } }),
};
const itemsSpec = items({ keys: "uniform:3", strict: true });

function caught(spec: WorkloadSpec, bug: Bug, arrivals = 60): number {
  let count = 0;
  for (let seed = 0; seed < 40; seed++) if (!run(spec, bug, seed, arrivals).held) count++;
  return count;
}

test("a store that keeps its promises is accepted, for every rule, and conflicts do happen", () => {
  const conflicts = cartConflict({ carts: 3, strict: true });
  for (const spec of [
    ...Object.values(cartSpecs),
    itemsSpec,
    items({ table: { merge: "siblings" }, keys: "uniform:3" }),
    conflicts,
  ]) {
    for (let seed = 0; seed < 60; seed++) {
      const { held, violations } = run(spec, "none", seed);
      assert.ok(held, `${JSON.stringify(spec)} seed ${seed}: ${violations.join("; ")}`);
    }
  }
  const lost = run(cartSpecs["last-writer-wins"], "none", 1).counts;
  assert.ok(lost.linesLost > 0, "last writer wins loses lines");
  assert.ok(run(cartSpecs.union, "none", 1).counts.linesAdded > 20);
});

test("union and siblings: a forgotten context, a dropped sibling and a lost write are caught", () => {
  for (const rule of ["union", "siblings"] as const) {
    for (const bug of ["forgets context", "drops a sibling", "loses a write", "keeps refused"] as const) {
      const times = caught(cartSpecs[rule], bug);
      assert.ok(times >= 20, `${rule}, ${bug}: caught ${times} of 40`);
    }
  }
});

test("last writer wins: a lost write, a kept refusal and reads of old carts are caught", () => {
  for (const bug of ["loses a write", "keeps refused", "stale reads"] as const) {
    const times = caught(cartSpecs["last-writer-wins"], bug);
    assert.ok(times >= 20, `${bug}: caught ${times} of 40`);
  }
});

test("orders: an ignored condition is caught", () => {
  const times = caught(checkout({ ...busy, resubmitShare: 0.5 }), "ignores conditions");
  assert.ok(times >= 30, `caught ${times} of 40`);
});

test("items: a lost write, a kept refusal and a stale read are caught", () => {
  for (const bug of ["loses a write", "keeps refused", "stale reads"] as const) {
    const times = caught(itemsSpec, bug, 200);
    assert.ok(times >= 20, `${bug}: caught ${times} of 40`);
  }
});

test("the same seed is the same run", () => {
  for (const spec of [itemsSpec, cartSpecs.union]) assert.deepEqual(run(spec, "none", 9), run(spec, "none", 9));
});
