/**
 * A checkout's writes for the kill harness, on the real store: tables in three copies, two of which must be durable.
 *
 *     write i    three of four   read the cart, add line i, put the whole cart back with the context it was read with
 *                one of four     place order i, on condition that there is none yet
 *
 * Carts are few and shared: writers meet in them, so versions become siblings and unite, and every round mints over carts of the
 * rounds before it, as only a node that remembers its dots may. A line is never removed, so each that was acknowledged stays.
 * One node lags: at every kill there are writes that only the two others have, and owe it.
 */
import type { Answer, AttributeValue, Item, Replication, Request, TableSpec } from "./api.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond, second } from "./kernel/units.ts";
import type { KillLoad } from "./kill-harness.ts";

const cartCount = 250;

const replication: Replication = { n: 3, r: 2, w: 2, sloppy: false };

function table(name: string, key: string, merge: TableSpec["merge"]): TableSpec {
  const hashKey = { name: key, type: "S" } as const;
  return { name, hashKey, merge, replication, capacity: { kind: "unlimited" }, partitions: 8 };
}

const isOrder = (i: number): boolean => i % 4 === 3;
/** Neighbours in time share a cart. */
const cartOf = (i: number): AttributeValue => ({ S: `cart ${(i >> 3) % cartCount}` });
const lineOf = (i: number): string => `line ${i}`;
const orderOf = (i: number): AttributeValue => ({ S: `order ${i}` });

function itemIn(answer: Answer): Item | null {
  return answer.kind === "ok" && answer.result.kind === "item" ? answer.result.item : null;
}

export const deployment: KillLoad["deployment"] = {
  topology: oneRegion(3),
  service: {
    kind: "tables",
    virtualNodes: 150,
    quorumTimeoutUs: 2 * second,
    tables: [table("carts", "cart", "union"), table("orders", "order", "last-writer-wins")],
  },
  durability: "log",
};

function get(i: number, consistent: boolean): Request {
  const [table, key]: [string, Item] = isOrder(i) ? ["orders", { order: orderOf(i) }] : ["carts", { cart: cartOf(i) }];
  return { kind: "get", table, key, consistent };
}

export const faults: KillLoad["faults"] = [
  { kind: "disk", nodes: [2], delay: { kind: "constant", us: 10 * millisecond } },
];

export const read: KillLoad["read"] = (i) => get(i, true);
/** Three nodes and three copies: whoever is asked for one answers with his own. */
export const readCopy: KillLoad["readCopy"] = (i) => get(i, false);

export const write: KillLoad["write"] = (i) => {
  if (!isOrder(i)) return read(i);
  const item = { order: orderOf(i), cart: cartOf(i) };
  return { kind: "put", table: "orders", item, condition: { kind: "not-exists", path: ["order"] } };
};

export const next: NonNullable<KillLoad["next"]> = (i, answer): Request | null => {
  if (answer.kind !== "ok" || answer.result.kind !== "item") return null;
  const lines = { ...answer.result.item?.lines?.M, [lineOf(i)]: { N: "1" } };
  return {
    kind: "put",
    table: "carts",
    item: { cart: cartOf(i), lines: { M: lines } },
    context: answer.result.context,
  };
};

export const holds: KillLoad["holds"] = (i, answer) => {
  const item = itemIn(answer);
  return isOrder(i) ? item?.order?.S === orderOf(i).S : item?.lines?.M?.[lineOf(i)] !== undefined;
};
