/**
 * A shopping cart as one item, the running example of the Dynamo paper (SOSP 2007, section 4.4):
 *
 *     { cart: {S}, put: {S}, items: {M: line id -> {M: sku {S}, quantity {N}}} }
 *
 * Each line added anywhere has an id of its own, so two carts unite without ambiguity, and `put` names the write that a
 * version comes from.
 */
import type { Answer, AttributeValue, Item } from "../backend/api.ts";
import { storedItems } from "./items.ts";

export interface Line {
  readonly sku: string;
  readonly quantity: number;
}

/** What one read showed: concurrent versions united. */
export interface CartView {
  readonly lines: ReadonlyMap<string, Line>;
  /** The writes that the versions come from. */
  readonly puts: readonly string[];
  /** The causality token to write back with. */
  readonly context: string;
}

/** The cart in an answer, or null when the answer shows none (it was refused or is unknown). An absent item is an empty cart. */
export function cartIn(answer: Answer): CartView | null {
  if (answer.kind !== "ok" || answer.result.kind !== "item") return null;
  const lines = new Map<string, Line>();
  const puts: string[] = [];
  for (const version of storedItems(answer.result)) {
    puts.push(version.put?.S ?? "");
    for (const [id, value] of Object.entries(version.items?.M ?? {})) unite(lines, id, lineIn(value));
  }
  return { lines, puts, context: answer.result.context };
}

/** Of one line in two versions the larger quantity stays: a client that merges must choose, and a lost item is the worse error. */
function unite(lines: Map<string, Line>, id: string, line: Line): void {
  const known = lines.get(id);
  if (known === undefined || known.quantity < line.quantity) lines.set(id, line);
}

function lineIn(value: AttributeValue): Line {
  return { sku: value.M?.sku?.S ?? "", quantity: Number(value.M?.quantity?.N ?? 0) };
}

export function cartItem(cart: string, put: string, lines: ReadonlyMap<string, Line>): Item {
  return { cart: { S: cart }, put: { S: put }, items: { M: linesValue(lines) } };
}

export function linesValue(lines: ReadonlyMap<string, Line>): Item {
  const value: Record<string, AttributeValue> = {};
  for (const [id, { sku, quantity }] of lines)
    value[id] = { M: { sku: { S: sku }, quantity: { N: String(quantity) } } };
  return value;
}

/* ---- what sessions tell the check; plain data ---- */

/** A read of a cart. Completed when its answer came. */
export interface CartReadFact {
  readonly kind: "cart-read";
  [detail: string]: unknown;
  readonly cart: string;
  puts: readonly string[];
}

/** A whole cart written back. What it wrote is `kept` and `added`; what it had seen and left out is `removed`. */
export interface CartPutFact {
  readonly kind: "cart-put";
  [detail: string]: unknown;
  readonly cart: string;
  readonly put: string;
  /** The step, in the same session, of the read it follows from. */
  readonly readStep: number;
  readonly kept: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** One submission of an order. `code` is the refusal's, completed when its answer came. */
export interface OrderFact {
  readonly kind: "order";
  [detail: string]: unknown;
  readonly order: string;
  readonly cart: string;
  readonly lines: readonly string[];
  code: string;
}
