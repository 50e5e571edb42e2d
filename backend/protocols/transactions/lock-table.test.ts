/** Locks: who holds, who waits, who is wounded; and that whatever is asked, nobody waits in a circle. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Claim } from "./lock-table.ts";
import { LockTable } from "./lock-table.ts";
import { isOlder } from "./messages.ts";

function claim(age: number, shared: readonly string[], exclusive: readonly string[]): Claim {
  return { txn: `T${age}`, age: { at: age, node: 0, sequence: 0 }, shared, exclusive };
}

const names = (claims: readonly Claim[]): string[] => claims.map(({ txn }) => txn);

test("readers share, a writer is alone", () => {
  const locks = new LockTable();
  assert(locks.request(claim(1, ["a"], [])));
  assert(locks.request(claim(2, ["a"], [])));
  assert(!locks.request(claim(3, [], ["a"])));
  assert.deepEqual(locks.release("T1"), []);
  assert.deepEqual(names(locks.release("T2")), ["T3"]);
  assert.equal(locks.writerOf("a"), "T3");
});

test("the older comes before the younger, whoever asked first", () => {
  const locks = new LockTable();
  assert(locks.request(claim(5, [], ["a"])));
  assert(!locks.request(claim(9, [], ["a"])));
  assert(!locks.request(claim(7, ["a"], [])));
  assert(!locks.request(claim(6, ["a"], [])));
  assert.deepEqual(names(locks.release("T5")), ["T6", "T7"]);
  assert.deepEqual(names(locks.release("T6")), []);
  assert.deepEqual(names(locks.release("T7")), ["T9"]);
});

test("a reader does not overtake an older writer that waits", () => {
  const locks = new LockTable();
  assert(locks.request(claim(1, ["a"], [])));
  assert(!locks.request(claim(2, [], ["a"])));
  assert(!locks.request(claim(3, ["a"], [])), "T3 could share with T1, and T2 would wait for ever");
  assert.deepEqual(names(locks.release("T2")), ["T3"], "T2 gave up waiting");
});

test("all or nothing: who waits for one key holds none of the others", () => {
  const locks = new LockTable();
  assert(locks.request(claim(1, [], ["a"])));
  assert(!locks.request(claim(3, [], ["a", "b"])));
  assert(locks.request(claim(2, [], ["b"])), "T2 is older than T3, which only waits");
  assert.deepEqual(names(locks.release("T1")), []);
  assert.deepEqual(names(locks.release("T2")), ["T3"]);
});

test("the older wounds the younger that hold what it needs, and those alone", () => {
  const locks = new LockTable();
  locks.request(claim(1, ["a"], []));
  locks.request(claim(5, ["a", "b"], []));
  locks.request(claim(6, [], ["c"]));
  const waiting = claim(3, ["c"], ["a"]);
  assert(!locks.request(waiting));
  assert.deepEqual([...locks.victims(waiting)].sort(), ["T5", "T6"]);
});

test("property: holders never conflict, waiting closes no circle, and in the end everybody had its turn", () => {
  const keys = ["a", "b", "c", "d"];
  const step = fc.record({
    release: fc.boolean(),
    pick: fc.nat(100),
    shared: fc.subarray(keys),
    exclusive: fc.subarray(keys),
    age: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const locks = new LockTable();
      const held = new Map<string, Claim>();
      const waiting = new Map<string, Claim>();
      const release = (txn: string): void => {
        held.delete(txn);
        waiting.delete(txn);
        for (const granted of locks.release(txn)) {
          waiting.delete(granted.txn);
          held.set(granted.txn, granted);
        }
      };
      for (const { release: releases, pick, shared, exclusive, age } of steps) {
        const known = [...held.keys(), ...waiting.keys()];
        if (releases && known.length > 0) release(known[pick % known.length]);
        else if (!known.includes(`T${age}`)) {
          const asked = claim(
            age,
            shared.filter((key) => !exclusive.includes(key)),
            exclusive,
          );
          (locks.request(asked) ? held : waiting).set(asked.txn, asked);
        }
        locks.check();
        for (const waiter of waiting.values()) {
          // The oldest that waits is kept by holders alone: older ones, which it may wait for, or victims.
          const blockers = [...held.values()].filter((holder) => conflict(holder, waiter));
          const older = [...waiting.values()].filter(
            (other) => isOlder(other.age, waiter.age) && conflict(other, waiter),
          );
          assert(blockers.length + older.length > 0, `${waiter.txn} waits for nobody`);
          const younger = blockers.filter(({ age: its }) => isOlder(waiter.age, its)).map(({ txn }) => txn);
          assert.deepEqual([...locks.victims(waiter)].sort(), younger.sort());
        }
      }
      while (held.size > 0) release([...held.keys()][0]);
      assert.equal(waiting.size, 0, "somebody was forgotten");
    }),
    { numRuns: 300, seed: 7 },
  );
});

function conflict(a: Claim, b: Claim): boolean {
  const touches = (one: Claim, other: Claim): boolean =>
    one.exclusive.some((key) => other.exclusive.includes(key) || other.shared.includes(key));
  return touches(a, b) || touches(b, a);
}
