/** The till against the service on one map: sessions, and a check that holds and that each tampering breaks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../backend/api.ts";
import type { ChargesResult, EventDelivery } from "../backend/api-charges.ts";
import { Random } from "../backend/kernel/random.ts";
import { MemoryCharges } from "../backend/services/charges/memory-charges.fixture.ts";
import { createWorkload } from "./catalog.ts";
import { booksIn, checkCharges } from "./charges-check.ts";
import type { Books } from "./charges-check.ts";
import { charges } from "./charges.ts";
import type { ChargesParameters } from "./charges.ts";
import type { Fact, HistoryEntry } from "./workload.ts";

interface Played {
  readonly history: HistoryEntry[];
  readonly books: Books;
  readonly operations: readonly string[];
}

function play(service: MemoryCharges, parameters: ChargesParameters, arrivals = 300): Played {
  const workload = createWorkload(charges(parameters));
  const history: HistoryEntry[] = [];
  const operations: string[] = [];
  for (let arrival = 0; arrival < arrivals; arrival++) {
    const session = workload.begin(arrival, Random.stream(7, "session", arrival));
    let step = session.next(null);
    for (let number = 0; step !== null; number++) {
      const answer = service.handle(step.request);
      operations.push(step.operation);
      const { fact } = step;
      step = session.next(answer);
      history.push({ arrival, step: number, startUs: 0, endUs: 1, outcome: answer.kind, fact: fact! });
    }
  }
  const finals = workload.finalReads(history).map((read): Answer => {
    if (read.kind !== "deliveries-read") return service.handle(read);
    return { kind: "ok", result: { kind: "deliveries", deliveries: deliveriesOf(service) } };
  });
  assert.ok(workload.check(history, finals).held, workload.check(history, finals).violations.join("\n"));
  return { history, books: booksIn(finals)!, operations };
}

function deliveriesOf(service: MemoryCharges): EventDelivery[] {
  const answer = service.handle({ kind: "outbox-read", limit: 100_000 });
  const { events } = (answer as { result: ChargesResult }).result as Extract<ChargesResult, { kind: "outbox" }>;
  return events.map((event) => ({ id: event.id, subject: event.subject, duplicate: false, event }));
}

const kept = { once: true, events: "kept" } as const;
const busy = { events: "kept", repeatShare: 0.3, refundShare: 0.3, declineShare: 0.1 } as const;

test("sessions charge, repeat and refund, and what comes of it holds", () => {
  const { operations, books } = play(new MemoryCharges(), busy);
  const share = (name: string): number => operations.filter((operation) => operation === name).length / 300;
  assert.equal(share("charge"), 1);
  assert.ok(Math.abs(share("repeat") - 0.3) < 0.08 && share("refund") > 0.15);
  assert.equal(books.charges.length, 300);
});

test("without keys repeated charges are counted, or a violation where once was promised", () => {
  const { history, books } = play(new MemoryCharges({ idempotency: false }), { ...busy, once: false });
  const lenient = checkCharges(history, books, { once: false, events: "kept" });
  assert.ok(lenient.held && lenient.counts["doubled"] > 50, JSON.stringify(lenient.counts));
  assert.match(checkCharges(history, books, kept).violations.join("\n"), /charge-\d+ was answered with ch_/);
});

test("each tampering is seen", () => {
  const { history, books } = play(new MemoryCharges(), busy);
  const refunded = books.charges.findIndex(({ amountRefunded }) => amountRefunded > 0);
  const { deliveries } = books;
  const other: Fact = { ...history[0].fact, id: "ch_other" };
  const tampered: [RegExp, Partial<Books>, HistoryEntry[]?][] = [
    [/not in the books/, { charges: books.charges.slice(0, -1) }],
    [
      /says 0 was refunded/,
      { charges: books.charges.with(refunded, { ...books.charges[refunded], amountRefunded: 0 }) },
    ],
    [/made ch_.* and ch_copy/, { charges: [...books.charges, { ...books.charges[0], id: "ch_copy" }] }],
    [/the balance is/, { balance: books.balance + 1 }],
    [/never told/, { deliveries: deliveries.slice(0, -1) }],
    [/was told after event/, { deliveries: deliveries.toReversed() }],
    [
      /told of .*#9, which is not/,
      { deliveries: [...deliveries, { ...deliveries[0], event: { ...deliveries[0].event!, sequence: 9 } }] },
    ],
    [/was answered with/, {}, [...history, { ...history[0], fact: other }]],
  ];
  for (const [expected, change, entries = history] of tampered) {
    assert.match(checkCharges(entries, { ...books, ...change }, kept).violations.join("\n"), expected);
  }
  assert.ok(!checkCharges(history, null, kept).held, "no books, no promise");
  const doubled = { ...books, deliveries: [...deliveries, { ...deliveries[0], duplicate: true }] };
  assert.equal(checkCharges(history, doubled, kept).counts["repeatedEvents"], 1);
});

test("what nodes tell on their own is named by keys, and only counted", () => {
  const { history, books } = play(new MemoryCharges(), busy);
  const paid = books.charges.filter(({ status }) => status === "succeeded");
  const told = paid.slice(1).map(({ metadata }) => `charge-create-${metadata["key"]}`);
  const refunds = books.refunds.map(({ metadata }) => `refund-create-${metadata["key"]}`);
  const deliveries = [...told, ...refunds, "charge-create-nobody"].map((id) => ({
    id,
    subject: id,
    duplicate: false,
    event: null,
  }));
  const { held, counts } = checkCharges(history, { ...books, deliveries }, { once: true, events: "counted" });
  assert.ok(held);
  assert.deepEqual([counts["lostEvents"], counts["inventedEvents"]], [1, 1]);
});
