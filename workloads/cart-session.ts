/**
 * One shopper. Every change reads the cart, thinks, and writes the whole cart back with the context it was read with; a
 * checkout places the order and then empties the cart.
 *
 *     reading ──view──────────────────────────────────> next action
 *        ├────add, change, remove──> writing ─────────> next action
 *        └────checkout──> ordering ──placed──> emptying ──> end
 *                           │  ^
 *                           └──┘ outcome unknown: the same order again, twice at most
 *
 * An order's key is its own id and its condition is that no such order exists, so submitting it again is harmless: whoever
 * gets "condition failed" knows that an earlier submission of his was the one.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { CartPutFact, CartReadFact, CartView, Line, OrderFact } from "./cart.ts";
import { cartIn, cartItem, linesValue } from "./cart.ts";
import type { Distribution } from "./distribution.ts";
import { draw } from "./distribution.ts";
import type { Session, Step } from "./workload.ts";

export type CartAction = "view" | "add" | "change" | "remove" | "checkout";

/** Relative weights of a session's actions before its checkout. */
export type CartMix = Readonly<Record<Exclude<CartAction, "checkout">, number>>;

/** What all shoppers of a workload have in common. */
export interface ShopperPlan {
  readonly carts: string;
  /** Null: nobody checks out. */
  readonly orders: string | null;
  /** Actions in a session, both ends included. */
  readonly perSession: readonly [number, number];
  readonly mix: CartMix;
  readonly thinkUs: Distribution;
  readonly quantity: Distribution;
  /** Lines a cart may have: a fuller one gets no more. */
  readonly maxLines: number;
  readonly checkoutShare: number;
  /** Share of placed orders submitted once more, as by a client that did not see the answer. */
  readonly resubmitShare: number;
  readonly consistent: boolean;
}

const submissionsAfterUnknown = 2;
const skus = 1_000;

type Phase = "begin" | "reading" | "writing" | "ordering" | "emptying";

export class CartSession implements Session {
  private readonly plan: ShopperPlan;
  private readonly arrival: number;
  private readonly random: Random;
  private readonly cart: string;
  private readonly entry: number | undefined;
  private readonly actions: CartAction[];
  private phase: Phase = "begin";
  /** Number of the step under way, as the driver counts them. */
  private step = -1;
  private readStep = -1;
  private readFact: CartReadFact | null = null;
  private view: CartView | null = null;
  private order: OrderFact | null = null;
  private submissions = 0;
  private resubmit = false;

  constructor(plan: ShopperPlan, arrival: number, random: Random, cart: string, entry?: number) {
    this.plan = plan;
    this.arrival = arrival;
    this.random = random;
    this.cart = cart;
    this.entry = entry;
    const [fewest, most] = plan.perSession;
    const count = random.between(fewest, most);
    this.actions = Array.from({ length: count }, () => pickAction(plan.mix, random));
    if (plan.orders !== null && random.chance(plan.checkoutShare)) this.actions.push("checkout");
  }

  next(previous: Answer | null): Step | null {
    switch (this.phase) {
      case "begin":
      case "writing":
        return this.nextAction();
      case "reading":
        return this.afterRead(previous!);
      case "ordering":
        return this.afterOrder(previous!);
      case "emptying":
        return null;
    }
  }

  private nextAction(): Step | null {
    if (this.actions.length === 0) return null;
    this.phase = "reading";
    this.readFact = { kind: "cart-read", cart: this.cart, puts: [] };
    const { carts: table, consistent } = this.plan;
    const request: Request = { kind: "get", table, key: { cart: { S: this.cart } }, consistent };
    const step = this.newStep("view", request, this.readFact);
    this.readStep = this.step;
    return step;
  }

  /** Only what was seen can be changed: an action whose read failed is given up. */
  private afterRead(answer: Answer): Step | null {
    this.view = cartIn(answer);
    const action = this.actions.shift()!;
    if (this.view === null) return this.nextAction();
    this.readFact!.puts = this.view.puts;
    const possible = this.possible(action, this.view.lines.size);
    if (possible === "view") return this.nextAction();
    if (possible !== "checkout") return this.change(possible, this.view);
    const order = `order-${this.arrival}.${this.step + 1}`;
    this.order = { kind: "order", order, cart: this.cart, lines: [...this.view.lines.keys()], code: "" };
    this.resubmit = this.random.chance(this.plan.resubmitShare);
    return this.submit();
  }

  private possible(action: CartAction, lines: number): CartAction {
    if (action === "add" && lines >= this.plan.maxLines) return "view";
    if (lines > 0 || action === "view" || action === "add") return action;
    return action === "checkout" ? "view" : "add";
  }

  private change(action: "add" | "change" | "remove", view: CartView): Step {
    this.phase = "writing";
    const lines = new Map(view.lines);
    const line: Line = {
      sku: `sku-${this.random.below(skus)}`,
      quantity: Math.max(1, draw(this.plan.quantity, this.random)),
    };
    const id = action === "add" ? `${this.arrival}.${this.step + 1}` : this.random.pick([...lines.keys()]);
    if (action === "remove") lines.delete(id);
    else lines.set(id, action === "add" ? line : { ...lines.get(id)!, quantity: line.quantity });
    return this.put(action, view, lines);
  }

  private put(operation: string, view: CartView, lines: ReadonlyMap<string, Line>): Step {
    const put = `${this.arrival}.${this.step + 1}`;
    const fact: CartPutFact = {
      kind: "cart-put",
      cart: this.cart,
      put,
      readStep: this.readStep,
      kept: [...lines.keys()].filter((id) => view.lines.has(id)),
      added: [...lines.keys()].filter((id) => !view.lines.has(id)),
      removed: [...view.lines.keys()].filter((id) => !lines.has(id)),
    };
    const item = cartItem(this.cart, put, lines);
    const request: Request = { kind: "put", table: this.plan.carts, item, context: view.context };
    return this.newStep(operation, request, fact);
  }

  private submit(): Step {
    this.phase = "ordering";
    this.submissions++;
    const fact = { ...this.order!, code: "" };
    this.order = fact;
    const item = { order: { S: fact.order }, cart: { S: fact.cart }, lines: { M: linesValue(this.view!.lines) } };
    const condition = { kind: "not-exists", path: ["order"] } as const;
    return this.newStep("checkout", { kind: "put", table: this.plan.orders!, item, condition }, fact);
  }

  private afterOrder(answer: Answer): Step | null {
    if (answer.kind !== "ok") this.order!.code = answer.code;
    if (answer.kind === "unknown") return this.submissions <= submissionsAfterUnknown ? this.submit() : null;
    if (answer.kind === "refused" && answer.code !== "condition-failed") return null;
    if (this.resubmit) {
      this.resubmit = false;
      return this.submit();
    }
    this.phase = "emptying";
    return this.put("empty", this.view!, new Map());
  }

  private newStep(operation: string, request: Request, fact: CartReadFact | CartPutFact | OrderFact): Step {
    this.step++;
    const thinkUs = draw(this.plan.thinkUs, this.random);
    return { operation, request, thinkUs, fact, entry: this.entry };
  }
}

function pickAction(mix: CartMix, random: Random): CartAction {
  const actions = Object.entries(mix) as [CartAction, number][];
  let left = random.float() * actions.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [action, weight] of actions) {
    left -= weight;
    if (left < 0) return action;
  }
  return actions.at(-1)![0];
}
