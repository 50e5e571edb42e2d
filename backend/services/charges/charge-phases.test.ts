/**
 * Charges in two commands: begun, asked of the network, finished; by callers that die, come back late and are taken over. A failure prints
 * the commands that repeat it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Answer } from "../../api.ts";
import type { CardCall, Charge, ChargesResult, CreateRefund } from "../../api-charges.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { ChargeBegin } from "./commands.ts";
import { lockUs } from "./pending-charges.ts";
import { MemoryCharges } from "./memory-charges.fixture.ts";

const account = "acct_a";

function begin(key: string | undefined, over: Partial<ChargeBegin> = {}, fingerprint = "f"): ChargeBegin {
  const idempotency = key === undefined ? undefined : { account, key, fingerprint };
  const usual = {
    kind: "charge-begin",
    account,
    amount: 700,
    currency: "usd",
    source: "tok_visa",
    metadata: {},
  } as const;
  return { ...usual, idempotency, ...over };
}

function resultOf(answer: Answer): ChargesResult {
  assert.equal(answer.kind, "ok");
  return (answer as { result: ChargesResult }).result;
}

function callIn(answer: Answer): CardCall {
  const result = resultOf(answer);
  assert.ok(result.kind === "charge-pending" && result.calls.length === 1, JSON.stringify(result));
  return result.calls[0];
}

function statusOf(answer: Answer): number {
  const result = resultOf(answer);
  return result.kind === "charge-error" ? result.error.status : 200;
}

test("begin asks, finish charges, and a retry hears the same", () => {
  const charges = new MemoryCharges();
  const call = callIn(charges.machine.apply(begin("k"), charges.at));
  assert.deepEqual(
    { ...call, charge: "" },
    { account, charge: "", attempt: 1, amount: 700, currency: "usd", source: "tok_visa" },
  );
  assert.equal(statusOf(charges.handle({ kind: "charge-get", account, id: call.charge })), 404, "not a charge yet");
  assert.equal(statusOf(charges.machine.apply(begin("k"), charges.at)), 409, "in flight");
  assert.equal(statusOf(charges.machine.apply(begin("k", {}, "g"), charges.at)), 400, "other parameters");
  const made = resultOf(charges.finish(call));
  assert.ok(made.kind === "charge" && made.charge.id === call.charge);
  assert.deepEqual(resultOf(charges.machine.apply(begin("k"), charges.at)), { ...made, replayed: true });
  assert.deepEqual(resultOf(charges.finish(call)), made, "a finish that came twice");
  assert.equal(charges.machine.due(charges.at + 60 * second), undefined);
});

test("a decline is finished, kept and replayed like a charge", () => {
  const charges = new MemoryCharges();
  const call = callIn(charges.machine.apply(begin("k", { source: "tok_chargeDeclined" }), charges.at));
  assert.equal(statusOf(charges.finish(call)), 402);
  assert.equal(statusOf(charges.machine.apply(begin("k", { source: "tok_chargeDeclined" }), charges.at)), 402);
});

test("a stale lock is taken over, and the earlier owner's late answer changes nothing", () => {
  const charges = new MemoryCharges();
  const first = callIn(charges.machine.apply(begin("k"), charges.at));
  charges.at += lockUs - 1;
  assert.equal(charges.machine.due(charges.at), undefined, "not stale yet");
  charges.at += 1;
  const due = charges.machine.due(charges.at);
  assert.deepEqual(due, { kind: "charge-takeover" });
  const second = callIn(charges.machine.apply(due!, charges.at));
  assert.deepEqual(second, { ...first, attempt: 2 });
  assert.equal(charges.machine.due(charges.at), undefined, "somebody is asking again");
  assert.equal(statusOf(charges.finish(first)), 409, "fenced off");
  assert.equal(statusOf(charges.handle({ kind: "charge-get", account, id: first.charge })), 404);
  const made = resultOf(charges.finish(second));
  assert.deepEqual(resultOf(charges.finish(first)), made, "late, and told what came of it");
});

test("a client that comes back after the lock takes over itself", () => {
  const charges = new MemoryCharges();
  const first = callIn(charges.machine.apply(begin("k"), charges.at));
  charges.at += lockUs;
  assert.equal(callIn(charges.machine.apply(begin("k"), charges.at)).attempt, 2);
  assert.equal(statusOf(charges.machine.apply(begin("k"), charges.at)), 409);
  assert.equal(statusOf(charges.finish(first)), 409);
});

/* ---- any interleaving --------------------------------------------------------------------------------------------------- */

type Step =
  | { readonly kind: "begin"; readonly key: number; readonly fingerprint: number; readonly declined: boolean }
  /** Of the calls that were handed out, one is answered; it may be answered again later. */
  | { readonly kind: "finish"; readonly call: number }
  | { readonly kind: "create"; readonly key: number; readonly fingerprint: number }
  | { readonly kind: "refund"; readonly charge: number; readonly amount: number }
  | { readonly kind: "wait"; readonly us: number }
  | { readonly kind: "due" };

const small = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("begin" as const),
    key: small,
    fingerprint: fc.integer({ min: 0, max: 1 }),
    declined: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("finish" as const), call: fc.nat(20) }),
  fc.record({ kind: fc.constant("create" as const), key: small, fingerprint: fc.integer({ min: 0, max: 1 }) }),
  fc.record({ kind: fc.constant("refund" as const), charge: fc.nat(10), amount: fc.integer({ min: 1, max: 900 }) }),
  fc.record({ kind: fc.constant("wait" as const), us: fc.integer({ min: 0, max: 1_500 * millisecond }) }),
  fc.record({ kind: fc.constant("due" as const) }),
);

class Run {
  readonly charges = new MemoryCharges();
  readonly calls: CardCall[] = [];
  /** By key: the id that every success named. */
  private readonly promised = new Map<number, string>();

  take(step: Step): void {
    const { charges } = this;
    switch (step.kind) {
      case "wait":
        charges.at += step.us;
        break;
      case "due": {
        const due = charges.machine.due(charges.at);
        if (due !== undefined) this.hear(undefined, charges.machine.apply(due, charges.at));
        break;
      }
      case "finish":
        if (this.calls.length > 0) this.hear(undefined, charges.finish(this.calls[step.call % this.calls.length]));
        break;
      case "refund": {
        const made = chargesOf(charges);
        if (made.length === 0) break;
        const { id } = made[step.charge % made.length];
        const refund: CreateRefund = { kind: "refund-create", charge: id, amount: step.amount, metadata: {} };
        charges.handle({ ...refund, account });
        break;
      }
      default: {
        const { key, fingerprint } = step;
        const over = step.kind === "begin" && step.declined ? { source: "tok_chargeDeclined" } : {};
        // Parameters and fingerprint go together, as at the door.
        const command = begin(`k${key}`, over, `${fingerprint}${over.source ?? ""}`);
        const asked = step.kind === "begin" ? command : ({ ...command, kind: "charge-create" } as const);
        this.hear(key, charges.machine.apply(asked, charges.at));
      }
    }
    charges.machine.check();
  }

  private hear(key: number | undefined, answer: Answer): void {
    const result = resultOf(answer);
    if (result.kind === "charge-pending") this.calls.push(...result.calls);
    const id =
      result.kind === "charge" ? result.charge.id : result.kind === "charge-error" ? result.error.charge : undefined;
    if (key === undefined || id === undefined) return;
    assert.equal(this.promised.get(key) ?? id, id, `key k${key} was answered with two charges`);
    this.promised.set(key, id);
  }
}

function chargesOf(charges: MemoryCharges): Charge[] {
  const result = resultOf(charges.handle({ kind: "charge-list", account, limit: 1_000 }));
  return result.kind === "list" ? (result.objects as Charge[]) : [];
}

test("whatever the interleaving: one charge a key, the ledger adds up, events are what happened, and no key stays stuck", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const run = new Run();
      for (const step of steps) run.take(step);
      const { charges } = run;
      charges.at += lockUs;
      charges.doDue();
      const made = chargesOf(charges);
      assert.ok(made.length <= 4, "at most one charge a key");
      for (const key of ["k0", "k1", "k2", "k3"]) {
        for (const fingerprint of ["0", "1", "0tok_chargeDeclined", "1tok_chargeDeclined"]) {
          const command = { ...begin(key, {}, fingerprint), kind: "charge-create" } as const;
          const before = chargesOf(charges).length;
          const status = statusOf(charges.machine.apply(command, charges.at));
          assert.notEqual(status, 409, "a key stayed in flight");
          if (chargesOf(charges).length > before) break;
        }
      }
      checkEvents(charges);
    }),
    { numRuns: 500 },
  );
});

/** The events are the charges and refunds there are, in order and without a gap for each charge; the balance is what they come to. */
function checkEvents(charges: MemoryCharges): void {
  const events = resultOf(charges.handle({ kind: "outbox-read", limit: 10_000 }));
  assert.ok(events.kind === "outbox");
  const seen = new Map<string, { sequence: number; charge: Charge }>();
  for (const { subject, sequence, data } of events.events) {
    assert.equal(sequence, (seen.get(subject)?.sequence ?? 0) + 1);
    seen.set(subject, { sequence, charge: data as Charge });
  }
  let balance = 0;
  const made = chargesOf(charges);
  for (const charge of made) {
    assert.deepEqual(seen.get(charge.id)?.charge, charge, "the last event tells how it is");
    assert.ok(charge.amountRefunded <= charge.amount);
    if (charge.status === "succeeded") balance += charge.amount - charge.amountRefunded;
  }
  assert.equal(seen.size, made.length);
  const { available } = (
    resultOf(charges.handle({ kind: "balance-get", account })) as Extract<ChargesResult, { kind: "balance" }>
  ).balance;
  assert.equal(available.usd ?? 0, balance);
}
