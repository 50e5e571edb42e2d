/**
 * Charges on a log of three replicas, for the kill harness. Every third is asked for twice at once; all are asked for again after each
 * restart, with the same key: the answer must be the first one's charge. Then the books are read whole:
 *
 *     charges of a key    never two, acknowledged or not
 *     outbox rows         one for each charge, and none without
 *     balance             what the charges amount to
 */
import type { Answer, Request, Result } from "./api.ts";
import type { Charge, ChargesRequest } from "./api-charges.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond } from "./kernel/units.ts";
import type { KillLoad } from "./kill-harness.ts";

const account = "acct_kill";
const pageLimit = 100;

export const deployment: KillLoad["deployment"] = {
  topology: oneRegion(3),
  service: { kind: "charges", log: { replicas: [0, 1, 2], leaseUs: 400 * millisecond } },
  durability: "log",
};

const amountOf = (i: number): number => 100 + (i % 900);

export const write: KillLoad["write"] = (i): Request => ({
  kind: "charge-create",
  account,
  amount: amountOf(i),
  currency: "usd",
  source: "tok_visa",
  metadata: { i: String(i) },
  idempotency: { account, key: `key ${i}`, fingerprint: String(amountOf(i)) },
});

function chargeIn(answer: Answer): { readonly charge: Charge; readonly replayed: boolean } | undefined {
  return answer.kind === "ok" && answer.result.kind === "charge" ? answer.result : undefined;
}

export const next: NonNullable<KillLoad["next"]> = (i, answer) =>
  i % 3 === 0 && chargeIn(answer)?.replayed === false ? write(i) : null;

export const told: NonNullable<KillLoad["told"]> = (answer) => chargeIn(answer)?.charge.id ?? "";

export const read: KillLoad["read"] = write;

export const holds: KillLoad["holds"] = (i, answer, id) => {
  const found = chargeIn(answer);
  return found?.replayed === true && found.charge.id === id && found.charge.amount === amountOf(i);
};

type Ask = Parameters<NonNullable<KillLoad["audit"]>>[0];

export const audit: NonNullable<KillLoad["audit"]> = async (ask, acknowledged) => {
  const wrong = new Set<number>();
  const charges = await everyCharge(ask);
  const idByWrite = new Map<number, string>();
  for (const { id, metadata } of charges) {
    const i = Number(metadata.i);
    if (idByWrite.has(i)) wrong.add(i);
    idByWrite.set(i, id);
    // What was under way when the process died is the same charge when it is asked for again.
    if (!acknowledged.has(i) && !holds(i, await ask(write(i)), id)) wrong.add(i);
  }
  for (const [i, id] of acknowledged) if (idByWrite.get(i) !== id) wrong.add(i);
  const { events } = await result(ask, { kind: "outbox-read", limit: 10 * charges.length + 10 }, "outbox");
  const rows = new Map<string, number>();
  for (const { subject } of events) rows.set(subject, (rows.get(subject) ?? 0) + 1);
  for (const [i, id] of idByWrite) if (rows.get(id) !== 1) wrong.add(i);
  if (rows.size !== charges.length) throw new Error(`${rows.size} charges are told of, ${charges.length} were made`);
  const { balance } = await result(ask, { kind: "balance-get", account }, "balance");
  const sum = charges.reduce((total, { amount }) => total + amount, 0);
  if ((balance.available.usd ?? 0) !== sum)
    throw new Error(`the balance is ${balance.available.usd}, the charges amount to ${sum}`);
  return [...wrong];
};

async function everyCharge(ask: Ask): Promise<Charge[]> {
  const charges: Charge[] = [];
  for (;;) {
    const startingAfter = charges.at(-1)?.id;
    const page = await result(ask, { kind: "charge-list", account, limit: pageLimit, startingAfter }, "list");
    charges.push(...(page.objects as readonly Charge[]));
    if (!page.more) return charges;
  }
}

async function result<Kind extends Result["kind"]>(ask: Ask, request: ChargesRequest, kind: Kind) {
  const answer = await ask(request);
  if (answer.kind !== "ok" || answer.result.kind !== kind)
    throw new Error(`${request.kind} was answered ${JSON.stringify(answer)}`);
  return answer.result as Extract<Result, { readonly kind: Kind }>;
}
