/** What the check of transactions lets pass and what it does not, and what sessions ask for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../backend/api.ts";
import { Random } from "../backend/kernel/random.ts";
import { createWorkload } from "./catalog.ts";
import type { TransactionsParameters } from "./transactions.ts";
import { tabletFrom, tabletKey, transactions } from "./transactions.ts";
import type { HistoryEntry, Workload } from "./workload.ts";

const workloadOf = (parameters: TransactionsParameters = {}): Workload => createWorkload(transactions(parameters));

type Line = readonly [
  kind: "write" | "read" | "snapshot",
  startUs: number,
  endUs: number,
  timestamp: number,
  seen?: number,
];

function historyOf(...lines: readonly Line[]): HistoryEntry[] {
  return lines.map(([kind, startUs, endUs, timestamp, seen = 0], arrival) => ({
    arrival,
    step: 0,
    startUs,
    endUs,
    outcome: "ok",
    fact: { kind, keys: ["k"], timestamp, ...(kind === "write" ? { id: String(arrival) } : { seen }) },
  }));
}

function held(timestamp: number, value: string): Answer {
  return { kind: "ok", result: { kind: "snapshot", timestamp: 1_000, values: [{ key: "k", value, timestamp }] } };
}

test("one that begins after another's answer has a greater timestamp; those that overlap have any", () => {
  const overlapping = historyOf(["write", 0, 10, 200], ["write", 5, 20, 100], ["write", 30, 40, 300]);
  assert.deepEqual(workloadOf().check(overlapping, [held(300, "2")]).violations, []);
  const inverted = historyOf(["write", 0, 10, 200], ["write", 11, 20, 200]);
  const { counts, violations } = workloadOf().check(inverted, [held(200, "0")]);
  assert.deepEqual([counts.inversions, counts.staleReads], [1, 0]);
  assert.match(violations[0], /write 1 has timestamp 200, but write 0, answered 1 us before it began, has 200/);
});

test("a read covers what was answered or seen before it began", () => {
  const covering = historyOf(["write", 0, 10, 200], ["read", 11, 12, 200, 200]);
  assert.deepEqual(workloadOf().check(covering, [held(200, "0")]).violations, []);
  const stale = historyOf(["write", 0, 10, 200], ["read", 11, 12, 199, 0]);
  assert.equal(workloadOf().check(stale, [held(200, "0")]).counts.staleReads, 1);
  // The write is still unanswered, but its value was seen.
  const unseen = historyOf(["write", 0, 50, 200], ["read", 5, 10, 300, 200], ["read", 11, 12, 150, 0]);
  assert.equal(workloadOf().check(unseen, [held(200, "0")]).counts.staleReads, 1);
  const blind = historyOf(["write", 0, 10, 200], ["snapshot", 50, 51, 210, 150]);
  assert.match(
    workloadOf().check(blind, [held(200, "0")]).violations[0],
    /snapshot 1 as of 210 shows k of 150, but it was written at 200/,
  );
  const early = historyOf(["snapshot", 0, 1, 100, 101]);
  assert.match(workloadOf().check(early, []).violations[0], /snapshot 0 as of 100 holds a version of 101/);
});

test("where order is no promise it is counted; clocks that record have their error", () => {
  const inverted = historyOf(["write", 0, 10, 200], ["write", 11, 20, 150]);
  const counted = workloadOf({ order: "counted" }).check(inverted, [held(200, "0")]);
  assert.deepEqual([counted.held, counted.counts.inversions, counted.counts.largestInversionUs], [true, 1, 50]);
  assert.equal(workloadOf({ slackUs: 5 }).check(inverted, [held(200, "0")]).counts.inversions, 0);
});

test("the newest version is that of the greatest timestamp, or of a write without an answer", () => {
  const history = historyOf(["write", 0, 10, 200], ["write", 5, 10, 100]);
  assert.deepEqual(workloadOf().finalReads(history), [{ kind: "snapshot-read", keys: ["k"], at: { kind: "strong" } }]);
  assert.match(workloadOf().check(history, [held(100, "1")]).violations[0], /k holds 1 of 100; expected 0 of 200/);
  const [first] = history;
  const lost: HistoryEntry = {
    ...first,
    arrival: 9,
    outcome: "unknown",
    fact: { ...first.fact, id: "9", timestamp: null },
  };
  assert.deepEqual(workloadOf().check([...history, lost], [held(250, "9")]).violations, []);
  const refused: Answer = { kind: "refused", code: "unavailable", message: "" };
  assert.match(workloadOf().check(history, [refused]).violations.join(), /final read was not answered/);
});

test("how far timestamps have moved against real time", () => {
  const history = historyOf(["write", 0, 1, 1_000], ["write", 1_000, 1_001, 2_500], ["write", 1_500, 1_501, 2_600]);
  const { counts } = workloadOf({ shiftEveryUs: 1_000 }).check(history, [held(2_600, "2")]);
  assert.deepEqual([counts["shiftMs.0"], counts["shiftMs.1"]], [0, 0.5]);
});

test("a write touches so many ranges, a key in each; a flood only reads snapshots", () => {
  const workload = workloadOf({ tablets: 20, participants: 7, floodFromArrival: 5 });
  const step = (arrival: number) => workload.begin(arrival, Random.stream(1, "s", arrival)).next(null)!;
  const { request } = step(0);
  assert(request.kind === "transact");
  assert.equal(new Set(request.writes.map(({ key }) => key.slice(0, 5))).size, 7);
  assert.deepEqual([step(5).operation, step(5).request.kind], ["flood", "snapshot-read"]);
  assert.equal(workload.setup().length, 20);
  assert(tabletFrom(7) <= tabletKey(7, 0) && tabletKey(7, 999_999) < tabletFrom(8) && tabletFrom(0) === "");
});
