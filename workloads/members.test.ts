/** What the members' notes are made into, from notes written by hand. */
import assert from "node:assert/strict";
import test from "node:test";
import type { MembersNotes } from "../backend/api-members.ts";
import { second } from "../backend/kernel/units.ts";
import { checkMembers } from "./members-check.ts";
import { createWorkload } from "./catalog.ts";
import { members } from "./members.ts";
import type { HistoryEntry } from "./workload.ts";

const s = second;
/** Members' clocks are half a second ahead of the load's. */
const ahead = s / 2;

/** One arrival a period of a second. */
const history: HistoryEntry[] = Array.from({ length: 60 }, (_, arrival) => ({
  arrival,
  step: 0,
  startUs: arrival * s,
  endUs: arrival * s + 1_000,
  outcome: "ok",
  fact: { kind: "add", now: arrival * s + 1_000 + ahead },
}));

function notesOf(node: number, more: Partial<MembersNotes> = {}): MembersNotes {
  const sent = Array.from({ length: 60 }, (_, i) => [i * s + ahead, 2 * i]).flat();
  return { node, now: 60 * s, sent, missed: [], dead: [], pinged: [], ...more };
}

const story = {
  members: 4,
  arrivalsPerPeriod: 1,
  crashes: [{ member: 3, from: 20, to: 40 }],
  held: new Set([2]),
  heldFrom: 45,
};

test("a crash: who began the ping that found it, when the first and the last held it for dead, who was wrong", () => {
  const at = (period: number): number => period * s + ahead;
  const { held, counts, figures } = checkMembers(
    history,
    [
      notesOf(0, { missed: [3, at(21.5), at(22.5)], dead: [3, at(27.5), 0, 1, at(50), 2] }),
      notesOf(1, { missed: [3, at(22.2), at(23.2)], dead: [3, at(29), 0] }),
      notesOf(2, { dead: [3, at(28), 0, 0, at(48), 2, 1, at(48), 2] }),
      notesOf(3),
    ],
    story,
  );
  assert(held);
  assert.equal(counts.crashes, 1);
  assert.equal(counts.unnoticed, 0);
  assert.equal(figures!.firstMiss, 2, "begun in the second period after the crash");
  assert.equal(figures!.firstDead, 7.5);
  assert.equal(figures!.lastDead, 9);
  assert.equal(figures!.longestSpread, 1.5);
  assert.equal(counts.falseDead, 1);
  assert.equal(counts.falseDeadAtHeld, 2);
  assert.equal(figures!.messagesPerPeriod, 2);
});

test("a member that is pinged once in three periods is found in period two on average, and one at every period in one", () => {
  const every = (periods: number): number[] =>
    Array.from({ length: Math.floor(58 / periods) }, (_, i) => Math.round((i + 1) * periods * s + ahead));
  const waitOf = (periods: number): number => {
    const alone = { ...story, members: 1, crashes: [], held: new Set<number>() };
    return checkMembers(history, [notesOf(0, { pinged: every(periods) })], alone).figures!.pingWait;
  };
  assert(Math.abs(waitOf(3) - 2) < 0.05, `${waitOf(3)}`);
  assert(Math.abs(waitOf(1) - 1) < 1e-9, `${waitOf(1)}`);
});

test("a member that says nothing breaks the promise", () => {
  const { held, violations } = checkMembers(history, [notesOf(0), null, notesOf(2), notesOf(3)], story);
  assert.equal(held, false);
  assert.match(violations[0], /1 members did not say/);
});

test("parameters that do not fit are refused with an example", () => {
  assert.throws(
    () => createWorkload(members({ crashes: [1, 2] })),
    /crashes.*three whole numbers a crash.*\[1, 20, 48\]/,
  );
  assert.throws(() => createWorkload(members({ held: [-1] })), /held.*whole numbers/);
});
