/** Workloads made from data: defaults, errors, and that what they do is a function of (seed, arrival). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../backend/api.ts";
import { Random } from "../backend/kernel/random.ts";
import { balances } from "./balances.ts";
import { cache } from "./cache.ts";
import { cacheTrace } from "./cache-trace.ts";
import { cartConflict } from "./cart-conflict.ts";
import { createWorkload, workloadNames } from "./catalog.ts";
import { charges } from "./charges.ts";
import { checkout } from "./checkout.ts";
import { dispatch } from "./dispatch.ts";
import { draw } from "./distribution.ts";
import { fanOut } from "./fan-out.ts";
import { herd } from "./herd.ts";
import { items } from "./items.ts";
import { members } from "./members.ts";
import { registers } from "./registers.ts";
import { rows } from "./rows.ts";
import { transactions } from "./transactions.ts";
import { work } from "./work.ts";
import type { HistoryEntry, Step, WorkloadSpec } from "./workload.ts";

const specs = [
  items(),
  members(),
  cache(),
  cacheTrace(),
  charges(),
  checkout(),
  dispatch(),
  fanOut(),
  herd(),
  cartConflict(),
  balances(),
  registers(),
  rows(),
  transactions(),
  work(),
];
const emptyItem: Answer = { kind: "ok", result: { kind: "item", item: null, siblings: [], context: "", units: 1 } };

/** The first steps of a session whose every answer is `answer`. */
function steps(spec: WorkloadSpec, arrival: number, seed = 1, answer: Answer = emptyItem): Step[] {
  const session = createWorkload(spec).begin(arrival, Random.stream(seed, "session", arrival));
  const made: Step[] = [];
  for (let step = session.next(null); step !== null && made.length < 50; step = session.next(answer)) made.push(step);
  return made;
}

test("defaults make every workload, and survive JSON", () => {
  assert.deepEqual(specs.map(({ name }) => name).sort(), [...workloadNames].sort());
  for (const spec of specs) {
    const workload = createWorkload(JSON.parse(JSON.stringify(spec)) as WorkloadSpec);
    assert.equal(workload.name, spec.name);
    assert.ok(steps(spec, 0).length > 0);
    assert.deepEqual(createWorkload({ name: spec.name, parameters: {} }).setup(), workload.setup());
  }
});

test("a session is a function of (seed, arrival) and its answers", () => {
  for (const spec of specs) {
    assert.deepEqual(steps(spec, 5), steps(spec, 5), spec.name);
    // Where a driver is, whatever the seed, is its own affair.
    if (!["work", "fan-out", "herd", "dispatch"].includes(spec.name))
      assert.notDeepEqual(steps(spec, 5, 1), steps(spec, 5, 2), spec.name);
    assert.notDeepEqual(steps(spec, 5), steps(spec, 6), spec.name);
  }
});

test("unknown names and values that do not fit are named", () => {
  const wrong: [WorkloadSpec, RegExp][] = [
    [{ name: "item", parameters: {} }, /no workload of that name; got item; expected one of balances, .*; fix: /],
    [{ name: "toString", parameters: {} }, /no workload of that name/],
    [
      { name: "items", parameters: { readshare: 1 } },
      /items workload has no parameter of that name; got readshare; expected/,
    ],
    [
      items({ readShare: 2 }),
      /readShare .* does not fit; got 2; expected a number from 0 to 1; fix: write readShare: 0/,
    ],
    [items({ entries: [-1] }), /entries .*; got \[-1\]; expected a list of nodes' numbers/],
    [fanOut({ parts: 0 }), /parts .*; got 0; expected a whole number from 1/],
    [fanOut({ rows: [{ name: "a", arrivals: 0 }] }), /rows .*; expected a list of \{ name, arrivals \}/],
    [items({ slackUs: 0.5 }), /slackUs .*; got 0.5; expected a whole number, at least 0/],
    [{ name: "items", parameters: { shift: { atArrival: -1, keys: "uniform" } } }, /shift .*; expected null, or/],
    [items({ shift: { atArrival: 1, keys: "zipf" } }), /got zipf; expected uniform/],
    [items({ keys: "zipf" }), /got zipf; expected uniform/],
    [items({ valueBytes: { kind: "uniform", from: 5, to: 1 } }), /valueBytes .*; expected a number, \{ kind: constant/],
    [items({ valueBytes: -1 }), /valueBytes/],
    [{ name: "items", parameters: { consistent: "yes" } }, /consistent .*; got yes; expected true or false/],
    [{ name: "items", parameters: { prefix: 7 } }, /prefix .*; got 7; expected a text/],
    [{ name: "items", parameters: { table: 7 } }, /is no table; got 7/],
    [{ name: "items", parameters: { table: { nome: "x" } } }, /table of the items workload has no parameter.*got nome/],
    [{ name: "items", parameters: { table: { merge: "max" } } }, /merge does not fit; got max; expected one of union/],
    [{ name: "items", parameters: { table: { capacity: { kind: "free" } } } }, /capacity does not fit/],
    [items({ table: { replication: { n: 3, r: 4, w: 2, sloppy: false } } }), /replication does not fit/],
    [items({ table: { partitions: -1 } }), /partitions does not fit/],
    [items({ table: { name: "" } }), /name does not fit/],
    [{ name: "balances", parameters: { by: "hand" } }, /by .*; got hand; expected one of overwrite, add, log/],
    [{ name: "registers", parameters: { handOver: { to: 1 } } }, /handOver .*; got {"to":1}; expected null, or/],
    [{ name: "charges", parameters: { events: "some" } }, /events .*; got some; expected kept, counted or none/],
    [rows({ spell: { fromArrival: 5, toArrival: 4, keys: "uniform" } }), /spell .*; expected null, or/],
    [{ name: "cache", parameters: { mix: { peek: 1 } } }, /mix .*; expected weights of get/],
    [cache({ homes: [] }), /homes .*; expected lists of entry nodes/],
    [cache({ phases: [5, 5] }), /phases .*; expected numbers of arrivals/],
    [{ name: "cache", parameters: { latch: "one" } }, /latch .*; got one; expected all or some/],
    [rows({ readShare: -1 }), /readShare .*; got -1/],
    [checkout({ perSession: [3, 2] }), /perSession .*; got \[3,2\]; expected \[lowest, highest\]/],
    [checkout({ mix: { view: 0, add: 0, change: 0, remove: 0 } }), /mix .*; expected weights/],
    [{ name: "checkout", parameters: { mix: { steal: 1 } } }, /mix .*; got \{"steal":1\}/],
    [{ name: "checkout", parameters: { thinkUs: { kind: "normal" } } }, /thinkUs/],
    [cartConflict({ sides: [[], [1]] }), /sides .*; expected two lists of entry nodes/],
    [{ name: "transactions", parameters: { order: "some" } }, /order .*; got some; expected kept or counted/],
    [transactions({ tablets: 3, participants: 4 }), /participants .*; got 4; expected a whole number from 1 to 3/],
    [transactions({ mix: { write: 0, readOnly: 0, snapshot: 0 } }), /mix .*; expected weights/],
    [{ name: "cart-conflict", parameters: { checkoutShare: 1 } }, /no parameter of that name; got checkoutShare/],
  ];
  for (const [spec, message] of wrong)
    assert.throws(() => createWorkload(spec), { code: "WAVETANK_PARAMETER", message });
});

test("undefined is the default", () => {
  assert.deepEqual(steps(items({ readShare: undefined }), 3), steps(items(), 3));
});

test("distributions", () => {
  const random = new Random(1);
  assert.equal(draw(7, random), 7);
  assert.equal(draw({ kind: "constant", value: 7.4 }, random), 7);
  const uniform = Array.from({ length: 1_000 }, () => draw({ kind: "uniform", from: 1, to: 3 }, random));
  assert.deepEqual(
    [...new Set(uniform)].sort((a, b) => a - b),
    [1, 2, 3],
  );
  const times = Array.from({ length: 20_000 }, () => draw({ kind: "exponential", mean: 1_000 }, random));
  const mean = times.reduce((a, b) => a + b, 0) / times.length;
  assert.ok(Math.abs(mean - 1_000) < 30 && times.every(Number.isInteger));
});

test("items: shares, sizes and table options", () => {
  const spec = items({ readShare: 0.25, valueBytes: 2_000, prefix: "p", table: { name: "t", merge: "siblings" } });
  const workload = createWorkload(spec);
  const [create] = workload.setup();
  assert.ok(create.kind === "create-table" && create.table.name === "t" && create.table.merge === "siblings");
  const made = Array.from({ length: 2_000 }, (_, i) => steps(spec, i)[0]);
  const reads = made.filter(({ operation }) => operation === "read").length / made.length;
  assert.ok(Math.abs(reads - 0.25) < 0.04);
  const put = made.find(({ request }) => request.kind === "put")!.request;
  assert.ok(put.kind === "put" && put.item.value.S!.length === 2_000 && put.item.key.S!.startsWith("p"));
});

test("items: keys shift at an arrival", () => {
  const spec = items({ keys: "uniform:1000000", shift: { atArrival: 10, keys: "hotspot:1:1" } });
  const keys = Array.from({ length: 20 }, (_, i) => steps(spec, i)[0].fact!.key);
  assert.ok(keys.slice(0, 10).every((key) => key !== "item-0") && keys.slice(10).every((key) => key === "item-0"));
});

test("rows: a spell of other keys begins and ends at arrivals, and keys are in the order of their numbers", () => {
  const spec = rows({
    keys: "uniform:1000",
    readShare: 0,
    spell: { fromArrival: 5, toArrival: 9, keys: "hotspot:1:1" },
  });
  const keys = Array.from({ length: 12 }, (_, arrival) => String(steps(spec, arrival)[0].fact?.key));
  assert.deepEqual(
    keys.map((key) => key === "row-000000000"),
    keys.map((_, arrival) => arrival >= 5 && arrival < 9),
  );
});

test("cart-conflict: pairs share a cart and enter on two sides", () => {
  const spec = cartConflict({ carts: 3, sides: [[0, 1], [2]] });
  for (let pair = 0; pair < 12; pair++) {
    const [left, right] = [steps(spec, 2 * pair), steps(spec, 2 * pair + 1)];
    assert.ok(left.every(({ entry }) => entry === 0 || entry === 1) && right.every(({ entry }) => entry === 2));
    for (const { fact } of [...left, ...right]) assert.equal(fact!.cart, `cart-${pair % 3}`);
  }
});

test("a shopper that is refused everything asks for every action and gives up", () => {
  const refused: Answer = { kind: "refused", code: "unavailable", message: "" };
  for (const step of steps(checkout({ perSession: [4, 4], checkoutShare: 0 }), 1, 1, refused))
    assert.equal(step.operation, "view");
  assert.equal(steps(checkout({ perSession: [4, 4], checkoutShare: 0 }), 1, 1, refused).length, 4);
});

test("work: one outcome each; rejects two, an end before the start, and no outcome; accepts any mix", () => {
  const workload = createWorkload(work());
  const entry = (arrival: number, outcome: string, endUs = 10): HistoryEntry =>
    ({ arrival, step: 0, startUs: 5, endUs, outcome, fact: { kind: "work" } }) as HistoryEntry;
  const good = workload.check([entry(1, "ok"), entry(2, "refused", 5), entry(3, "unknown")], []);
  assert.ok(good.held);
  assert.deepEqual(good.counts, { ok: 1, refused: 1, unknown: 1 });
  assert.deepEqual(workload.finalReads([]), []);
  assert.match(workload.check([entry(1, "ok"), entry(1, "ok")], []).violations.join(), /two outcomes/);
  assert.match(workload.check([entry(1, "ok", 4)], []).violations.join(), /before its start/);
  assert.match(workload.check([entry(1, "lost")], []).violations.join(), /no outcome: got lost/);
  assert.equal(workload.check([], []).held, false);
});
