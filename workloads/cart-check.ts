/**
 * What must hold of carts after all faults are healed. A put *wrote* the lines it kept and added; it *removed* the lines its own
 * read had shown and that it left out. "Acknowledged" and "before" are those of real-time-order.ts.
 *
 * Any table
 * - **No line from nowhere.** Each final line was added by a put that is not known never to have happened, and each version read
 *   comes from such a put, which did not begin after the read had ended.
 *
 * Union and siblings
 * - **No added line lost.** A line added by an acknowledged put is in the final cart unless some put that is not known never to
 *   have happened removed it, which means that the remover had seen it. Reading an old cart is no excuse: a write replaces
 *   only what its context covers.
 * - A line that is there although an acknowledged put removed it is *resurrected*. Dynamo permits that ("deleted items can
 *   resurface", section 4.4): it is counted.
 *
 * Last writer wins
 * - **The last writer is not an older one.** The final version comes from one put of the history, f, with exactly the lines f
 *   wrote, and no acknowledged put p has f before p.
 * - **Each loss is legal.** A line added by an acknowledged put p, removed by nobody and not in the final cart was overwritten by
 *   some put c that did not write it, is not before p, and had not seen p: where `strict`, c's read began before p was
 *   acknowledged. Such lines are counted as lost.
 */
import type { Micros } from "../backend/kernel/units.ts";
import type { MergeRule } from "../backend/api.ts";
import type { CartPutFact, CartReadFact, CartView } from "./cart.ts";
import type { Effect, Findings } from "./real-time-order.ts";
import { effectOf, isBefore } from "./real-time-order.ts";
import type { HistoryEntry } from "./workload.ts";

export interface CartPromise {
  readonly merge: MergeRule;
  /** Whether a read sees every write acknowledged before it: r + w > n and a strict quorum. */
  readonly strict: boolean;
  readonly slackUs: Micros;
}

interface Put {
  readonly id: string;
  readonly fact: CartPutFact;
  readonly effect: Effect;
  readonly wrote: ReadonlySet<string>;
  /** When the read it follows from began. */
  readonly readUs: Micros;
}

export const cartCounts = ["linesAdded", "linesLost", "linesRemoved", "linesResurrected", "putsUnknown"] as const;

/** Carts somebody wrote to, in order of first appearance. */
export function writtenCarts(history: readonly HistoryEntry[]): string[] {
  const carts = new Set<string>();
  for (const { fact } of history) if (fact.kind === "cart-put") carts.add(String(fact.cart));
  return [...carts];
}

/** `finals` by the order of `writtenCarts`; null when the final read failed. */
export function checkCarts(
  history: readonly HistoryEntry[],
  finals: readonly (CartView | null)[],
  promise: CartPromise,
  findings: Findings,
): void {
  const byCart = putsByCart(history);
  [...byCart].forEach(([cart, puts], i) => {
    const final = finals[i] ?? null;
    if (final === null) {
      findings.violate(`cart ${cart}: its final state could not be read`);
      return;
    }
    checkOrigins(cart, puts, final, findings);
    if (promise.merge === "last-writer-wins") checkLastWriter(cart, puts, final, promise, findings);
    checkLines(cart, puts, final, promise, findings);
  });
  checkReads(history, byCart, promise.slackUs, findings);
}

function putsByCart(history: readonly HistoryEntry[]): Map<string, Put[]> {
  const readsBegan = new Map<string, Micros>();
  for (const { arrival, step, startUs, fact } of history) {
    if (fact.kind === "cart-read") readsBegan.set(`${arrival}.${step}`, startUs);
  }
  const byCart = new Map<string, Put[]>();
  for (const entry of history) {
    if (entry.fact.kind !== "cart-put") continue;
    const fact = entry.fact as CartPutFact;
    const readUs = readsBegan.get(`${entry.arrival}.${fact.readStep}`) ?? -Infinity;
    const put: Put = {
      id: fact.put,
      fact,
      effect: effectOf(entry),
      wrote: new Set([...fact.kept, ...fact.added]),
      readUs,
    };
    const puts = byCart.get(fact.cart);
    if (puts === undefined) byCart.set(fact.cart, [put]);
    else puts.push(put);
  }
  return byCart;
}

function checkOrigins(cart: string, puts: readonly Put[], final: CartView, findings: Findings): void {
  const adders = new Map<string, Put>();
  for (const put of puts) for (const line of put.fact.added) adders.set(line, put);
  for (const line of final.lines.keys()) {
    findings.examine();
    const adder = adders.get(line);
    if (adder === undefined) findings.violate(`cart ${cart}: line ${line} is there and nobody added it`);
    else if (adder.effect.happened === "never") {
      findings.violate(`cart ${cart}: line ${line} is there though put ${adder.id}, which added it, was refused`);
    }
  }
}

function checkReads(
  history: readonly HistoryEntry[],
  byCart: ReadonlyMap<string, readonly Put[]>,
  slackUs: Micros,
  findings: Findings,
): void {
  const made = new Map<string, Effect>();
  for (const puts of byCart.values()) for (const { id, effect } of puts) made.set(id, effect);
  for (const { arrival, endUs, outcome, fact } of history) {
    if (fact.kind !== "cart-read" || outcome !== "ok") continue;
    const read = fact as CartReadFact;
    for (const put of read.puts) {
      findings.examine();
      const effect = made.get(put);
      const what = `cart ${read.cart}: read by arrival ${arrival} shows put ${put}, which`;
      if (effect === undefined) findings.violate(`${what} nobody made`);
      else if (effect.happened === "never") findings.violate(`${what} was refused`);
      else if (effect.startUs > endUs + slackUs) findings.violate(`${what} began later`);
    }
  }
}

function checkLastWriter(
  cart: string,
  puts: readonly Put[],
  final: CartView,
  { slackUs }: CartPromise,
  findings: Findings,
): void {
  findings.examine();
  const acknowledged = puts.filter(({ effect }) => effect.happened === "certainly");
  const last = puts.find(({ id }) => id === final.puts[0]);
  if (final.puts.length === 0) {
    if (acknowledged.length > 0)
      findings.violate(`cart ${cart}: put ${acknowledged[0].id} was acknowledged and nothing is stored`);
    return;
  }
  if (last === undefined || last.effect.happened === "never") {
    findings.violate(
      `cart ${cart}: the final version is put ${final.puts[0]}, which ${last ? "was refused" : "nobody made"}`,
    );
    return;
  }
  if (last.wrote.size !== final.lines.size || [...final.lines.keys()].some((line) => !last.wrote.has(line))) {
    findings.violate(`cart ${cart}: the final version is put ${last.id} but does not have the lines it wrote`);
  }
  const newer = acknowledged.find(({ effect }) => isBefore(last.effect, effect, slackUs));
  if (newer !== undefined) {
    findings.violate(
      `cart ${cart}: put ${newer.id} was acknowledged and replaced by put ${last.id}, which was over before it began`,
    );
  }
}

function checkLines(
  cart: string,
  puts: readonly Put[],
  final: CartView,
  promise: CartPromise,
  findings: Findings,
): void {
  const removers = removersByLine(puts);
  for (const put of puts) {
    if (put.effect.happened === "perhaps") findings.count("putsUnknown");
    if (put.effect.happened !== "certainly") continue;
    for (const line of put.fact.added) {
      findings.examine();
      findings.count("linesAdded");
      const removed = removers.get(line) ?? [];
      if (final.lines.has(line)) {
        if (removed.some(({ effect }) => effect.happened === "certainly")) findings.count("linesResurrected");
      } else if (removed.length > 0) findings.count("linesRemoved");
      else checkLoss(cart, line, put, puts, promise, findings);
    }
  }
}

function checkLoss(
  cart: string,
  line: string,
  adder: Put,
  puts: readonly Put[],
  { merge, strict, slackUs }: CartPromise,
  findings: Findings,
): void {
  findings.count("linesLost");
  const what = `cart ${cart}: line ${line}, added by put ${adder.id} and acknowledged, is gone`;
  if (merge !== "last-writer-wins") {
    findings.violate(`${what} and nobody who had seen it removed it`);
    return;
  }
  const overwriter = puts.find((put) => {
    if (put === adder || put.effect.happened === "never" || put.wrote.has(line)) return false;
    const mayNotHaveSeen = !strict || put.readUs - slackUs <= adder.effect.untilUs;
    return mayNotHaveSeen && !isBefore(put.effect, adder.effect, slackUs);
  });
  if (overwriter === undefined) findings.violate(`${what} and no concurrent put can have overwritten it`);
}

/** Puts that may have happened, by the lines they removed. */
function removersByLine(puts: readonly Put[]): Map<string, Put[]> {
  const removers = new Map<string, Put[]>();
  for (const put of puts) {
    if (put.effect.happened === "never") continue;
    for (const line of put.fact.removed) removers.set(line, [...(removers.get(line) ?? []), put]);
  }
  return removers;
}
