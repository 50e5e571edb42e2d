/** Histories written by hand for the check of revisions, and what the workload asks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../backend/api.ts";
import { Random } from "../backend/kernel/random.ts";
import { Registers } from "./registers.ts";
import { checkRegisters, registerKeys } from "./registers-check.ts";
import type { Shown } from "./registers-check.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

let arrivals = 0;

function write(id: string, revision: number, [startUs, endUs]: [number, number], key = "k"): HistoryEntry {
  const fact = { kind: "write", key, id, revision };
  return { arrival: arrivals++, step: 0, startUs, endUs, outcome: "ok", fact };
}

function read(shown: Shown, [startUs, endUs]: [number, number], consistent = true): HistoryEntry {
  const fact = { kind: "read", key: "k", consistent, ...shown };
  return { arrival: arrivals++, step: 0, startUs, endUs, outcome: "ok", fact };
}

function shown(id: string, modified: number, revision: number): Shown {
  return { id, modified, revision };
}

function check(history: HistoryEntry[], finals: (Shown | null)[], maxAgeUs = -1): CheckResult {
  return checkRegisters(history, finals, { slackUs: 0, maxAgeUs });
}

function rejects(reason: RegExp, history: HistoryEntry[], finals: (Shown | null)[], maxAgeUs?: number): void {
  const { held, violations } = check(history, finals, maxAgeUs);
  assert.equal(held, false);
  assert.match(violations.join("\n"), reason);
}

const two = [write("a", 1, [0, 10]), write("b", 2, [20, 30])];

test("holds: revisions in the order of real time, reads of the state at theirs", () => {
  const history = [...two, read(shown("a", 1, 1), [12, 18]), read(shown("b", 2, 2), [25, 40])];
  const { held, examined, counts } = check(history, [shown("b", 2, 2)]);
  assert.equal(held, true);
  assert.equal(examined, 7);
  assert.deepEqual([counts.acknowledgedWrites, counts.reads, counts.gapUs], [2, 2, 20]);
});

test("holds: two writes at once in either order, and what an unknown write left", () => {
  assert.ok(check([write("a", 2, [0, 10]), write("b", 1, [5, 15])], [shown("a", 2, 2)]).held);
  const lost: HistoryEntry = { ...write("c", 0, [40, 50]), outcome: "unknown" };
  assert.ok(check([...two, lost], [shown("c", 3, 3)]).held);
});

test("rejects: an acknowledged write that the end does not have", () => {
  rejects(/final state shows revision 1, .*, and misses write b of revision 2/, two, [shown("a", 1, 2)]);
  rejects(/could not be read/, two, [null]);
  rejects(/shows write x at revision 2, where write b was acknowledged/, two, [shown("x", 2, 2)]);
});

test("rejects: a read behind what was answered before it began", () => {
  const stale = read(shown("a", 1, 1), [35, 40]);
  rejects(/read by arrival \d+ has revision 1; 2 was answered before it began/, [...two, stale], [shown("b", 2, 2)]);
});

test("rejects: a read that misses a write within the revision it claims", () => {
  const torn = read(shown("a", 1, 2), [35, 40]);
  rejects(/claims to be of 2, and misses write b/, [...two, torn], [shown("b", 2, 2)]);
  rejects(/shows revision 3, and claims to be of 2/, [read(shown("z", 3, 2), [0, 1])], [shown("z", 3, 3)]);
});

test("rejects: writes out of order in real time, and two of one revision", () => {
  rejects(
    /write by arrival \d+ has revision 1; 2 was/,
    [write("b", 2, [0, 10]), write("a", 1, [20, 30])],
    [shown("b", 2, 2)],
  );
  rejects(/have one revision, 2/, [...two, write("c", 2, [20, 31])], [shown("b", 2, 2)]);
});

test("stale reads: counted, and refused only beyond the age that was asked for", () => {
  const old = read(shown("a", 1, 1), [100, 110], false);
  const { held, counts } = check([...two, old], [shown("b", 2, 2)], 70);
  assert.ok(held);
  assert.deepEqual([counts.staleReads, counts.ageUs], [1, 70]);
  rejects(/has revision 1; 2 was answered/, [...two, old], [shown("b", 2, 2)], 69);
});

test("nothing acknowledged for the whole load is a gap as long as the load", () => {
  const history: HistoryEntry[] = [{ ...write("a", 0, [5, 900]), outcome: "unknown" }];
  assert.equal(check(history, [shown("", 0, 0)]).counts.gapUs, 900);
});

test("an arrival hands over, and answers complete the facts", () => {
  const workload = new Registers({ readShare: 0, leader: 2, handOver: { atArrival: 3, to: 1 } });
  assert.deepEqual(workload.setup(), [{ kind: "log-hand-over", to: 2 }]);
  const begin = (arrival: number): ReturnType<Registers["begin"]> =>
    workload.begin(arrival, Random.stream(1, "session", arrival));
  assert.deepEqual(begin(0).next(null)?.request, { kind: "log-hand-over", to: 2 });
  assert.deepEqual(begin(3).next(null)?.request, { kind: "log-hand-over", to: 1 });
  const session = begin(4);
  const step = session.next(null)!;
  const answer: Answer = { kind: "ok", result: { kind: "key-put", revision: 7, before: null } };
  assert.equal(session.next(answer), null);
  assert.equal(step.fact?.revision, 7);
  const entry: HistoryEntry = { arrival: 4, step: 0, startUs: 0, endUs: 1, outcome: "ok", fact: step.fact! };
  assert.deepEqual(registerKeys([entry]), [step.fact?.key]);
  assert.deepEqual(workload.finalReads([entry]), [{ kind: "key-range", key: step.fact?.key }]);
});
