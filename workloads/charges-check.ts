/**
 * What must hold of charges once all is healed: what was answered is in the books, one key made one thing and was answered alike, the balance is
 * what the books come to, and the sink was told of every change, in order, and of nothing else.
 */
import type { Answer } from "../backend/api.ts";
import type { Charge, ChargesResult, EventDelivery, Refund } from "../backend/api-charges.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

export interface ChargesPromise {
  /** Two objects under one key are a violation, not an anomaly. */
  readonly once: boolean;
  /** "none": there is no sink to look at. */
  readonly events: "kept" | "counted" | "none";
}

export interface Books {
  readonly charges: readonly Charge[];
  readonly refunds: readonly Refund[];
  /** Cents of dollars. */
  readonly balance: number;
  readonly deliveries: readonly EventDelivery[];
}

/** Null when a final read had no answer: then nothing can be said. */
export function booksIn(finals: readonly Answer[]): Books | null {
  const results = finals.map((answer) => (answer.kind === "ok" ? (answer.result as ChargesResult) : undefined));
  const [charges, refunds, balance, sink] = results;
  if (charges?.kind !== "list" || refunds?.kind !== "list" || balance?.kind !== "balance") return null;
  if (finals.length > 3 && sink?.kind !== "deliveries") return null;
  return {
    charges: charges.objects as readonly Charge[],
    refunds: refunds.objects as readonly Refund[],
    balance: balance.balance.available["usd"] ?? 0,
    deliveries: sink?.kind === "deliveries" ? sink.deliveries : [],
  };
}

const counted = ["charges", "refunds", "doubled", "lostEvents", "inventedEvents", "disorderedEvents", "repeatedEvents"];

export function checkCharges(
  history: readonly HistoryEntry[],
  books: Books | null,
  { once, events }: ChargesPromise,
): CheckResult {
  const findings = new Findings(...counted);
  const promised = [
    once ? "one key, one charge" : "",
    "money adds up",
    events === "kept" ? "every event told, in order" : "",
  ];
  const name = promised.filter((text) => text !== "").join("; ");
  if (books === null) {
    findings.violate("the books could not be read back");
    return findings.result(name);
  }
  findings.count("charges", books.charges.length);
  findings.count("refunds", books.refunds.length);
  checkAnswers(history, books, once, findings);
  checkDoubles(books, once, findings);
  checkBalance(books, findings);
  if (events !== "none") checkEvents(books, events === "kept", findings);
  return findings.result(name);
}

function checkAnswers(history: readonly HistoryEntry[], books: Books, once: boolean, findings: Findings): void {
  const made = new Set([...books.charges, ...books.refunds].map(({ id }) => id));
  const told = new Map<string, string>();
  for (const { outcome, fact } of history) {
    findings.examine();
    const key = fact["key"] as string;
    const id = fact["id"] as string | null;
    if (outcome !== "ok" || id === null) continue;
    if (!made.has(id)) findings.violate(`${id}, which answered ${key}, is not in the books`);
    const first = told.get(key);
    if (first === undefined) told.set(key, id);
    else if (first !== id && once) findings.violate(`${key} was answered with ${first} and with ${id}`);
  }
}

function checkDoubles({ charges, refunds }: Books, once: boolean, findings: Findings): void {
  const first = new Map<string, string>();
  for (const { id, metadata } of [...charges, ...refunds]) {
    const { key } = metadata;
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, id);
      continue;
    }
    findings.count("doubled");
    if (once) findings.violate(`${key} made ${other} and ${id}`);
  }
}

function checkBalance({ charges, refunds, balance }: Books, findings: Findings): void {
  const refunded = new Map<string, number>();
  for (const { charge, amount } of refunds) refunded.set(charge, (refunded.get(charge) ?? 0) + amount);
  let owed = 0;
  for (const { id, status, amount, amountRefunded } of charges) {
    const returned = refunded.get(id) ?? 0;
    if (status === "succeeded") owed += amount - returned;
    if (returned !== amountRefunded)
      findings.violate(`${id} says ${amountRefunded} was refunded, its refunds come to ${returned}`);
    if (returned > amount) findings.violate(`${id} of ${amount} had ${returned} given back`);
  }
  if (owed !== balance) findings.violate(`the balance is ${balance}, the books come to ${owed}`);
}

/** With an outbox events name what they are about; without one they name the key of the request that was to make it. */
function checkEvents(books: Books, kept: boolean, findings: Findings): void {
  const wrong = (what: "lostEvents" | "inventedEvents" | "disorderedEvents", text: string): void => {
    findings.count(what);
    if (kept) findings.violate(text);
  };
  const due = kept || books.deliveries.some(({ event }) => event !== null) ? changesOf(books) : keysOf(books);
  const told = new Set<string>();
  const sequences = new Map<string, number>();
  for (const { id, subject, duplicate, event } of books.deliveries) {
    if (duplicate) {
      findings.count("repeatedEvents");
      continue;
    }
    const name = event === null ? id : `${subject}#${event.sequence}`;
    told.add(name);
    if (!due.has(name)) wrong("inventedEvents", `the sink was told of ${name}, which is not in the books`);
    if (event === null) continue;
    const before = sequences.get(subject) ?? 0;
    if (event.sequence !== before + 1) wrong("disorderedEvents", `${name} was told after event ${before}`);
    sequences.set(subject, event.sequence);
  }
  for (const name of due) if (!told.has(name)) wrong("lostEvents", `the sink was never told of ${name}`);
}

/** A charge is its own first event, each refund another. */
function changesOf({ charges, refunds }: Books): Set<string> {
  const events = new Map(charges.map(({ id }) => [id, 1]));
  for (const { charge } of refunds) events.set(charge, (events.get(charge) ?? 0) + 1);
  return new Set([...events].flatMap(([id, count]) => Array.from({ length: count }, (_, i) => `${id}#${i + 1}`)));
}

/** Names that a node gives to what it tells the sink on its own: only of money that moved. */
function keysOf({ charges, refunds }: Books): Set<string> {
  const paid = charges.filter(({ status }) => status === "succeeded");
  return new Set([
    ...paid.map(({ metadata }) => `charge-create-${metadata["key"]}`),
    ...refunds.map(({ metadata }) => `refund-create-${metadata["key"]}`),
  ]);
}
