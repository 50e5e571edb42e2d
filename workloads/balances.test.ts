/** Charges against a store kept in this file: what each way of charging does to the books, and that the check sees it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Request } from "../backend/api.ts";
import type { KeyValue } from "../backend/api-coordination.ts";
import { Random } from "../backend/kernel/random.ts";
import { Balances } from "./balances.ts";
import { checkBalances } from "./balances-check.ts";
import type { CheckResult, HistoryEntry, Session } from "./workload.ts";

/** A log of one, or a table of one; every request is answered at once. */
class Shelf {
  readonly entries = new Map<string, KeyValue>();
  private revision = 0;

  ask(request: Request): Answer {
    switch (request.kind) {
      case "get": {
        const found = this.entries.get(request.key.id.S!);
        const item = found === undefined ? null : { id: { S: found.key }, balance: { N: found.value } };
        return { kind: "ok", result: { kind: "item", item, siblings: [], context: "", units: 1 } };
      }
      case "put":
        this.put(request.item.id.S!, request.item.balance?.N ?? "");
        return { kind: "ok", result: { kind: "written", before: null, after: null, context: "", units: 1 } };
      case "update": {
        const id = request.key.id.S!;
        this.put(id, String(Number(this.entries.get(id)?.value ?? 0) + 1));
        return { kind: "ok", result: { kind: "written", before: null, after: null, context: "", units: 1 } };
      }
      case "key-range":
        return {
          kind: "ok",
          result: { kind: "key-range", revision: this.revision, ...this.range(request.key, request.end) },
        };
      case "key-txn": {
        const [balance, charge] = request.compare;
        const current = this.entries.get(balance.key)?.modRevision ?? 0;
        const succeeded = current === balance.operand && !this.entries.has(charge.key);
        const steps = succeeded ? request.success : request.failure;
        const results = steps.map((step) => {
          if (step.kind === "range") return { kind: "range", ...this.range(step.key) } as const;
          if (step.kind === "put") this.put(step.key, step.value);
          return { kind: "put", before: null } as const;
        });
        return { kind: "ok", result: { kind: "key-txn", revision: this.revision, succeeded, results } };
      }
      default:
        throw new Error(`asked to ${request.kind}`);
    }
  }

  private put(key: string, value: string): void {
    const modRevision = ++this.revision;
    this.entries.set(key, { key, value, createRevision: modRevision, modRevision, version: 1, lease: 0 });
  }

  private range(key: string, end?: string): { entries: KeyValue[]; more: boolean; count: number } {
    const entries = [...this.entries.values()].filter((e) =>
      end === undefined ? e.key === key : e.key >= key && e.key < end,
    );
    return { entries, more: false, count: entries.length };
  }
}

/** Two charges of one account, step by step in turns: each sees the other in between. */
function interleaved(by: string): { result: CheckResult; history: HistoryEntry[] } {
  const workload = new Balances({ by, keys: "uniform:1", exact: true });
  const shelf = new Shelf();
  const history: HistoryEntry[] = [];
  const tills = [0, 1].map((arrival) => ({
    arrival,
    session: workload.begin(arrival, Random.stream(1, "s", arrival)),
  }));
  let under: { arrival: number; session: Session; previous: Answer | null; step: number }[] = tills.map((till) => {
    return { ...till, previous: null, step: 0 };
  });
  while (under.length > 0) {
    under = under.filter((till) => {
      const step = till.session.next(till.previous);
      if (step === null) return false;
      till.previous = shelf.ask(step.request);
      const { arrival } = till;
      history.push({ arrival, step: till.step++, startUs: 0, endUs: 1, outcome: "ok", fact: step.fact! });
      return true;
    });
  }
  const finals = workload.finalReads(history).map((request) => shelf.ask(request));
  return { result: workload.check(history, finals), history };
}

test("two charges at once: overwriting loses one, adding and the log lose none", () => {
  const { held, violations, counts } = interleaved("overwrite").result;
  assert.equal(held, false);
  assert.match(violations.join(), /account-0 has 1, its charges come to 2/);
  assert.deepEqual([counts.charges, counts.completed, counts.lost, counts.doubled], [2, 2, 1, 0]);
  for (const by of ["add", "log"]) {
    const { result } = interleaved(by);
    assert.ok(result.held, by);
    assert.deepEqual([result.counts.charges, result.counts.completed, result.counts.lost], [2, 2, 0], by);
  }
});

test("a charge in the log that was not answered is found, and not made again", () => {
  const workload = new Balances({ by: "log", keys: "uniform:1" });
  const shelf = new Shelf();
  const session = workload.begin(0, Random.stream(1, "s", 0));
  const charge = session.next(shelf.ask(session.next(null)!.request))!;
  shelf.ask(charge.request);
  assert.equal(session.next(shelf.ask(charge.request)), null);
  assert.equal(charge.fact?.made, true);
  assert.equal(shelf.entries.size, 2);
});

function entry(kind: string, outcome: HistoryEntry["outcome"], more = {}): HistoryEntry {
  return { arrival: 0, step: 0, startUs: 0, endUs: 1, outcome, fact: { kind, account: "a", id: "c", ...more } };
}

test("rejects: an acknowledged charge that is not there, books that cannot be read, and money from nowhere", () => {
  const acknowledged = [entry("record", "ok"), entry("charge", "ok")];
  const gone = checkBalances(acknowledged, { charges: new Set(), balances: new Map([["a", 0]]) }, false);
  assert.match(gone.violations.join(), /c was acknowledged and is not in the books/);
  assert.match(checkBalances(acknowledged, { charges: null, balances: null }, false).violations.join(), /read back/);
  const twice = checkBalances(acknowledged, { charges: new Set(["c"]), balances: new Map([["a", 2]]) }, false);
  assert.ok(twice.held);
  assert.equal(twice.counts.doubled, 1);
});

test("a charge whose balance was never written is torn, and one refused owes nothing", () => {
  const books = { charges: new Set(["c"]), balances: new Map<string, number>() };
  const { held, counts } = checkBalances([entry("record", "ok"), entry("charge", "unknown")], books, false);
  assert.ok(held);
  assert.deepEqual([counts.torn, counts.lost], [1, 1]);
  const none = { charges: new Set<string>(), balances: new Map<string, number>() };
  assert.ok(checkBalances([entry("ask", "ok", { made: false }), entry("record", "refused")], none, true).held);
});
