/**
 * Conflicts on purpose: sessions come in pairs that write the same cart from two sides, as two shoppers, or one with two
 * devices, on either side of a partition. Arrival 2k enters at a node of the first side and 2k + 1 at one of the second.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import { CartSession } from "./cart-session.ts";
import type { ShopperParameters } from "./checkout.ts";
import { Shop, shopperDefaults } from "./checkout.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, HistoryEntry, Session, Workload, WorkloadSpec } from "./workload.ts";

export interface CartConflictParameters extends ShopperParameters {
  /** How many carts the pairs go round. Default 100. */
  readonly carts?: number;
  /** Entry nodes of the two sides. Default [[0], [1]]. */
  readonly sides?: readonly [readonly number[], readonly number[]];
}

export const cartConflictDefaults = {
  ...shopperDefaults,
  perSession: [1, 3],
  mix: { view: 0, add: 4, change: 0, remove: 1 },
  carts: 100,
  sides: [[0], [1]],
} satisfies Required<CartConflictParameters>;

export function cartConflict(parameters: CartConflictParameters = {}): WorkloadSpec {
  return { name: "cart-conflict", parameters: { ...cartConflictDefaults, ...parameters } };
}

export class CartConflict implements Workload {
  readonly name = "cart-conflict";
  private readonly shop: Shop;
  private readonly carts: number;
  private readonly sides: readonly (readonly number[])[];

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("cart-conflict", cartConflictDefaults, given);
    this.shop = new Shop(parameters, "cart-conflict", null, { checkoutShare: 0, resubmitShare: 0 });
    this.carts = parameters.whole("carts", 1, Infinity);
    this.sides = sidesOf(parameters);
  }

  setup(): readonly Request[] {
    return this.shop.setup();
  }

  begin(arrival: number, random: Random): Session {
    const entry = random.pick(this.sides[arrival % 2]);
    const cart = Math.floor(arrival / 2) % this.carts;
    return new CartSession(this.shop.plan, arrival, random, `cart-${cart}`, entry);
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    return this.shop.finalReads(history);
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return this.shop.check(history, finals);
  }
}

function sidesOf(parameters: Parameters): readonly (readonly number[])[] {
  const sides = parameters.raw("sides");
  const isSide = (side: unknown): boolean =>
    Array.isArray(side) && side.length > 0 && side.every((node) => Number.isSafeInteger(node) && node >= 0);
  if (Array.isArray(sides) && sides.length === 2 && sides.every(isSide)) return sides as number[][];
  throw parameters.mistake("sides", sides, "two lists of entry nodes, none empty", "[[0, 1], [2]]");
}
