import assert from "node:assert/strict";
import test from "node:test";
import { BallotRules } from "./ballot-rules.ts";
import type { BallotRule } from "./ballot-rules.ts";

function broken(rules: BallotRules, rule: BallotRule): void {
  assert.deepEqual(
    rules.violations.examples.map((violation) => violation.rule),
    [rule],
  );
}

test("a slot that two leaders propose in, the second what the first had chosen, breaks no rule", () => {
  const rules = new BallotRules();
  for (const node of ["a", "b"]) rules.onPromised(node, 1);
  for (const node of ["a", "b"]) rules.onAccepted(node, 1, 1, "x");
  rules.onChosen(1, "x");
  for (const node of ["b", "c"]) rules.onPromised(node, 2);
  for (const node of ["b", "c"]) rules.onAccepted(node, 1, 2, "x");
  rules.onAccepted("a", 1, 1, "x");
  rules.onChosen(1, "x");
  assert.equal(rules.violations.count, 0);
});

test("a value that a minority accepted may be replaced by another, also when that is found out first", () => {
  const rules = new BallotRules();
  rules.onAccepted("a", 1, 1, "x");
  for (const node of ["b", "c"]) rules.onAccepted(node, 1, 2, "y");
  rules.onChosen(1, "y");
  rules.onAccepted("a", 1, 1, "x");
  assert.equal(rules.violations.count, 0);
});

test("P1a: an acceptor that accepts below what it has promised is caught", () => {
  const rules = new BallotRules();
  rules.onPromised("a", 5);
  rules.onPromised("a", 4);
  rules.onAccepted("a", 1, 4, "x");
  broken(rules, "promise-broken");
});

test("a wiped disk has promised nothing", () => {
  const rules = new BallotRules();
  rules.onPromised("a", 5);
  rules.onWiped("a");
  rules.onAccepted("a", 1, 4, "x");
  assert.equal(rules.violations.count, 0);
});

test("a ballot that is used for two values in a slot is caught; in two slots it may be", () => {
  const rules = new BallotRules();
  rules.onAccepted("a", 1, 1, "x");
  rules.onAccepted("a", 2, 1, "y");
  assert.equal(rules.violations.count, 0);
  rules.onAccepted("b", 1, 1, "y");
  broken(rules, "two-values-a-ballot");
});

test("P2b: a higher ballot with another value than the chosen one is caught, before and after it is known to be chosen", () => {
  for (const knownFirst of [true, false]) {
    const rules = new BallotRules();
    for (const node of ["a", "b"]) rules.onAccepted(node, 1, 1, "x");
    if (knownFirst) rules.onChosen(1, "x");
    rules.onAccepted("c", 1, 2, "y");
    if (!knownFirst) rules.onChosen(1, "x");
    broken(rules, "chosen-replaced");
  }
});

test("a value that nobody was seen to accept says nothing about ballots", () => {
  const rules = new BallotRules();
  rules.onChosen(1, "x");
  rules.onAccepted("a", 1, 7, "y");
  assert.equal(rules.violations.count, 0);
});
