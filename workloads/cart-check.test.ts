/** Histories written by hand: what the carts' check must reject, and oddities that Dynamo's carts permit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MergeRule } from "../backend/api.ts";
import { checkCarts, writtenCarts } from "./cart-check.ts";
import type { CartView } from "./cart.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

interface Wrote {
  readonly kept?: string[];
  readonly added?: string[];
  readonly removed?: string[];
}

/** A session that reads at `readUs` and puts between `startUs` and `endUs`. Its put's id is its letter. */
function shopper(
  put: string,
  readUs: number,
  [startUs, endUs]: readonly [number, number],
  { kept = [], added = [], removed = [] }: Wrote,
  more: Partial<HistoryEntry> = {},
): HistoryEntry[] {
  const arrival = put.charCodeAt(0);
  return [
    {
      arrival,
      step: 0,
      startUs: readUs,
      endUs: readUs + 1,
      outcome: "ok",
      fact: { kind: "cart-read", cart: "c", puts: [] },
    },
    {
      arrival,
      step: 1,
      startUs,
      endUs,
      outcome: "ok",
      fact: { kind: "cart-put", cart: "c", put, readStep: 0, kept, added, removed },
      ...more,
    },
  ];
}

function cart(put: string, ...lines: string[]): CartView {
  const view = new Map(lines.map((line) => [line, { sku: "sku-1", quantity: 1 }] as const));
  return { lines: view, puts: put === "" ? [] : [put], context: "" };
}

function check(merge: MergeRule, history: HistoryEntry[][], final: CartView | null, strict = true): CheckResult {
  const findings = new Findings();
  checkCarts(history.flat(), [final], { merge, strict, slackUs: 0 }, findings);
  return findings.result("carts");
}

function rejects(merge: MergeRule, history: HistoryEntry[][], final: CartView | null, reason: RegExp): void {
  const result = check(merge, history, final);
  assert.equal(result.held, false);
  assert.match(result.violations.join("\n"), reason);
}

function accepts(merge: MergeRule, history: HistoryEntry[][], final: CartView | null, strict = true): CheckResult {
  const result = check(merge, history, final, strict);
  assert.deepEqual(result.violations, []);
  return result;
}

const addX = shopper("a", 0, [5, 10], { added: ["x"] });
const refused = { outcome: "refused" } as const;
const lww = "last-writer-wins";

test("union rejects: an acknowledged line is gone, by a put that had not seen it", () => {
  const blind = shopper("b", 1, [6, 11], { added: ["y"] });
  for (const merge of ["union", "siblings"] as const) {
    rejects(merge, [addX, blind], cart("b", "y"), /line x, added by put a and acknowledged, is gone and nobody/);
  }
});

test("union rejects: an acknowledged line is gone although only a refused put removed it", () => {
  rejects("union", [addX, shopper("b", 20, [25, 30], { removed: ["x"] }, refused)], cart("b"), /line x.*is gone/);
});

test("union rejects: a line that nobody added, or only a refused put", () => {
  rejects("union", [addX], cart("a", "x", "z"), /line z is there and nobody added it/);
  rejects(
    "union",
    [addX, shopper("b", 20, [25, 30], { kept: ["x"], added: ["y"] }, refused)],
    cart("b", "x", "y"),
    /line y.*was refused/,
  );
});

test("union rejects: a cart that could not be read", () => {
  rejects("union", [addX], null, /could not be read/);
});

test("union accepts: a removal that was seen, even when its outcome is unknown", () => {
  const { counts } = accepts(
    "union",
    [addX, shopper("b", 20, [25, 30], { removed: ["x"] }, { outcome: "unknown" })],
    cart("b"),
  );
  assert.equal(counts.linesRemoved, 1);
  assert.equal(counts.linesLost, undefined);
});

test("union accepts and counts: a removed line that resurfaces with a concurrent put that kept it", () => {
  const remove = shopper("b", 20, [25, 30], { removed: ["x"] });
  const keep = shopper("c", 21, [26, 31], { kept: ["x"], added: ["y"] });
  const { counts } = accepts("union", [addX, remove, keep], cart("c", "x", "y"));
  assert.equal(counts.linesResurrected, 1);
});

test("union accepts: an unacknowledged line, there or not", () => {
  const unknown = shopper("a", 0, [5, 10], { added: ["x"] }, { outcome: "unknown" });
  accepts("union", [unknown, shopper("b", 20, [25, 30], { added: ["y"] })], cart("b", "y"));
  accepts("union", [unknown, shopper("b", 20, [25, 30], { added: ["y"] })], cart("b", "x", "y"));
});

test("union accepts: a refused put sent twice whose first attempt took effect", () => {
  accepts("union", [shopper("a", 0, [5, 10], { added: ["x"] }, { outcome: "refused", attempts: 2 })], cart("a", "x"));
});

test("last writer wins rejects: the last writer was over before another began", () => {
  const later = shopper("b", 20, [25, 30], { kept: ["x"], added: ["y"] });
  rejects(lww, [addX, later], cart("a", "x"), /put b was acknowledged and replaced by put a/);
});

test("last writer wins rejects: a loss with no concurrent put", () => {
  const blind = shopper("b", 20, [25, 30], { added: ["y"] });
  rejects(lww, [addX, blind], cart("b", "y"), /line x.*no concurrent put can have overwritten it/);
});

test("last writer wins rejects: lines other than the last writer's", () => {
  const concurrent = shopper("b", 1, [6, 11], { added: ["y"] });
  rejects(lww, [addX, concurrent], cart("b", "x", "y"), /does not have the lines it wrote/);
});

test("last writer wins rejects: nothing stored, a put nobody made, a refused put", () => {
  rejects(lww, [addX], cart(""), /was acknowledged and nothing is stored/);
  rejects(lww, [addX], cart("q", "x"), /put q, which nobody made/);
  rejects(
    lww,
    [addX, shopper("b", 20, [25, 30], { kept: ["x"] }, refused)],
    cart("b", "x"),
    /put b, which was refused/,
  );
});

test("last writer wins accepts and counts: a line overwritten by a concurrent put, however the chain goes on", () => {
  const concurrent = shopper("b", 1, [6, 11], { added: ["y"] });
  const { counts } = accepts(lww, [addX, concurrent], cart("b", "y"));
  assert.equal(counts.linesLost, 1);
  accepts(lww, [addX, concurrent, shopper("d", 40, [45, 50], { kept: ["y"], added: ["z"] })], cart("d", "y", "z"));
});

test("last writer wins accepts: a put overwritten at once by one of unknown outcome", () => {
  accepts(lww, [addX, shopper("b", 1, [2, 3], { added: ["y"] }, { outcome: "unknown" })], cart("b", "y"));
});

test("last writer wins accepts without strict reads: a put that read an old cart", () => {
  const blind = shopper("b", 20, [25, 30], { added: ["y"] });
  assert.equal(accepts(lww, [addX, blind], cart("b", "y"), false).counts.linesLost, 1);
});

test("any rule rejects: a read of a put that nobody made, was refused, or began later", () => {
  const readOf = (put: string): HistoryEntry[] => {
    const fact = { kind: "cart-read", cart: "c", puts: [put] };
    return [{ arrival: 1, step: 0, startUs: 12, endUs: 14, outcome: "ok", fact }];
  };
  const later = shopper("b", 20, [25, 30], { kept: ["x"] });
  const never = shopper("r", 1, [2, 3], { added: ["y"] }, refused);
  rejects("union", [addX, readOf("q")], cart("a", "x"), /read by arrival 1 shows put q, which nobody made/);
  rejects("union", [addX, never, readOf("r")], cart("a", "x"), /shows put r, which was refused/);
  rejects("union", [addX, later, readOf("b")], cart("b", "x"), /shows put b, which began later/);
  accepts("union", [addX, later, readOf("a")], cart("b", "x"));
});

test("carts only read, and puts that never happened, ask for nothing", () => {
  const never = shopper("a", 0, [5, 10], { added: ["x"] }, refused);
  accepts(lww, [never], cart(""));
  accepts("union", [never], cart(""));
  assert.deepEqual(writtenCarts([addX[0]]), []);
  assert.deepEqual(writtenCarts(addX), ["c"]);
});
