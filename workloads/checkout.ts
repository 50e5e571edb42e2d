/**
 * A shop: sessions view carts, add, change and remove lines, and check out (Dynamo, SOSP 2007, section 4.4). Which cart a
 * session has is drawn from a distribution of keys, so two sessions may share one: that is how conflicts arise.
 */
import type { Answer, Request, TableSpec } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { cartIn } from "./cart.ts";
import { cartCounts, checkCarts, writtenCarts } from "./cart-check.ts";
import type { CartMix, ShopperPlan } from "./cart-session.ts";
import { CartSession } from "./cart-session.ts";
import type { Distribution } from "./distribution.ts";
import { distributionOf } from "./distribution.ts";
import type { KeyChooser } from "./keys.ts";
import { keyChooser } from "./keys.ts";
import { checkOrders, orderCounts, orderIn, submittedOrders } from "./order-check.ts";
import type { TableOptions } from "./parameters.ts";
import { Parameters, tableOf } from "./parameters.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry, Session, Workload, WorkloadSpec } from "./workload.ts";

/** Parameters that the two cart workloads share. */
export interface ShopperParameters {
  /** Default: "carts", union, n 3, r 2, w 2, strict, unlimited, 8 partitions. */
  readonly table?: TableOptions;
  /** Actions in a session, [fewest, most], a checkout not counted. */
  readonly perSession?: readonly [number, number];
  /** Relative weights. */
  readonly mix?: CartMix;
  /** Microseconds from one step's intended start to the next one's. Default exponential with mean 100 ms. */
  readonly thinkUs?: Distribution;
  /** Of a line. Default uniform from 1 to 5. */
  readonly quantity?: Distribution;
  /** Lines in a cart at most. Default 20. */
  readonly maxLines?: number;
  /** Whether reads ask for consistency. Default true. */
  readonly consistent?: boolean;
  /** Whether a read sees every write acknowledged before it (r + w > n, strict quorum): losses are judged by it. Default false. */
  readonly strict?: boolean;
  /** Instants closer than this count as one: the error of the clocks that order writes and of those that record. Default 0. */
  readonly slackUs?: Micros;
}

export interface CheckoutParameters extends ShopperParameters {
  /** Default: "orders", last writer wins, otherwise as carts. */
  readonly orders?: TableOptions;
  /** Which cart a session has. Default "uniform:1000". */
  readonly keys?: string;
  /** Share of sessions that end with a checkout. Default 0.3. */
  readonly checkoutShare?: number;
  /** Share of placed orders that are submitted once more. Default 0.1. */
  readonly resubmitShare?: number;
}

export const shopperDefaults = {
  table: {},
  thinkUs: { kind: "exponential", mean: 100_000 },
  quantity: { kind: "uniform", from: 1, to: 5 },
  maxLines: 20,
  consistent: true,
  strict: false,
  slackUs: 0,
} satisfies ShopperParameters;

export const checkoutDefaults = {
  ...shopperDefaults,
  perSession: [2, 6],
  mix: { view: 3, add: 5, change: 1, remove: 1 },
  orders: {},
  keys: "uniform:1000",
  checkoutShare: 0.3,
  resubmitShare: 0.1,
} satisfies Required<CheckoutParameters>;

export function checkout(parameters: CheckoutParameters = {}): WorkloadSpec {
  return { name: "checkout", parameters: { ...checkoutDefaults, ...parameters } };
}

export class Checkout implements Workload {
  readonly name = "checkout";
  private readonly shop: Shop;
  private readonly keys: KeyChooser;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("checkout", checkoutDefaults, given);
    this.keys = keyChooser(parameters.text("keys"));
    const orders = tableOf(
      "the orders table of the checkout workload",
      "order",
      { name: "orders" },
      parameters.raw("orders"),
    );
    this.shop = new Shop(parameters, "checkout", orders, {
      checkoutShare: parameters.number("checkoutShare", 0, 1),
      resubmitShare: parameters.number("resubmitShare", 0, 1),
    });
  }

  setup(): readonly Request[] {
    return this.shop.setup();
  }

  begin(arrival: number, random: Random): Session {
    return new CartSession(this.shop.plan, arrival, random, `cart-${this.keys.next(random, arrival)}`);
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    return this.shop.finalReads(history);
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return this.shop.check(history, finals);
  }
}

/** The tables of a cart workload, what its shoppers have in common, and what must hold of both tables afterwards. */
export class Shop {
  readonly plan: ShopperPlan;
  private readonly carts: TableSpec;
  private readonly orders: TableSpec | null;
  private readonly strict: boolean;
  private readonly slackUs: Micros;

  constructor(
    parameters: Parameters,
    workload: string,
    orders: TableSpec | null,
    shares: { readonly checkoutShare: number; readonly resubmitShare: number },
  ) {
    const owner = `the table of the ${workload} workload`;
    this.carts = tableOf(owner, "cart", { name: "carts", merge: "union" }, parameters.raw("table"));
    this.orders = orders;
    this.strict = parameters.boolean("strict");
    this.slackUs = parameters.whole("slackUs", 0, Infinity);
    this.plan = {
      carts: this.carts.name,
      orders: orders?.name ?? null,
      perSession: parameters.range("perSession", 1),
      mix: mixOf(parameters),
      thinkUs: distributionOf(parameters, "thinkUs"),
      quantity: distributionOf(parameters, "quantity"),
      maxLines: parameters.whole("maxLines", 1, 10_000),
      consistent: parameters.boolean("consistent"),
      ...shares,
    };
  }

  setup(): readonly Request[] {
    const tables = this.orders === null ? [this.carts] : [this.carts, this.orders];
    return tables.map((table) => ({ kind: "create-table", table }));
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    const get = (table: string, key: string, value: string): Request => {
      return { kind: "get", table, key: { [key]: { S: value } }, consistent: true };
    };
    const carts = writtenCarts(history).map((cart) => get(this.carts.name, "cart", cart));
    const orders = submittedOrders(history).map((order) => get(this.plan.orders ?? "", "order", order));
    return [...carts, ...orders];
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    const findings = new Findings(...cartCounts, ...(this.orders === null ? [] : orderCounts));
    const cartCount = writtenCarts(history).length;
    const promise = { merge: this.carts.merge, strict: this.strict, slackUs: this.slackUs };
    checkCarts(history, finals.slice(0, cartCount).map(cartIn), promise, findings);
    checkOrders(history, finals.slice(cartCount).map(orderIn), findings);
    const promised = {
      union: "no acknowledged line is lost",
      siblings: "no acknowledged line is lost",
      "last-writer-wins": "only concurrent writes lost lines",
    }[this.carts.merge];
    return findings.result(this.orders === null ? promised : `${promised}, no order is placed twice or lost`);
  }
}

function mixOf(parameters: Parameters): CartMix {
  const mix = parameters.raw("mix") as CartMix | null;
  const weights = typeof mix === "object" && mix !== null ? Object.entries(mix) : [];
  const known = weights.every(
    ([action, weight]) => isWeight(weight) && ["view", "add", "change", "remove"].includes(action),
  );
  if (known && weights.some(([, weight]) => weight > 0)) return { view: 0, add: 0, change: 0, remove: 0, ...mix };
  const expected = "weights of view, add, change and remove, none negative and one above 0";
  throw parameters.mistake("mix", mix, expected, "{ view: 3, add: 5, change: 1, remove: 1 }");
}

function isWeight(weight: unknown): boolean {
  return typeof weight === "number" && weight >= 0 && weight < Infinity;
}
