/** Charges one command at a time: what each answers, what it leaves behind, and what a key, a page and a clock do to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../../api.ts";
import type { Charge, ChargeChange, ChargesResult, CreateCharge } from "../../api-charges.ts";
import { hour, second } from "../../kernel/units.ts";
import { idOf } from "./keys.ts";
import { MemoryCharges } from "./memory-charges.fixture.ts";

const account = "acct_a";

function charge(over: Partial<CreateCharge & ChargeChange> = {}): ChargeChange {
  const usual = { kind: "charge-create", account, amount: 2_000, currency: "usd", source: "tok_visa", metadata: {} };
  return { ...usual, ...over } as ChargeChange;
}

function key(name: string, fingerprint = "f"): Pick<ChargeChange, "idempotency"> {
  return { idempotency: { account, key: name, fingerprint } };
}

function result<K extends ChargesResult["kind"]>(answer: Answer, kind: K): Extract<ChargesResult, { kind: K }> {
  assert.equal(answer.kind, "ok");
  const { result: found } = answer as Extract<Answer, { kind: "ok" }>;
  assert.equal(found.kind, kind, JSON.stringify(found));
  return found as Extract<ChargesResult, { kind: K }>;
}

function made(charges: MemoryCharges, over: Partial<CreateCharge & ChargeChange> = {}): Charge {
  return result(charges.handle(charge(over)), "charge").charge;
}

function errorOf(answer: Answer): string {
  const { error } = result(answer, "charge-error");
  return `${error.status} ${error.type} ${error.code ?? "-"} ${error.declineCode ?? "-"} ${error.param ?? "-"}: ${error.message}`;
}

test("a charge is a charge, a balance and an event", () => {
  const charges = new MemoryCharges();
  const first = made(charges, { description: "two boats", metadata: { hull: "7" } });
  assert.deepEqual(first, {
    id: first.id,
    amount: 2_000,
    amountRefunded: 0,
    currency: "usd",
    customer: null,
    description: "two boats",
    metadata: { hull: "7" },
    source: "tok_visa",
    status: "succeeded",
    failureCode: null,
    failureMessage: null,
    created: 1_767_225_600,
  });
  assert.match(first.id, /^ch_1[0-9A-Za-z]{15}$/);
  assert.deepEqual(result(charges.handle({ kind: "charge-get", account, id: first.id }), "charge").charge, first);
  const { balance } = result(charges.handle({ kind: "balance-get", account }), "balance");
  assert.deepEqual(balance, { available: { usd: 2_000 } });
  const { events } = result(charges.handle({ kind: "outbox-read", limit: 10 }), "outbox");
  assert.deepEqual(events, [
    { id: events[0].id, type: "charge.succeeded", subject: first.id, sequence: 1, created: first.created, data: first },
  ]);
});

test("declined cards: Stripe's codes, a failed charge, an event and no money", () => {
  const expected: Record<string, string> = {
    tok_chargeDeclined: "402 card_error card_declined generic_decline -: Your card was declined.",
    tok_chargeDeclinedInsufficientFunds:
      "402 card_error card_declined insufficient_funds -: Your card has insufficient funds.",
    tok_chargeDeclinedLostCard: "402 card_error card_declined lost_card -: Your card was declined.",
    tok_chargeDeclinedExpiredCard: "402 card_error expired_card expired_card exp_month: Your card has expired.",
    tok_chargeDeclinedIncorrectCvc:
      "402 card_error incorrect_cvc incorrect_cvc cvc: Your card's security code is incorrect.",
    tok_chargeDeclinedProcessingError:
      "402 card_error processing_error processing_error -: An error occurred while processing your card. Try again in a little bit.",
  };
  for (const [source, error] of Object.entries(expected)) {
    const charges = new MemoryCharges();
    const answer = charges.handle(charge({ source, ...key("k") }));
    assert.equal(errorOf(answer), error);
    const id = result(answer, "charge-error").error.charge!;
    const failed = result(charges.handle({ kind: "charge-get", account, id }), "charge").charge;
    assert.equal(failed.status, "failed");
    const { events } = result(charges.handle({ kind: "outbox-read", limit: 10 }), "outbox");
    assert.deepEqual(
      events.map(({ type, data }) => [type, data]),
      [["charge.failed", failed]],
    );
    assert.deepEqual(result(charges.handle({ kind: "balance-get", account }), "balance").balance.available, {});
    const again = charges.handle(charge({ source, ...key("k") }));
    assert.deepEqual(result(again, "charge-error"), { ...result(answer, "charge-error"), replayed: true });
    assert.match(
      errorOf(charges.handle({ kind: "refund-create", account, charge: id, metadata: {} })),
      /^400 .*failed/,
    );
  }
});

test("a key's first answer is given again, whatever has become of the charge", () => {
  const charges = new MemoryCharges();
  const first = result(charges.handle(charge(key("k"))), "charge");
  charges.handle({ kind: "refund-create", account, charge: first.charge.id, amount: 500, metadata: {} });
  charges.at += 23 * hour;
  assert.deepEqual(result(charges.handle(charge(key("k"))), "charge"), { ...first, replayed: true });
  assert.equal(
    made(charges, { idempotency: { account: "acct_b", key: "k", fingerprint: "f" } }).id === first.charge.id,
    false,
  );
});

test("a key with other parameters is refused and has no effect", () => {
  const charges = new MemoryCharges();
  made(charges, key("k"));
  const { writes } = charges.store;
  assert.match(
    errorOf(charges.handle(charge({ amount: 1, ...key("k", "g") }))),
    /^400 idempotency_error - - -: Keys for/,
  );
  assert.equal(charges.store.writes, writes);
});

test("nothing is stored when validation fails, so a key is free to be used again", () => {
  const charges = new MemoryCharges();
  const wrong = charges.handle(charge({ source: "tok_none", ...key("k") }));
  assert.equal(errorOf(wrong), "400 invalid_request_error resource_missing - source: No such token: 'tok_none'");
  const nobody = charges.handle(charge({ customer: "cus_none", ...key("k") }));
  assert.equal(errorOf(nobody), "400 invalid_request_error resource_missing - customer: No such customer: 'cus_none'");
  assert.equal(charges.store.writes, 0);
  assert.equal(result(charges.handle(charge(key("k", "g"))), "charge").replayed, false);
});

test("a key ends 24 hours after its first use, and pruning gives back its room in pieces", () => {
  const charges = new MemoryCharges();
  const first = made(charges, key("k"));
  const began = charges.at;
  for (let i = 0; i < 3 * 1_024; i++) {
    if (i % 1_024 === 0) charges.at++;
    charges.handle({ kind: "customer-create", account, metadata: {}, ...key(`c${i}`) });
  }
  charges.at = began + 24 * hour - 1;
  assert.equal(made(charges, key("k")).id, first.id);
  assert.equal(charges.machine.due(charges.at), undefined);
  charges.at += 1;
  const second = made(charges, key("k"));
  assert.notEqual(second.id, first.id);
  charges.at += 3;
  let pieces = 0;
  for (let due = charges.machine.due(charges.at); due !== undefined; due = charges.machine.due(charges.at), pieces++) {
    charges.machine.apply(due, charges.at);
  }
  assert.equal(pieces, 3);
  assert.equal(keysLeft(charges), 2, "the second life of k, by name and by age");
  assert.equal(made(charges, key("k")).id, second.id);
});

function keysLeft(charges: MemoryCharges): number {
  let left = 0;
  for (const tag of ["k", "x"]) charges.store.scan(tag, `${tag}\u00ff`, () => void left++);
  return left;
}

test("refunds: what is left, never more, each an event in order", () => {
  const charges = new MemoryCharges();
  const { id } = made(charges);
  const refund = (amount?: number): Answer =>
    charges.handle({ kind: "refund-create", account, charge: id, amount, metadata: {}, reason: "duplicate" });
  const first = result(refund(500), "refund").refund;
  assert.deepEqual([first.amount, first.currency, first.charge, first.reason], [500, "usd", id, "duplicate"]);
  assert.match(
    errorOf(refund(1_501)),
    /^400 invalid_request_error - - amount: Refund amount \(\$15\.01\) is greater than.*\(\$15\.00\)/,
  );
  assert.equal(result(refund(), "refund").refund.amount, 1_500);
  assert.equal(
    errorOf(refund()),
    `400 invalid_request_error charge_already_refunded - -: Charge ${id} has already been refunded.`,
  );
  assert.deepEqual(result(charges.handle({ kind: "balance-get", account }), "balance").balance.available, { usd: 0 });
  const { events } = result(charges.handle({ kind: "outbox-read", limit: 10 }), "outbox");
  const seen = events.map(({ type, sequence, data }) => [type, sequence, (data as Charge).amountRefunded]);
  assert.deepEqual(seen, [
    ["charge.succeeded", 1, 0],
    ["charge.refunded", 2, 500],
    ["charge.refunded", 3, 2_000],
  ]);
  assert.equal(
    errorOf(charges.handle({ kind: "refund-create", account: "acct_b", charge: id, metadata: {} })).slice(0, 3),
    "400",
  );
  assert.deepEqual(result(charges.handle({ kind: "refund-get", account, id: first.id }), "refund").refund, first);
});

/** Ids of the events with these numbers, counted from the time of the first change. */
function eventIds(numbers: readonly number[]): string[] {
  const { at } = new MemoryCharges();
  return numbers.map((number) => idOf("evt_", account, at + number));
}

test("outbox rows go when they are published, and only those", () => {
  const charges = new MemoryCharges();
  for (let i = 0; i < 5; i++) made(charges);
  const { events } = result(charges.handle({ kind: "outbox-read", limit: 3 }), "outbox");
  assert.deepEqual(
    events.map(({ id }) => id),
    eventIds([1, 3, 5]),
  );
  const ids = [events[0].id, events[2].id, events[0].id, "evt_nonsense"];
  assert.equal(result(charges.handle({ kind: "outbox-delete", ids }), "outbox-deleted").deleted, 2);
  const rest = result(charges.handle({ kind: "outbox-read", limit: 10 }), "outbox").events;
  assert.deepEqual(
    rest.map(({ id }) => id),
    eventIds([3, 7, 9]),
  );
});

test("ids: numbers in order, and nothing that another account or a stranger made up", () => {
  const charges = new MemoryCharges();
  const mine = made(charges);
  const theirs = made(charges, { account: "acct_b" });
  assert.ok(mine.id < theirs.id);
  for (const id of [
    theirs.id,
    `${mine.id}0`,
    mine.id.slice(0, -1),
    `re_${mine.id.slice(3)}`,
    "ch_1zzzzzzzzzzzzzzz",
    "",
  ]) {
    const answer = charges.handle({ kind: "charge-get", account, id });
    assert.equal(errorOf(answer), `404 invalid_request_error resource_missing - id: No such charge: '${id}'`);
  }
});

test("a service begun anew gives none of the ids of its predecessor", () => {
  const [before, after] = [new MemoryCharges(), new MemoryCharges()];
  const ids = new Set([...Array(1_000)].map(() => made(before).id));
  after.at += 60 * second;
  assert.ok([...Array(1_000)].every(() => !ids.has(made(after).id)));
});

test("without idempotency every request is a charge of its own", () => {
  const charges = new MemoryCharges({ idempotency: false });
  assert.notEqual(made(charges, key("k")).id, made(charges, key("k")).id);
});

test("the ledger's check sees money that was made", () => {
  const charges = new MemoryCharges();
  made(charges);
  charges.machine.check();
  charges.store.putLater("busd!acct_a", 2_001);
  assert.throws(() => charges.machine.check(), /usd accounts sum to 1, not 0/);
});
