/** The state machine against the obvious model, over random commands; leases, watches and compaction by tables; restarts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Comparison, KeyRange, KeysCommand, KeysQuery, KeysResult, TxnStep } from "../../api-coordination.ts";
import { second } from "../../kernel/units.ts";
import { maxKeyBytes } from "./key-history.ts";
import { KeysMachine } from "./keys-machine.ts";
import type { KeysAnswer } from "./keys-machine.ts";
import { KeysModel } from "./keys-model.fixture.ts";
import { numberText, textNumber } from "./order-codec.ts";
import { MemoryStore } from "./memory-store.fixture.ts";

/* ---- the model ---------------------------------------------------------------------------------------------------------- */

const key = fc.constantFrom("a", "aa", "ab", "b", "c", "\u00ff", "\u00ff\u00ff\u00ff\u00ff\u00ff");
const end = fc.option(fc.constantFrom("\0", "ab", "b", "d"), { nil: undefined });
const value = fc.constantFrom("", "YQ==", "YWE=", "Yg==", "/w==");
const range: fc.Arbitrary<KeyRange> = fc.record({ key, end });
const revision = fc.nat(30);

const usual = {
  key,
  end,
  revision: fc.oneof(fc.constant(0), revision),
  limit: fc.nat(4),
  sort: fc.record({
    by: fc.constantFrom("key" as const, "version" as const, "create" as const, "mod" as const, "value" as const),
    descending: fc.boolean(),
  }),
};

const filtered = fc.record(
  {
    ...usual,
    keysOnly: fc.boolean(),
    countOnly: fc.boolean(),
    minModRevision: revision,
    maxModRevision: revision,
    minCreateRevision: revision,
    maxCreateRevision: revision,
  },
  { requiredKeys: ["key"] },
);
const query = fc.oneof(fc.record(usual, { requiredKeys: ["key"] }), filtered);

const put = fc.record({ key, value, returnBefore: fc.boolean(), keepValue: fc.boolean() });
const remove = fc.record({ key, end, returnBefore: fc.boolean() });

const comparison: fc.Arbitrary<Comparison> = fc.oneof(
  fc.record({
    key,
    end,
    target: fc.constantFrom("version" as const, "create" as const, "mod" as const, "lease" as const),
    operator: fc.constantFrom("=" as const, "!=" as const, "<" as const, ">" as const),
    operand: fc.nat(12),
  }),
  fc.record({
    key,
    end,
    target: fc.constant("value" as const),
    operator: fc.constantFrom("=" as const, "!=" as const, "<" as const, ">" as const),
    operand: value,
  }),
);

function txn(depth: number): fc.Arbitrary<Extract<TxnStep, { kind: "txn" }>> {
  const plain = fc.oneof(
    query.map((query): TxnStep => ({ kind: "range", ...query })),
    put.map((change): TxnStep => ({ kind: "put", ...change })),
    remove.map((change): TxnStep => ({ kind: "delete-range", ...change })),
  );
  const step =
    depth === 0 ? plain : fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: txn(depth - 1) });
  const steps = fc.array(step, { maxLength: 3 });
  return fc.record({
    kind: fc.constant("txn" as const),
    compare: fc.array(comparison, { maxLength: 2 }),
    success: steps,
    failure: steps,
  });
}

const command: fc.Arbitrary<KeysCommand> = fc.oneof(
  { weight: 6, arbitrary: put.map((change): KeysCommand => ({ kind: "key-put", ...change })) },
  { weight: 2, arbitrary: remove.map((change): KeysCommand => ({ kind: "key-delete-range", ...change })) },
  { weight: 4, arbitrary: txn(2).map((txn): KeysCommand => ({ ...txn, kind: "key-txn" })) },
  { weight: 1, arbitrary: revision.map((revision): KeysCommand => ({ kind: "key-compact", revision })) },
);

const look: fc.Arbitrary<KeysQuery> = fc.oneof(
  query.map((query): KeysQuery => ({ kind: "key-range", ...query })),
  fc
    .record({ range, fromRevision: fc.integer({ min: 1, max: 30 }), returnBefore: fc.boolean() })
    .map(({ range, ...watch }): KeysQuery => ({ kind: "key-watch", limit: 1e6, waitUs: 0, ...watch, ...range })),
);

/** A watch from the future reports the revision before it. */
function comparable(answer: KeysAnswer | undefined): KeysAnswer | undefined {
  if (answer?.kind !== "ok" || answer.result.kind !== "key-events") return answer;
  return { kind: "ok", result: { ...answer.result, revision: 0 } };
}

function sweep(machine: KeysMachine): void {
  for (let due = machine.due(0); due !== undefined; due = machine.due(0)) machine.apply(due, 0);
}

/** Of what was before the compacted revision, only what was still current at it is left. */
function assertSwept(store: MemoryStore): void {
  const [compacted] = (store.get("c") ?? [-1]) as [number];
  const before = new Map<string, number>();
  store.scan("r", `r${numberText(Math.max(0, compacted) + 1)}`, (slot, value) => {
    const [key, kept] = value as [string, string | null];
    const at = textNumber(slot, 1);
    assert.ok(kept !== null || at >= compacted, "a deletion that nobody can see");
    const earlier = before.get(key);
    // etcd lets one transaction change a key twice.
    assert.ok(earlier === undefined || earlier === compacted, "a change that nobody can see");
    before.set(key, at);
  });
  store.scan("k", "l", (_slot, latest) => {
    const [place, , version] = latest as [string, number, number];
    assert.ok(version > 0 || textNumber(place) >= compacted, "a deletion kept");
  });
}

test("every answer is the model's, also after restarts and while a compaction sweeps", () => {
  const steps = fc.array(fc.oneof(command, look, fc.constant({ kind: "restart" as const })), {
    maxLength: 100,
    size: "max",
  });
  fc.assert(
    fc.property(steps, (steps) => {
      const store = new MemoryStore();
      let machine = new KeysMachine(store, 2);
      const model = new KeysModel();
      for (const step of steps) {
        if (step.kind === "restart") machine = new KeysMachine(store, 2);
        else if (step.kind === "key-range" || step.kind === "key-watch") {
          assert.deepEqual(comparable(machine.read(step, 0)), comparable(model.read(step)));
        } else assert.deepEqual(machine.apply(step as KeysCommand, 0), model.apply(step as KeysCommand));
        machine.check();
        assert.equal(machine.revision, model.revision);
      }
      sweep(machine);
      assertSwept(store);
    }),
    { numRuns: 400 },
  );
});

/* ---- tables ------------------------------------------------------------------------------------------------------------- */

function machineOf(): { machine: KeysMachine; store: MemoryStore } {
  const store = new MemoryStore();
  return { machine: new KeysMachine(store), store };
}

function result<K extends KeysResult["kind"]>(
  answer: KeysAnswer | undefined,
  kind: K,
): Extract<KeysResult, { kind: K }> {
  assert.equal(answer?.kind, "ok", JSON.stringify(answer));
  const { result } = answer as Extract<KeysAnswer, { kind: "ok" }>;
  assert.equal(result.kind, kind);
  return result as Extract<KeysResult, { kind: K }>;
}

function putOne(machine: KeysMachine, key: string, value = "YQ==", lease = 0): KeysAnswer {
  return machine.apply({ kind: "key-put", key, value, lease }, 0);
}

test("a lease that ran out takes its keys with it, at one revision, and not before", () => {
  const { machine, store } = machineOf();
  assert.equal(result(machine.apply({ kind: "lease-grant", id: 7, ttlS: 10 }, 5 * second), "lease").ttlS, 10);
  putOne(machine, "a", "YQ==", 7);
  putOne(machine, "b", "YQ==", 7);
  putOne(machine, "c", "YQ==", 7);
  putOne(machine, "c", "YQ==");
  const before = machine.revision;
  const left = (at: number): number =>
    result(machine.read({ kind: "lease-time-to-live", id: 7, keys: true }, at), "lease").ttlS;
  assert.equal(left(8 * second), 7);
  assert.equal(machine.due(15 * second - 1), undefined);
  assert.deepEqual(machine.due(15 * second), { kind: "lease-expire" });
  assert.equal(result(machine.apply({ kind: "lease-keep-alive", id: 7 }, 14 * second), "lease").ttlS, 10);
  assert.equal(machine.due(23 * second), undefined);
  assert.deepEqual(result(machine.apply({ kind: "lease-expire" }, 24 * second), "leases").ids, [7]);
  assert.equal(machine.revision, before + 1);
  assert.equal(left(24 * second), -1);
  const all = result(machine.read({ kind: "key-range", key: "\0", end: "\0" }, 0), "key-range");
  assert.deepEqual(
    all.entries.map(({ key }) => key),
    ["c"],
  );
  assert.equal(machine.due(10 ** 12), undefined);
  store.scan("a", "b", (slot) => assert.fail(`left behind: ${JSON.stringify(slot)}`));
  store.scan("l", "m", (slot) => assert.fail(`left behind: ${JSON.stringify(slot)}`));
});

test("leases: names, refusals, revocation, and the keys they hold", () => {
  const { machine } = machineOf();
  const drawn = result(machine.apply({ kind: "lease-grant", id: 0, ttlS: 0 }, 0), "lease");
  assert.ok(drawn.id > 2 ** 51 && Number.isSafeInteger(drawn.id));
  assert.equal(drawn.ttlS, 1, "at least a second");
  const again = result(machine.apply({ kind: "lease-grant", id: 0, ttlS: 5 }, 0), "lease");
  assert.notEqual(again.id, drawn.id);
  const refusals: [KeysCommand, string, string][] = [
    [{ kind: "lease-grant", id: again.id, ttlS: 5 }, "exists", "lease already exists"],
    [{ kind: "lease-grant", id: 3, ttlS: 9_000_000_001 }, "invalid", "too large lease TTL"],
    [{ kind: "lease-revoke", id: 99 }, "not-found", "requested lease not found"],
    [{ kind: "lease-keep-alive", id: 99 }, "not-found", "requested lease not found"],
    [{ kind: "key-put", key: "a", value: "", lease: 99 }, "not-found", "requested lease not found"],
    [{ kind: "key-put", key: "a", value: "", keepLease: true }, "invalid", "key not found"],
  ];
  for (const [command, code, message] of refusals) {
    assert.deepEqual(machine.apply(command, 0), { kind: "refused", code, message });
  }
  putOne(machine, "x", "YQ==", again.id);
  putOne(machine, "y", "YQ==", again.id);
  const kept: KeysCommand = { kind: "key-put", key: "x", value: "Yg==", keepLease: true };
  machine.apply(kept, 0);
  const of = result(machine.read({ kind: "lease-time-to-live", id: again.id, keys: true }, second), "lease");
  assert.deepEqual([of.keys, of.ttlS, of.grantedS], [["x", "y"], 4, 5]);
  assert.deepEqual(result(machine.read({ kind: "lease-list" }, 0), "leases").ids, [drawn.id, again.id]);
  const revoked = result(machine.apply({ kind: "lease-revoke", id: again.id }, 0), "lease");
  assert.equal(revoked.revision, 5, "both keys at one revision");
  assert.equal(result(machine.read({ kind: "key-range", key: "x" }, 0), "key-range").count, 0);
});

test("a watch waits, resumes where it was, keeps a revision whole, and hears of a compaction", () => {
  const { machine } = machineOf();
  const watch: KeysQuery = { kind: "key-watch", key: "a", end: "b", fromRevision: 2, limit: 2, waitUs: 1 };
  assert.equal(machine.read(watch, 0), undefined);
  putOne(machine, "z");
  assert.equal(machine.read(watch, 0), undefined);
  const steps = ["a1", "a2", "a3"].map((key): TxnStep => ({ kind: "put", key, value: "" }));
  machine.apply({ kind: "key-txn", compare: [], success: steps, failure: [] }, 0);
  putOne(machine, "a4");
  const first = result(machine.read(watch, 0), "key-events");
  assert.deepEqual(
    first.events.map(({ entry }) => entry.key),
    ["a1", "a2", "a3"],
  );
  assert.equal(first.revision, 3, "the next watch begins behind what was told");
  const second = result(machine.read({ ...watch, fromRevision: 4 }, 0), "key-events");
  assert.deepEqual([second.events.map(({ entry }) => entry.key), second.revision], [["a4"], 4]);
  const late: KeysQuery = { ...watch, fromRevision: 5, waitUs: 0 };
  assert.deepEqual(result(machine.read(late, 0), "key-events").events, []);
  machine.apply({ kind: "key-compact", revision: 4 }, 0);
  assert.equal(result(machine.read({ ...watch, fromRevision: 3 }, 0), "key-events").compactedTo, 4);
  assert.equal(result(machine.read({ ...watch, fromRevision: 4 }, 0), "key-events").compactedTo, 0);
});

test("what a watch brings at once is bounded, in bytes and in how far it looks", () => {
  const { machine } = machineOf();
  const large = Buffer.alloc(400_000).toString("base64");
  for (let i = 0; i < 5; i++) putOne(machine, "a", large);
  const watch: KeysQuery = { kind: "key-watch", key: "a", fromRevision: 2, limit: 100, waitUs: 1 };
  const first = result(machine.read(watch, 0), "key-events");
  assert.deepEqual([first.events.length, first.revision], [2, 3]);
  for (let i = 0; i < 21_000; i++) putOne(machine, "b", "");
  const far = result(machine.read({ ...watch, fromRevision: 7 }, 0), "key-events");
  assert.deepEqual([far.events.length, far.revision], [0, 20_006]);
});

test("at the compacted revision a watch has every change, and of none what was before", () => {
  const { machine } = machineOf();
  putOne(machine, "a");
  const nested = (step: TxnStep): TxnStep => ({ kind: "txn", compare: [], success: [step], failure: [] });
  // etcd lets a nested transaction delete what one before it put.
  const both = [nested({ kind: "put", key: "a", value: "Yg==" }), nested({ kind: "delete-range", key: "a" })];
  result(machine.apply({ kind: "key-txn", compare: [], success: both, failure: [] }, 0), "key-txn");
  machine.apply({ kind: "key-compact", revision: 3 }, 0);
  const watch: KeysQuery = { kind: "key-watch", key: "a", fromRevision: 3, limit: 9, waitUs: 0, returnBefore: true };
  const told = (): string[] =>
    result(machine.read(watch, 0), "key-events").events.map(({ kind, before }) => `${kind}${before ? "+" : ""}`);
  assert.deepEqual(told(), ["put", "delete"]);
  sweep(machine);
  assert.deepEqual(told(), ["put", "delete"]);
});

test("a compaction gives back all room but that of what is there, in pieces", () => {
  const { machine, store } = machineOf();
  for (let i = 0; i < 5_000; i++) putOne(machine, `k${i % 10}`);
  for (let i = 0; i < 5; i++) machine.apply({ kind: "key-delete-range", key: `k${i}` }, 0);
  putOne(machine, "last");
  const { size } = store.map;
  machine.apply({ kind: "key-compact", revision: machine.revision }, 0);
  assert.ok(store.map.size >= size - 100, "not at once");
  sweep(machine);
  // A place and a change for each of six keys, and where the compaction stands.
  assert.equal(store.map.size, 13);
  machine.check();
  assert.deepEqual(machine.apply({ kind: "key-compact", revision: 3 }, 0).kind, "refused");
});

test("a compaction that comes before the last one is swept leaves nothing of either", () => {
  const compacted = (puts: number, deleted: boolean, ...revisions: readonly number[]): void => {
    const store = new MemoryStore();
    const machine = new KeysMachine(store, 2);
    for (let i = 0; i < puts; i++) putOne(machine, "a");
    if (deleted) machine.apply({ kind: "key-delete-range", key: "a" }, 0);
    putOne(machine, "b");
    for (const revision of revisions) {
      result(machine.apply({ kind: "key-compact", revision }, 0), "key-compacted");
    }
    sweep(machine);
    assertSwept(store);
  };
  // Come to the second revision, and not yet to that of the first compaction.
  compacted(5, false, 5, 6);
  // Just past the deletion at the first compaction's revision, which it had to spare.
  compacted(1, true, 3, 4);
});

test("a key beyond the greatest length is nowhere, and bounds a range where it would be", () => {
  const { machine } = machineOf();
  const longest = "x".repeat(maxKeyBytes);
  putOne(machine, longest);
  putOne(machine, `${longest.slice(1)}y`);
  const keysIn = (key: string, end?: string): number =>
    result(machine.read({ kind: "key-range", key, end }, 0), "key-range").count;
  const longer = `${longest}${longest}`;
  assert.deepEqual([keysIn(longest), keysIn(longer), keysIn("x", longer), keysIn(longer, "z")], [1, 0, 1, 1]);
  assert.equal(keysIn(longer, "\0"), 1);
  const deleted = machine.apply({ kind: "key-delete-range", key: longer }, 0);
  assert.equal(result(deleted, "key-deleted").deleted, 0);
});

test("a put is two writes, an over-long key is refused, and a key of the greatest length is not", () => {
  const { machine, store } = machineOf();
  putOne(machine, "a");
  assert.equal(store.writes, 2);
  assert.equal(putOne(machine, "x".repeat(maxKeyBytes + 1)).kind, "refused");
  result(machine.apply({ kind: "lease-grant", id: 1, ttlS: 1 }, 0), "lease");
  result(putOne(machine, "x".repeat(maxKeyBytes), "", 1), "key-put");
});

test("a snapshot of another replica replaces everything", () => {
  const { machine, store } = machineOf();
  const other = machineOf();
  for (let i = 0; i < 300; i++) putOne(other.machine, `k${i}`);
  other.machine.apply({ kind: "key-compact", revision: 5 }, 0);
  store.map.clear();
  other.store.scan("", "\u00ff", (slot, value) => store.putLater(slot, value));
  machine.reset();
  assert.equal(machine.revision, 301);
  assert.equal(machine.read({ kind: "key-range", key: "k1", revision: 4 }, 0)?.kind, "refused");
  assert.deepEqual(putOne(machine, "new"), putOne(other.machine, "new"));
});
