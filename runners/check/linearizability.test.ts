import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../backend/kernel/random.ts";
import { isLinearizableByDefinition } from "./brute-force.fixture.ts";
import type { History, Operation } from "./history.ts";
import type { LinearizabilityViolation } from "./linearizability.ts";
import { assertLinearizable, checkLinearizability } from "./linearizability.ts";
import type { Model } from "./model.ts";
import type { KeyValueInput, KeyValueOutput, RegisterInput, RegisterOutput } from "./models.ts";
import { keyValueModel, registerModel } from "./models.ts";
import type { RegisterOperation } from "./register-history.fixture.ts";
import { registerHistory } from "./register-history.fixture.ts";

type Interval = readonly [client: number, invokedAt: number, completedAt: number];

const key = "k";
const read = ([client, invokedAt, completedAt]: Interval, value: string | number | null): RegisterOperation => ({
  client,
  invokedAt,
  completedAt,
  input: { kind: "read", key },
  output: { kind: "value", value },
});
const write = ([client, invokedAt, completedAt]: Interval, value: string | number): RegisterOperation => {
  const input = { kind: "write", key, value } as const;
  const operation = { client, invokedAt, completedAt, input };
  return completedAt === Infinity ? operation : { ...operation, output: { kind: "written" } };
};
const cas = (
  [client, invokedAt, completedAt]: Interval,
  expected: string | number | null,
  value: number,
  swapped: boolean,
): RegisterOperation => {
  const operation = { client, invokedAt, completedAt, input: { kind: "cas", key, expected, value } as const };
  return completedAt === Infinity ? operation : { ...operation, output: { kind: "swapped", swapped } };
};

const good: Readonly<Record<string, readonly RegisterOperation[]>> = {
  "nothing at all": [],
  "an unknown write takes effect long after, between two reads": [
    write([1, 0, 10], 1),
    write([2, 5, Infinity], 2),
    read([3, 20, 30], 1),
    read([3, 40, 50], 1),
    read([3, 60, 70], 2),
  ],
  "an unknown write never does": [write([1, 0, 10], 1), write([2, 5, Infinity], 2), read([3, 20, 30], 1)],
  "two reads see concurrent writes in the order opposite to their invocation": [
    write([1, 0, 100], 1),
    write([2, 1, 100], 2),
    read([3, 5, 20], 2),
    read([4, 30, 40], 1),
  ],
  "what ends and what begins at one instant are concurrent": [write([1, 0, 10], 1), read([2, 10, 20], null)],
  "a swap that nobody saw succeed explains a later one": [
    write([1, 0, 10], 1),
    cas([2, 0, Infinity], 1, 2, true),
    cas([3, 20, 30], 2, 3, true),
  ],
  "a chain of unknown swaps": [
    cas([1, 0, Infinity], 7, 8, true),
    cas([2, 0, Infinity], 6, 7, true),
    write([3, 1, Infinity], 6),
    read([4, 50, 60], 8),
  ],
};

const bad: Readonly<Record<string, readonly RegisterOperation[]>> = {
  "a stale read": [write([1, 0, 10], 1), write([1, 20, 30], 2), read([2, 40, 50], 1)],
  "a lost write": [write([1, 0, 10], 1), read([2, 20, 30], null)],
  "a value that nobody wrote": [write([1, 0, 10], 1), read([2, 20, 30], 9)],
  "a value read before it was written": [read([2, 0, 10], 1), write([1, 20, 30], 1)],
  "new, then old": [write([1, 0, 10], 1), write([2, 20, 100], 2), read([3, 30, 40], 2), read([4, 50, 60], 1)],
  "two swaps of one value succeed": [
    write([1, 0, 10], 1),
    cas([2, 20, 100], 1, 2, true),
    cas([3, 20, 100], 1, 3, true),
    read([4, 110, 120], 3),
  ],
  "an unknown write takes effect, and then does not": [
    write([1, 0, 10], 1),
    write([2, 5, Infinity], 2),
    read([3, 20, 30], 2),
    read([3, 40, 50], 1),
  ],
  "an unknown write takes effect before it is asked for": [read([3, 0, 10], 2), write([2, 20, Infinity], 2)],
};

for (const [name, history] of Object.entries(good))
  test(`a register may: ${name}`, () => assertLinearizable(registerModel, history));

for (const [name, history] of Object.entries(bad))
  test(`a register may not: ${name}`, () => {
    assert.equal(checkLinearizability(registerModel, history).kind, "violation");
    assert.throws(() => assertLinearizable(registerModel, history), /no order of its/);
  });

test("a violation shows the longest prefix that is linearizable, and what stands around its end", () => {
  const history = [
    write([1, 0, 10], 1),
    write([1, 20, 30], 2),
    write([3, 35, 60], 3),
    read([2, 40, 50], 1),
    read([2, 70, 80], 3),
  ];
  const verdict = checkLinearizability(registerModel, history);
  assert.ok(verdict.kind === "violation" && verdict.exact);
  assert.equal(verdict.key, key);
  assert.deepEqual(verdict.order, history.slice(0, 2));
  assert.equal(verdict.blocked, history[3]);
  assert.equal(
    verdict.text,
    `key k: no order of its 5 operations explains every answer
one order that explains all that completed before
    client 1 [0 .. 10 us] write 1 -> ok
    client 1 [20 .. 30 us] write 2 -> ok
    leaves 2; but no order explains it together with
    client 2 [40 .. 50 us] read -> 1
beside which there were
    client 3 [35 .. 60 us] write 3 -> ok`,
  );
});

test("keys are independent, and the one that is wrong is named", () => {
  const on = (name: string, operation: RegisterOperation): RegisterOperation => ({
    ...operation,
    input: { ...operation.input, key: name },
  });
  const history = [
    on("a", write([1, 0, 10], 1)),
    on("b", write([1, 20, 30], 2)),
    on("a", read([2, 40, 50], 1)),
    on("b", read([2, 60, 70], 1)),
  ];
  const verdict = checkLinearizability(registerModel, history);
  assert.ok(verdict.kind === "violation");
  assert.equal(verdict.key, "b");
  assertLinearizable(registerModel, history.slice(0, 3));
});

test("too few steps prove nothing, and never pass", () => {
  const history = registerHistory(
    { operations: 400, keys: 4, clients: 12, values: 3, unknown: 0.1, readShare: 0.4 },
    3,
  );
  for (const steps of [0, 1, 30, 100]) {
    const verdict = checkLinearizability(registerModel, history, { steps });
    assert.equal(verdict.kind, "undecided");
    assert.throws(() => assertLinearizable(registerModel, history, { steps }), /nothing is proven/);
  }
  assertLinearizable(registerModel, history);
});

test("an operation that cannot be is refused", () => {
  const check = (operation: RegisterOperation) => () => checkLinearizability(registerModel, [operation]);
  const operation = write([1, 0, 10], 1);
  assert.throws(check({ ...operation, output: undefined }), /expected an output if it completed/);
  assert.throws(check({ ...operation, completedAt: Infinity }), /none if completedAt is Infinity/);
  assert.throws(check({ ...operation, completedAt: -1 }), /completedAt at or after invokedAt/);
  assert.throws(check({ ...operation, completedAt: Number.NaN }), /completedAt at or after invokedAt/);
  assert.throws(check({ ...operation, invokedAt: Number.NaN }), /a finite invokedAt/);
  assert.throws(check({ ...operation, output: { kind: "value", value: 1 } }), /got value; expected written/);
});

/* ---- against the definition --------------------------------------------------------------------------------------------- */

/** Up to seven operations on two keys; about half of the histories are not linearizable. */
function smallHistory<Input, Output>(
  random: Random,
  draw: (random: Random) => { readonly input: Input; readonly output: Output },
): History<Input, Output> {
  const clients = random.between(2, 4);
  const freeAt = Array.from({ length: clients }, () => random.below(3));
  return Array.from({ length: random.between(3, 7) }, (): Operation<Input, Output> => {
    const client = random.below(clients);
    const invokedAt = freeAt[client];
    const completedAt = random.chance(0.2) ? Infinity : invokedAt + random.below(8);
    freeAt[client] = completedAt === Infinity ? invokedAt + 1 : completedAt + random.below(3);
    const { input, output } = draw(random);
    return completedAt === Infinity
      ? { client, invokedAt, completedAt, input }
      : { client, invokedAt, completedAt, input, output };
  });
}

function drawRegister(random: Random): { input: RegisterInput; output: RegisterOutput } {
  const name = random.chance(0.8) ? "a" : "b";
  const value = random.below(3);
  if (random.chance(0.4))
    return { input: { kind: "read", key: name }, output: { kind: "value", value: value === 0 ? null : value } };
  if (random.chance(0.5)) return { input: { kind: "write", key: name, value }, output: { kind: "written" } };
  const expected = random.chance(0.3) ? null : random.below(3);
  return {
    input: { kind: "cas", key: name, expected, value },
    output: { kind: "swapped", swapped: random.chance(0.4) },
  };
}

function drawKeyValue(random: Random): { input: KeyValueInput; output: KeyValueOutput } {
  const name = random.chance(0.8) ? "a" : "b";
  const value = random.below(2);
  const number = random.chance(0.7) ? random.between(1, 4) : undefined;
  if (random.chance(0.35))
    return {
      input: { kind: "get", key: name },
      output: random.chance(0.3) ? { kind: "absent" } : { kind: "found", value, number },
    };
  if (random.chance(0.5)) return { input: { kind: "put", key: name, value }, output: { kind: "put", number } };
  if (random.chance(0.3)) {
    const existed = random.chance(0.5);
    return { input: { kind: "delete", key: name }, output: { kind: "deleted", existed } };
  }
  return {
    input: { kind: "put-if", key: name, expected: random.below(4), value },
    output: random.chance(0.5) ? { kind: "refused" } : { kind: "put", number },
  };
}

/** What is known when the first `count` completions are: the rest is open, if it was invoked by then. */
function firstCompletions<Input, Output>(history: History<Input, Output>, count: number): History<Input, Output> {
  const byCompletion = history.filter(({ completedAt }) => completedAt < Infinity);
  const done = byCompletion.sort((a, b) => a.completedAt - b.completedAt).slice(0, count);
  const end = done.at(-1)?.completedAt ?? -Infinity;
  const pending = history.filter((operation) => !done.includes(operation) && operation.invokedAt <= end);
  return [
    ...done,
    ...pending.map(({ client, invokedAt, input }) => ({ client, invokedAt, completedAt: Infinity, input })),
  ];
}

/** That the prefix a violation shows is the longest one, by definition, and that its order is one. */
function assertLongest<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: History<Input, Output>,
  { key, order, state, blocked, exact }: LinearizabilityViolation<State, Input, Output>,
): void {
  const ofKey = history.filter(({ input }) => model.keyOf(input) === key);
  const byCompletion = ofKey.filter(({ completedAt }) => completedAt < Infinity);
  byCompletion.sort((a, b) => a.completedAt - b.completedAt);
  const before = byCompletion.indexOf(blocked);
  assert.ok(exact);
  assert.ok(isLinearizableByDefinition(model, firstCompletions(ofKey, before)));
  assert.ok(!isLinearizableByDefinition(model, firstCompletions(ofKey, before + 1)));
  const explained = byCompletion.slice(0, before);
  assert.ok(explained.every((operation) => order.includes(operation)));
  assert.ok(order.every((operation) => ofKey.includes(operation)));
  for (const [i, { invokedAt }] of order.entries())
    assert.ok(order.slice(i).every(({ completedAt }) => completedAt >= invokedAt));
  let after = model.initial;
  for (const operation of order)
    after = model.step(after, operation.input, explained.includes(operation) ? operation.output : undefined)!;
  assert.deepEqual(after, state);
}

/** Counts the verdicts over `count` histories. In every third the memo's hashes are so short that they collide all the time. */
function compare<State, Input, Output>(
  model: Model<State, Input, Output>,
  draw: (random: Random) => { readonly input: Input; readonly output: Output },
  count: number,
): { readonly linearizable: number; readonly violation: number } {
  const verdicts = { linearizable: 0, violation: 0 };
  for (let seed = 0; seed < count; seed++) {
    const history = smallHistory(Random.stream(seed, "small"), draw);
    const expected = isLinearizableByDefinition(model, history) ? "linearizable" : "violation";
    const verdict = checkLinearizability(model, history, { hashBits: seed % 3 === 0 ? 2 : 53 });
    assert.equal(verdict.kind, expected, `seed ${seed}: ${JSON.stringify(history, undefined, 1)}`);
    if (verdict.kind === "violation" && seed % 4 === 0) assertLongest(model, history, verdict);
    verdicts[expected]++;
  }
  return verdicts;
}

for (const [name, model] of [
  ["with the shortcut for held values", registerModel],
  ["without it", { ...registerModel, holding: undefined }],
] as const)
  test(`registers ${name}: the verdict is that of the definition, on 10,000 small histories`, () => {
    const { linearizable, violation } = compare(model, drawRegister, 10_000);
    assert.ok(linearizable > 2_000 && violation > 2_000, `${linearizable} linearizable, ${violation} not`);
  });

for (const numbering of ["mod-revision", "version"] as const)
  test(`key-value stores with ${numbering}: the verdict is that of the definition, on 5,000 small histories`, () => {
    const { linearizable, violation } = compare(keyValueModel(numbering), drawKeyValue, 5_000);
    assert.ok(linearizable > 300 && violation > 1_000, `${linearizable} linearizable, ${violation} not`);
  });

test("larger histories of real registers are linearizable, whatever is unknown", () => {
  for (let seed = 0; seed < 40; seed++) {
    const unknown = (seed % 4) * 0.1;
    const load = { operations: 300, keys: 3, clients: 8, values: (seed % 3) * 3, unknown, readShare: 0.4 };
    const verdict = checkLinearizability(registerModel, registerHistory(load, seed));
    assert.equal(verdict.kind, "linearizable", `seed ${seed}: ${verdict.kind === "violation" && verdict.text}`);
  }
});

/* ---- what keeps the search short ---------------------------------------------------------------------------------------- */

const crowd = { operations: 300, keys: 1, clients: 6, values: 0, unknown: 0, readShare: 0.5 };

for (const [name, model, load, most] of [
  ["values all different", registerModel, crowd, 11_000],
  ["values all different, one in ten unknown", registerModel, { ...crowd, unknown: 0.1 }, 12_000],
  ["few values, all known", registerModel, { ...crowd, values: 5 }, 8_000],
  ["few values, one in twenty unknown", registerModel, { ...crowd, values: 3, clients: 3, unknown: 0.05 }, 9_500],
  ["no shortcut", { ...registerModel, holding: undefined }, { ...crowd, clients: 5 }, 14_000],
  [
    "no shortcut, one in fifty unknown",
    { ...registerModel, holding: undefined },
    { ...crowd, clients: 4, unknown: 0.02 },
    19_000,
  ],
] as const)
  test(`steps: ${name}`, () => {
    let steps = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const history = registerHistory(load, seed);
      const last = history.findLastIndex(({ input, output }) => input.kind === "read" && output !== undefined);
      const spoilt = history.with(last, { ...history[last], output: { kind: "value", value: "nobody's" } });
      for (const [expected, tried] of [
        ["linearizable", history],
        ["violation", spoilt],
      ] as const) {
        const verdict = checkLinearizability(model, tried);
        assert.equal(verdict.kind, expected, `seed ${seed}`);
        steps = Math.max(steps, verdict.steps);
      }
    }
    assert.ok(steps <= most, `${steps} steps; expected at most ${most}`);
  });
