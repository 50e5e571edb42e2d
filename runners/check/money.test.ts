import assert from "node:assert/strict";
import { test } from "node:test";
import { hour } from "../../backend/kernel/units.ts";
import type { BookedCharge, BookedRefund, ChargeEvent, MoneyAnswer, MoneyRecord, MoneyRule } from "./money.ts";
import { checkMoney } from "./money.ts";

const charge = (id: string, more: Partial<BookedCharge> = {}): BookedCharge => ({
  id,
  account: "acct",
  key: `key of ${id}`,
  createdAt: 0,
  captured: 500,
  refunded: 0,
  ...more,
});
const refund = (id: string, of: string, amount: number): BookedRefund => ({
  id,
  account: "acct",
  key: `key of ${id}`,
  createdAt: 0,
  charge: of,
  amount,
});
const answer = (object: string, more: Partial<MoneyAnswer> = {}): MoneyAnswer => ({
  account: "acct",
  key: `key of ${object}`,
  object,
  body: `{"id":"${object}"}`,
  ...more,
});
const event = (of: string, sequence: number, id = `${of}/${sequence}`): ChargeEvent => ({ id, charge: of, sequence });
const posting = (name: string, amount: number) => [
  { posting: name, account: "customer", amount: -amount },
  { posting: name, account: "merchant", amount },
];

/** Two charges, one of them refunded in part; every answer given once, every event delivered once. */
const right: MoneyRecord = {
  answers: [answer("c1"), answer("c2"), answer("r1")],
  charges: [charge("c1"), charge("c2", { refunded: 200 })],
  refunds: [refund("r1", "c2", 200)],
  ledger: [...posting("c1", 500), ...posting("c2", 500), ...posting("r1", -200)],
  changes: [event("c1", 1), event("c2", 1), event("c2", 2)],
  deliveries: [event("c2", 1), event("c2", 2), event("c1", 1)],
};

const bad: readonly (readonly [MoneyRule, string, Partial<MoneyRecord>, RegExp])[] = [
  [
    "double-charge",
    "a retry with the same key made another charge",
    { charges: [...right.charges, charge("c3", { key: "key of c1", createdAt: 5 })] },
    /key key of c1: c3 was made at 5, although c1 had been made at 0/,
  ],
  [
    "double-charge",
    "a key made a charge and a refund",
    { refunds: [{ ...right.refunds[0], key: "key of c1", createdAt: 7 }] },
    /r1 was made at 7, although c1/,
  ],
  [
    "answers-differ",
    "a replay has other bytes",
    { answers: [...right.answers, answer("c1", { body: `{"id": "c1"}` })] },
    /key key of c1: one answer was {"id":"c1"}, another {"id": "c1"}/,
  ],
  [
    "answers-differ",
    "one key names two charges, though the books forgot the key of one",
    {
      answers: [...right.answers, answer("c4", { key: "key of c1" })],
      charges: [...right.charges, charge("c4", { key: null })],
    },
    /one answer was {"id":"c1"}, another {"id":"c4"}/,
  ],
  [
    "acknowledged-but-lost",
    "a charge is gone after a crash",
    { answers: [...right.answers, answer("c9")] },
    /c9 was acknowledged, but the books lack it/,
  ],
  [
    "acknowledged-but-lost",
    "a charge is another account's",
    { answers: [...right.answers, answer("c1", { account: "other" })] },
    /c1 was acknowledged, but the books have it for account acct/,
  ],
  ["ledger-not-zero", "half a posting", { ledger: right.ledger.slice(1) }, /posting c1 sums to 500; expected 0/],
  [
    "ledger-not-zero",
    "two wrong postings that cancel",
    {
      ledger: [...right.ledger, { posting: "x", account: "m", amount: 1 }, { posting: "y", account: "m", amount: -1 }],
    },
    /posting x sums to 1/,
  ],
  [
    "ledger-not-zero",
    "a fraction of a cent",
    { ledger: [...right.ledger, ...posting("x", 0.5)] },
    /posting x has -0.5 on account customer; expected a whole number/,
  ],
  [
    "refunds-exceed-capture",
    "two refunds passed one another",
    {
      refunds: [refund("r1", "c2", 300), refund("r2", "c2", 300)],
      charges: [charge("c1"), charge("c2", { refunded: 600 })],
    },
    /c2: 600 was refunded of 500 captured/,
  ],
  [
    "refunds-do-not-add-up",
    "a lost update of what was refunded",
    { refunds: [...right.refunds, refund("r2", "c2", 100)] },
    /c2 says that 200 was refunded; its refunds sum to 300/,
  ],
  [
    "refunds-do-not-add-up",
    "a refund of nothing",
    { refunds: [...right.refunds, refund("r2", "c7", 100)] },
    /100 was refunded of c7, a charge that is not there/,
  ],
  [
    "changes-not-in-sequence",
    "a change that was given its predecessor's number",
    {
      changes: [...right.changes, event("c1", 1, "again")],
      deliveries: [...right.deliveries, event("c1", 1, "again")],
    },
    /c1: change 2 has sequence 1; expected 2/,
  ],
  [
    "lost-event",
    "a dual write that crashed between",
    { deliveries: right.deliveries.slice(0, 2) },
    /event c1\/1, number 1 of c1, was committed and never delivered/,
  ],
  [
    "phantom-event",
    "an event of a transaction that was rolled back",
    { deliveries: [...right.deliveries, event("c3", 1)] },
    /event c3\/1, number 1 of c3, was delivered; no such change was committed/,
  ],
  [
    "phantom-event",
    "an event that tells of another charge",
    { deliveries: [...right.deliveries, event("c2", 1, "c1/1")] },
    /event c1\/1, number 1 of c2, was delivered; committed was number 1 of c1/,
  ],
  [
    "events-out-of-order",
    "two relays at work on one charge",
    { deliveries: [event("c2", 2), event("c2", 1), event("c1", 1)] },
    /c2: event c2\/1, number 1, was first delivered after c2\/2, number 2/,
  ],
];

for (const [rule, name, wrong, text] of bad)
  test(`money is not right: ${name}`, () => {
    const { violations } = checkMoney({ ...right, ...wrong });
    assert.ok(violations.of(rule) > 0, violations.text());
    assert.equal(violations.examples.filter((violation) => violation.rule !== rule).length, 0, violations.text());
    assert.match(violations.text(), text);
  });

test("money is right, and nothing is counted", () => {
  const report = checkMoney(right);
  assert.equal(report.violations.text(), "");
  assert.equal(report.duplicates, 0);
});

test("weird but right: answers replayed, charges nobody was told of, events delivered again and late", () => {
  const { violations, duplicates } = checkMoney({
    ...right,
    answers: [...right.answers, answer("c1"), answer("c1"), answer("r1"), answer("c5", { key: null })],
    charges: [
      ...right.charges,
      charge("c3"),
      charge("c5", { key: null }),
      charge("c6", { key: null }),
      charge("c7", { account: "other", key: "key of c1" }),
    ],
    deliveries: [...right.deliveries, event("c2", 1), event("c1", 1), event("c2", 1)],
  });
  assert.equal(violations.text(), "");
  assert.equal(duplicates, 3);
});

test("a key that is older than its life may make another charge, and be answered otherwise", () => {
  const again = {
    ...right,
    charges: [...right.charges, charge("c3", { key: "key of c1", createdAt: 24 * hour })],
    answers: [...right.answers, answer("c3", { key: "key of c1" })],
  };
  assert.equal(checkMoney(again, { keyLifetimeUs: 24 * hour }).violations.text(), "");
  const { violations } = checkMoney(again, { keyLifetimeUs: 24 * hour + 1 });
  assert.equal(violations.of("double-charge"), 1);
  assert.equal(violations.of("answers-differ"), 1);
});

test("a later event that overtakes is one violation each; what never comes is lost, not late", () => {
  const changes = [1, 2, 3, 4].map((sequence) => event("c1", sequence));
  const deliveries = [event("c1", 4), event("c1", 1), event("c1", 3)];
  const { violations } = checkMoney({ ...right, changes, deliveries });
  assert.equal(violations.of("events-out-of-order"), 2);
  assert.equal(violations.of("lost-event"), 1);
});
