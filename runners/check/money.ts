/**
 * Money: what clients were told, what the books say at the end, and what the sink was told, held against each other.
 *
 *     answers ── each names an object that is there, and one key has one answer ──> books
 *     books   ── one object a key; every posting sums to zero; no more refunded than captured
 *     changes ── the same set, first deliveries of each charge in sequence ───────> deliveries
 *
 * A key means one request for as long as it is kept (Stripe: 24 hours), and every answer to it is the same bytes. Deliveries
 * are at least once (the outbox pattern: an event is written in the transaction of its change, and taken out when it was
 * published), so a duplicate is counted and allowed, while one that is lost, or tells of what never happened, is neither.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { Violations } from "./violations.ts";

/** A successful one. */
export interface MoneyAnswer {
  readonly account: string;
  /** Null: the request had none. */
  readonly key: string | null;
  /** The charge or refund that it tells of. */
  readonly object: string;
  readonly body: string;
}

/** Amounts are in the currency's smallest unit. */
export interface BookedCharge {
  readonly id: string;
  readonly account: string;
  /** The idempotency key of the request that made it. */
  readonly key: string | null;
  readonly createdAt: Micros;
  readonly captured: number;
  readonly refunded: number;
}

export interface BookedRefund {
  readonly id: string;
  readonly account: string;
  readonly key: string | null;
  readonly createdAt: Micros;
  readonly charge: string;
  readonly amount: number;
}

/** One side of a posting: what leaves one account arrives at others. */
export interface LedgerEntry {
  readonly posting: string;
  readonly account: string;
  readonly amount: number;
}

/** A committed change of a charge, its refunds included; `sequence` counts each charge's from 1. */
export interface ChargeEvent {
  readonly id: string;
  readonly charge: string;
  readonly sequence: number;
}

export interface MoneyRecord {
  readonly answers: readonly MoneyAnswer[];
  readonly charges: readonly BookedCharge[];
  readonly refunds: readonly BookedRefund[];
  readonly ledger: readonly LedgerEntry[];
  readonly changes: readonly ChargeEvent[];
  /** In the order in which the sink got them. */
  readonly deliveries: readonly ChargeEvent[];
}

export type MoneyRule =
  | "double-charge"
  | "answers-differ"
  | "acknowledged-but-lost"
  | "ledger-not-zero"
  | "refunds-exceed-capture"
  | "refunds-do-not-add-up"
  | "changes-not-in-sequence"
  | "lost-event"
  | "phantom-event"
  | "events-out-of-order";

export interface MoneyReport {
  readonly violations: Violations<MoneyRule>;
  /** Deliveries beyond the first of an event. */
  readonly duplicates: number;
}

/** `keyLifetimeUs`: a key that is older may make another object. */
export function checkMoney(record: MoneyRecord, { keyLifetimeUs = Infinity } = {}): MoneyReport {
  const violations = new Violations<MoneyRule>();
  checkKeys(record, keyLifetimeUs, violations);
  checkAnswers(record, keyLifetimeUs, violations);
  checkLedger(record.ledger, violations);
  checkRefunds(record, violations);
  checkChanges(record.changes, violations);
  return { violations, duplicates: checkDeliveries(record, violations) };
}

type Found = Violations<MoneyRule>;

const keyName = (account: string, key: string): string => JSON.stringify([account, key]);

/** At most one charge or refund for each account and key, as long as the key lives. */
function checkKeys({ charges, refunds }: MoneyRecord, keyLifetimeUs: Micros, violations: Found): void {
  const made = new Map<string, { readonly id: string; readonly createdAt: Micros }>();
  for (const object of [...charges, ...refunds].sort((a, b) => a.createdAt - b.createdAt)) {
    const { id, account, key, createdAt } = object;
    if (key === null) continue;
    const first = made.get(keyName(account, key));
    if (first === undefined || createdAt - first.createdAt >= keyLifetimeUs) made.set(keyName(account, key), object);
    else
      violations.add(
        "double-charge",
        () =>
          `account ${account}, key ${key}: ${id} was made at ${createdAt}, although ${first.id} had been made at ${first.createdAt}`,
      );
  }
}

/** What a client was told is there, and whoever asked again with its key, while that lived, was told the same. */
function checkAnswers({ answers, charges, refunds }: MoneyRecord, keyLifetimeUs: Micros, violations: Found): void {
  const objects = new Map([...charges, ...refunds].map((object) => [object.id, object]));
  /** For each account and key, the first answer for each object. */
  const given = new Map<string, MoneyAnswer[]>();
  for (const answer of answers) {
    const { account, key, object, body } = answer;
    const booked = objects.get(object);
    if (booked?.account !== account)
      violations.add(
        "acknowledged-but-lost",
        () =>
          `account ${account}${key === null ? "" : `, key ${key}`}: ${object} was acknowledged, but the books ` +
          (booked ? `have it for account ${booked.account}` : "lack it"),
      );
    if (key === null) continue;
    const before = given.get(keyName(account, key)) ?? [];
    const same = before.find((other) => other.object === object);
    const other =
      same ??
      before.find((other) => {
        const between = (objects.get(other.object)?.createdAt ?? NaN) - (booked?.createdAt ?? NaN);
        return !(Math.abs(between) >= keyLifetimeUs);
      });
    if (other !== undefined && other.body !== body)
      violations.add(
        "answers-differ",
        () => `account ${account}, key ${key}: one answer was ${shorten(other.body)}, another ${shorten(body)}`,
      );
    if (same === undefined) given.set(keyName(account, key), [...before, answer]);
  }
}

function checkLedger(ledger: readonly LedgerEntry[], violations: Found): void {
  const sums = new Map<string, number>();
  for (const { posting, account, amount } of ledger) {
    if (!Number.isSafeInteger(amount))
      violations.add(
        "ledger-not-zero",
        () => `posting ${posting} has ${amount} on account ${account}; expected a whole number of the smallest unit`,
      );
    sums.set(posting, (sums.get(posting) ?? 0) + amount);
  }
  for (const [posting, sum] of sums) {
    if (sum !== 0)
      violations.add(
        "ledger-not-zero",
        () => `posting ${posting} sums to ${sum}; expected 0: no money is made or lost`,
      );
  }
}

function checkRefunds({ charges, refunds }: MoneyRecord, violations: Found): void {
  const sums = new Map<string, number>();
  for (const { charge, amount } of refunds) sums.set(charge, (sums.get(charge) ?? 0) + amount);
  for (const { id, captured, refunded } of charges) {
    const sum = sums.get(id) ?? 0;
    sums.delete(id);
    if (refunded !== sum)
      violations.add(
        "refunds-do-not-add-up",
        () => `${id} says that ${refunded} was refunded; its refunds sum to ${sum}`,
      );
    if (Math.max(refunded, sum) > captured)
      violations.add(
        "refunds-exceed-capture",
        () => `${id}: ${Math.max(refunded, sum)} was refunded of ${captured} captured`,
      );
  }
  for (const [charge, sum] of sums)
    violations.add("refunds-do-not-add-up", () => `${sum} was refunded of ${charge}, a charge that is not there`);
}

/** Every charge's changes are numbered 1, 2, 3 ...: otherwise order and loss would mean nothing. */
function checkChanges(changes: readonly ChargeEvent[], violations: Found): void {
  const sequences = new Map<string, number[]>();
  for (const { charge, sequence } of changes) {
    const ofCharge = sequences.get(charge);
    if (ofCharge === undefined) sequences.set(charge, [sequence]);
    else ofCharge.push(sequence);
  }
  for (const [charge, ofCharge] of sequences) {
    ofCharge.sort((a, b) => a - b);
    const wrong = ofCharge.findIndex((sequence, i) => sequence !== i + 1);
    if (wrong !== -1)
      violations.add(
        "changes-not-in-sequence",
        () => `${charge}: change ${wrong + 1} has sequence ${ofCharge[wrong]}; expected ${wrong + 1}`,
      );
  }
}

/** Returns the number of duplicates. A gap in a charge's sequence is an event lost, or one that comes out of order. */
function checkDeliveries({ changes, deliveries }: MoneyRecord, violations: Found): number {
  const committed = new Map(changes.map((change) => [change.id, change]));
  const delivered = new Set<string>();
  const latest = new Map<string, ChargeEvent>();
  let duplicates = 0;
  for (const delivery of deliveries) {
    const { id, charge, sequence } = delivery;
    const change = committed.get(id);
    if (change === undefined || change.charge !== charge || change.sequence !== sequence) {
      violations.add(
        "phantom-event",
        () =>
          `event ${id}, number ${sequence} of ${charge}, was delivered; ` +
          (change ? `committed was number ${change.sequence} of ${change.charge}` : "no such change was committed"),
      );
      continue;
    }
    if (delivered.has(id)) {
      duplicates++;
      continue;
    }
    delivered.add(id);
    const before = latest.get(charge);
    if (before !== undefined && before.sequence > sequence)
      violations.add(
        "events-out-of-order",
        () =>
          `${charge}: event ${id}, number ${sequence}, was first delivered after ${before.id}, number ${before.sequence}`,
      );
    else latest.set(charge, delivery);
  }
  for (const { id, charge, sequence } of changes) {
    if (!delivered.has(id))
      violations.add(
        "lost-event",
        () => `event ${id}, number ${sequence} of ${charge}, was committed and never delivered`,
      );
  }
  return duplicates;
}

const shorten = (body: string): string => (body.length > 120 ? `${body.slice(0, 120)}...` : body);
