/** Histories written by hand: bad ones that the items check must reject, odd ones that it must accept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkItems, itemKeys } from "./items-check.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

type Times = readonly [startUs: number, endUs: number];

function write(id: string, [startUs, endUs]: Times, more: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    arrival: Number(id),
    step: 0,
    startUs,
    endUs,
    outcome: "ok",
    fact: { kind: "write", key: "k", id },
    ...more,
  };
}

function read(ids: string[], [startUs, endUs]: Times, consistent = true): HistoryEntry {
  return { arrival: 99, step: 0, startUs, endUs, outcome: "ok", fact: { kind: "read", key: "k", consistent, ids } };
}

function check(history: HistoryEntry[], final: string[] | null, strict = true, slackUs = 0): CheckResult {
  return checkItems(history, [final], { strict, slackUs });
}

function rejects(history: HistoryEntry[], final: string[] | null, reason: RegExp): void {
  const result = check(history, final);
  assert.equal(result.held, false);
  assert.match(result.violations.join("\n"), reason);
}

function accepts(history: HistoryEntry[], final: string[] | null, strict = true, slackUs = 0): CheckResult {
  const result = check(history, final, strict, slackUs);
  assert.deepEqual(result.violations, []);
  assert.equal(result.held, true);
  return result;
}

test("rejects: an acknowledged write is gone", () => {
  rejects([write("1", [0, 10])], [], /write 1 was acknowledged and nothing is stored/);
});

test("rejects: an acknowledged write was replaced by an older one", () => {
  rejects(
    [write("1", [0, 10]), write("2", [20, 30])],
    ["1"],
    /write 2 was acknowledged and replaced by an older one, 1/,
  );
});

test("rejects: a refused write is there", () => {
  const refused = write("2", [20, 30], { outcome: "refused" });
  rejects([write("1", [0, 10]), refused], ["2"], /write 2, which was refused/);
});

test("rejects: a value from nowhere, at the end or in a read", () => {
  rejects([write("1", [0, 10])], ["7"], /write 7, which nobody made/);
  rejects([write("1", [0, 10]), read(["7"], [20, 30])], ["1"], /write 7, which nobody made/);
});

test("rejects: a value read before it was written", () => {
  rejects([read(["1"], [0, 10]), write("1", [20, 30])], ["1"], /which began later/);
});

test("rejects: a stale consistent read, of an old value or of nothing", () => {
  const writes = [write("1", [0, 10]), write("2", [20, 30])];
  rejects([...writes, read(["1"], [31, 40])], ["2"], /shows 1, older than a write begun at 20 us/);
  rejects([...writes, read([], [31, 40])], ["2"], /shows nothing/);
});

test("rejects: a final state that could not be read, and a history that shows nothing", () => {
  rejects([write("1", [0, 10])], null, /could not be read/);
  assert.equal(check([], null).held, false);
});

test("accepts: concurrent writes in either order", () => {
  const writes = [write("1", [0, 25]), write("2", [20, 30])];
  accepts(writes, ["1"]);
  accepts(writes, ["2"]);
  accepts([...writes, read(["2"], [31, 40]), read(["1"], [41, 50])], ["1"]);
});

test("accepts: an unknown write that arrives long after everything else", () => {
  const history = [write("1", [0, 10], { outcome: "unknown" }), write("2", [20, 30])];
  accepts(history, ["1"]);
  accepts(history, ["2"]);
});

test("accepts: an acknowledged write whose first attempt arrives again later; a refusal after a lost attempt", () => {
  accepts([write("1", [0, 10], { attempts: 2 }), write("2", [20, 30])], ["1"]);
  accepts([write("1", [0, 10], { outcome: "refused", attempts: 2 })], ["1"]);
});

test("accepts: siblings of which one is new enough", () => {
  accepts([write("1", [0, 10]), write("2", [20, 30]), read(["1", "2"], [31, 40])], ["1", "2"]);
});

test("accepts: a read concurrent with a write shows either, even back and forth", () => {
  accepts([write("1", [0, 10]), write("2", [20, 90]), read(["2"], [30, 40]), read(["1"], [50, 60])], ["2"]);
});

test("accepts and counts: stale reads that were not promised otherwise", () => {
  const history = [write("1", [0, 10]), write("2", [20, 30]), read(["1"], [31, 40]), read([], [41, 50], false)];
  const { counts } = accepts(history, ["2"], false);
  assert.equal(counts.staleConsistentReads, 1);
  assert.equal(counts.staleEventualReads, 1);
  assert.equal(counts.acknowledgedWrites, 2);
});

test("slack makes near instants concurrent", () => {
  const history = [write("1", [0, 10]), write("2", [15, 30])];
  assert.equal(check(history, ["1"], true, 0).held, false);
  accepts(history, ["1"], true, 5);
});

test("a failed read proves nothing", () => {
  accepts([write("1", [0, 10]), { ...read([], [20, 30]), outcome: "unknown" }], ["1"]);
});

test("keys come in order of first appearance", () => {
  const other = { ...write("3", [0, 1]), fact: { kind: "write", key: "a", id: "3" } };
  assert.deepEqual(itemKeys([write("1", [0, 1]), other, write("2", [2, 3])]), ["k", "a"]);
});
