/** What a simulated disk keeps when power is lost. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Random } from "../../kernel/random.ts";
import type { Value } from "../../kernel/store.ts";
import { SimulatedDisk } from "./disk.ts";

const random = new Random(1);

function textOf(disk: SimulatedDisk): string {
  const found: (readonly [string, Value])[] = [];
  disk.entries((key, value) => void found.push([key, value]));
  return JSON.stringify(found);
}

test("a later write alone makes nothing dirty and is lost; with a put it is flushed", () => {
  const disk = new SimulatedDisk(new Random(1));
  disk.putLater("a", 1);
  assert.equal(disk.dirty, false);
  assert.equal(disk.get("a"), 1);
  disk.losePower(random);
  assert.equal(disk.get("a"), undefined);
  disk.putLater("a", 2);
  disk.put("b", 1);
  assert.equal(disk.dirty, true);
  disk.beginFlush();
  disk.endFlush();
  disk.deleteLater("a");
  disk.losePower(random);
  assert.equal(
    textOf(disk),
    JSON.stringify([
      ["a", 2],
      ["b", 1],
    ]),
  );
});

test("so many later writes are flushed for their own sake", () => {
  const disk = new SimulatedDisk(new Random(1));
  for (let i = 0; i < 512; i++) disk.putLater("a", i);
  assert.equal(disk.dirty, false);
  disk.deleteLater("a");
  assert.equal(disk.dirty, true);
});

test("a deletion of what is not there is no write", () => {
  const disk = new SimulatedDisk(new Random(1));
  disk.delete("a");
  disk.deleteLater("a");
  assert.equal(disk.dirty, false);
});

type Step = "put" | "put-later" | "delete-later" | "begin" | "end" | "turn";
const step = fc.record({
  does: fc.constantFrom<Step>("put", "put-later", "delete-later", "begin", "end", "turn"),
  key: fc.constantFrom("a", "b", "c"),
});

test("after a power loss the disk is as it was at the end of a flush: no put that was flushed is missing, no order is turned", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, seed) => {
      const disk = new SimulatedDisk(new Random(1));
      // States that may be found: as of the last flush that ended, and of the one under way.
      let durable = textOf(disk);
      let inFlight: string | undefined;
      for (const [i, { does, key }] of steps.entries()) {
        if (does === "put") disk.put(key, i);
        else if (does === "put-later") disk.putLater(key, i);
        else if (does === "delete-later") disk.deleteLater(key);
        else if (does === "begin" && !disk.flushing) {
          disk.beginFlush();
          inFlight = textOf(disk);
        } else if (does === "end" && disk.flushing) {
          disk.endFlush();
          durable = inFlight!;
          inFlight = undefined;
        }
      }
      disk.losePower(new Random(seed));
      assert([durable, inFlight].includes(textOf(disk)), `${textOf(disk)} is neither ${durable} nor ${inFlight}`);
    }),
    { seed: 1, numRuns: 300 },
  );
});

type Derivation = "derive" | "delete-derived" | "put" | "settle" | "begin" | "end" | "turn";
const derivation = fc.record({
  does: fc.constantFrom<Derivation>("derive", "delete-derived", "put", "settle", "begin", "end", "turn"),
  key: fc.constantFrom("a", "b", "c"),
});

test("after a power loss what was derived is as it was at the end of one turn, which no settling is later than", () => {
  const found = { old: 0, new: 0 };
  fc.assert(
    fc.property(fc.array(derivation, { maxLength: 80 }), fc.nat(), (steps, seed) => {
      const disk = new SimulatedDisk(new Random(seed));
      const derived = (): string => JSON.stringify(["a", "b", "c"].map((key) => disk.get(`derived ${key}`) ?? null));
      /** States of what was derived, oldest first; earlier ones than `settled` may not come back. */
      const states = [derived()];
      let settled = { durable: 0, inFlight: 0, open: 0 };
      for (const [i, { does, key }] of steps.entries()) {
        if (does === "derive") disk.putDerived(`derived ${key}`, i);
        else if (does === "delete-derived") disk.deleteDerived(`derived ${key}`);
        else if (does === "put") disk.put(key, i);
        else if (does === "settle") disk.settle();
        else if (does === "begin" && !disk.flushing) {
          disk.beginFlush();
          settled = { ...settled, inFlight: settled.open };
        } else if (does === "end" && disk.flushing) {
          disk.endFlush();
          settled = { ...settled, durable: settled.inFlight };
        }
        states.push(derived());
        if (does === "settle") settled = { ...settled, open: states.length - 1 };
      }
      disk.losePower(new Random(seed));
      const at = states.lastIndexOf(derived());
      assert.ok(at >= settled.durable, `${derived()} is older than what was settled: ${states.join(" ")}`);
      if (at === states.length - 1) found.new++;
      else found.old++;
    }),
    { seed: 1, numRuns: 2_000 },
  );
  assert.ok(found.old > 200 && found.new > 200, JSON.stringify(found));
});

test("what is derived makes nothing dirty; settling does, and a deleted entry comes back with the state it was applied to", () => {
  const disk = new SimulatedDisk(new Random(1));
  disk.put("entry 1", "paid");
  disk.beginFlush();
  disk.endFlush();
  disk.putDerived("balance", 1);
  disk.deleteDerived("entry 1");
  assert.equal(disk.dirty, false);
  disk.losePower(random);
  assert.equal(textOf(disk), JSON.stringify([["entry 1", "paid"]]));
  disk.putDerived("balance", 1);
  disk.deleteDerived("entry 1");
  disk.settle();
  assert.equal(disk.dirty, true);
  disk.beginFlush();
  disk.endFlush();
  disk.losePower(random);
  assert.equal(textOf(disk), JSON.stringify([["balance", 1]]));
});
