/** The planted bugs do what they are planted for, and only between the two commands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChargeChange } from "../../api-charges.ts";
import { KeyOutsideTransaction, OutboxOutsideTransaction } from "./mutants.ts";
import { MemoryCharges } from "./memory-charges.fixture.ts";

const charge: ChargeChange = {
  kind: "charge-create",
  account: "acct_a",
  amount: 100,
  currency: "usd",
  source: "tok_visa",
  metadata: {},
  idempotency: { account: "acct_a", key: "k", fingerprint: "f" },
};

function balance(charges: MemoryCharges): number {
  const answer = charges.handle({ kind: "balance-get", account: "acct_a" });
  return (answer as unknown as { result: { balance: { available: { usd: number } } } }).result.balance.available.usd;
}

function events(charges: MemoryCharges): number {
  const answer = charges.handle({ kind: "outbox-read", limit: 10 });
  return (answer as unknown as { result: { events: unknown[] } }).result.events.length;
}

test("a key outside the transaction: a retry before the second command charges twice, one after it does not", () => {
  const charges = new MemoryCharges({}, KeyOutsideTransaction);
  charges.handle(charge);
  charges.handle(charge);
  assert.equal(balance(charges), 200);
  charges.doDue();
  charges.handle(charge);
  assert.equal(balance(charges), 200);
});

test("an outbox row outside the transaction: a crash between the two loses the event", () => {
  const charges = new MemoryCharges({}, OutboxOutsideTransaction);
  charges.handle(charge);
  assert.equal(events(charges), 0);
  const restarted = new OutboxOutsideTransaction(charges.store);
  assert.equal(restarted.due(charges.at), undefined);
  charges.doDue();
  assert.equal(events(charges), 1, "without a crash it comes");
});
