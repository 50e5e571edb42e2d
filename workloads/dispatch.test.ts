/** The dispatch workload: what its check finds, and what it must not. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Answer } from "../backend/api.ts";
import { checkDispatch } from "./dispatch-check.ts";
import type { HistoryEntry } from "./workload.ts";

const entry = (startUs: number, endUs: number, fact: HistoryEntry["fact"]): HistoryEntry => ({
  arrival: startUs,
  step: 0,
  startUs,
  endUs,
  outcome: "ok",
  fact,
});
const match = (trip: string, driver: string | null, at: number, meters = 100): HistoryEntry =>
  entry(at, at + 5, { kind: "match", trip, driver, meters });
const end = (trip: string, at: number): HistoryEntry => entry(at, at + 5, { kind: "end", trip });
const finals = (...trips: [string, string][]): Answer[] => [
  {
    kind: "ok",
    result: { kind: "trips", trips: trips.map(([trip, driver]) => ({ trip, driver, rider: "r", ended: false })) },
  },
];

test("trips of one driver one after the other are fine, unmatched riders are counted", () => {
  const history = [match("a", "d", 0), end("a", 50), match("b", "d", 60), match("c", null, 70)];
  const { held, counts } = checkDispatch(history, finals(["a", "d"], ["b", "d"]), 1_000);
  assert(held);
  assert.deepEqual([counts.matched, counts.unmatched], [2, 1]);
});

test("a driver on two trips, a match that nobody remembers, and one from far away are violations", () => {
  const violations = (history: HistoryEntry[], answers: Answer[]): readonly string[] =>
    checkDispatch(history, answers, 1_000).violations;
  assert.match(
    violations([match("a", "d", 0), match("b", "d", 10), end("a", 50)], finals(["a", "d"], ["b", "d"]))[0],
    /before its end, to b/,
  );
  assert.match(violations([match("a", "d", 0)], finals())[0], /in the end it has nobody/);
  assert.match(violations([match("a", "d", 0, 1_001)], finals(["a", "d"]))[0], /1001 m away/);
});
