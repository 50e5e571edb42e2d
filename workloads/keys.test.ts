/** Key distributions against theory, YCSB's hash against its definition, and the short form. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../backend/kernel/random.ts";
import { defaultKeys, fnvModulo, keyChooser, keysText, parseKeys, zeta } from "./keys.ts";

function histogram(text: string, draws: number, seed = 1): Map<number, number> {
  const chooser = keyChooser(text);
  const random = Random.stream(seed, "keys");
  const counts = new Map<number, number>();
  for (let i = 0; i < draws; i++) {
    const key = chooser.next(random);
    assert.ok(Number.isInteger(key) && key >= 0 && key < chooser.keys);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Chi-square over k cells is about normal with mean k - 1 and variance 2(k - 1). */
function assertChiSquare(observed: readonly number[], expected: readonly number[]): void {
  const statistic = observed.reduce((sum, o, i) => sum + (o - expected[i]) ** 2 / expected[i], 0);
  const free = observed.length - 1;
  const z = (statistic - free) / Math.sqrt(2 * free);
  assert.ok(Math.abs(z) < 4, `chi-square ${statistic} with ${free} degrees of freedom`);
}

test("uniform keys are uniform", () => {
  const counts = histogram("uniform:200", 200_000);
  const observed = Array.from({ length: 200 }, (_, key) => counts.get(key) ?? 0);
  assertChiSquare(
    observed,
    observed.map(() => 1_000),
  );
});

test("a hotspot takes its share, evenly over the hot keys, and the others the rest", () => {
  const counts = histogram("hotspot:0.8:4:100", 200_000);
  const observed = Array.from({ length: 100 }, (_, key) => counts.get(key) ?? 0);
  assertChiSquare(
    observed,
    observed.map((_, key) => (key < 4 ? 40_000 : 40_000 / 96)),
  );
  assert.deepEqual([...histogram("hotspot:1:1", 1_000).keys()], [0]);
  assert.ok(!histogram("hotspot:0:1:5", 1_000).has(0));
});

test("zipf: the hottest key takes 3.8 % and the second 1.9 %, whatever the number of keys", () => {
  for (const keys of [100_000, 2_000_000, 2 ** 31]) {
    const draws = 300_000;
    const counts = histogram(`zipf:0.99:${keys}`, draws);
    for (const [rank, probability] of [
      [0, 1 / 26.46902820178302],
      [1, 0.5 ** 0.99 / 26.46902820178302],
    ]) {
      const share = (counts.get(fnvModulo(rank, keys)) ?? 0) / draws;
      const sigma = Math.sqrt((probability * (1 - probability)) / draws);
      assert.ok(share > probability - 4 * sigma && share < probability + 4 * sigma + 0.0002, `rank ${rank}: ${share}`);
    }
    assert.ok([...counts.values()].every((count) => count / draws < 0.041));
  }
});

test("zipf: ranks past the second fall off as rank to the power of theta", () => {
  const draws = 400_000;
  const keys = 2 ** 31;
  const counts = histogram("zipf:0.99:2147483648", draws);
  let observed = 0;
  for (let rank = 0; rank < 1_000; rank++) observed += counts.get(fnvModulo(rank, keys)) ?? 0;
  const expected = zeta(1_000, 0.99) / 26.46902820178302;
  assert.ok(Math.abs(observed / draws - expected) < 0.02, `${observed / draws}, theory ${expected}`);
});

test("zeta agrees with the plain sum, and with YCSB's constant", () => {
  let sum = 0;
  for (let i = 200_000; i >= 1; i--) sum += i ** -0.7;
  assert.ok(Math.abs(zeta(200_000, 0.7) - sum) < 1e-9);
  assert.equal(zeta(2, 0.5), 1 + 0.5 ** 0.5);
  assert.ok(Math.abs(zeta(10_000_000_000, 0.99) - 26.46902820178302) < 1e-5);
});

test("another exponent than 0.99", () => {
  const counts = histogram("zipf:0.5:1000000", 100_000);
  assert.ok(
    [...counts.values()].every((count) => count < 50),
    "nothing is hot at 0.5",
  );
});

test("the hash is YCSB's fnvhash64, modulo the keys", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 2 ** 31 }), (value, keys) => {
      let hash = 0xcbf29ce484222325n;
      for (let octets = BigInt(value), i = 0; i < 8; i++, octets >>= 8n) {
        hash = BigInt.asUintN(64, (hash ^ (octets & 0xffn)) * 1_099_511_628_211n);
      }
      const signed = BigInt.asIntN(64, hash);
      assert.equal(fnvModulo(value, keys), Number((signed < 0n ? -signed : signed) % BigInt(keys)));
    }),
  );
});

test("the short form, with and without the number of keys", () => {
  assert.deepEqual(parseKeys("uniform"), { kind: "uniform", keys: defaultKeys });
  assert.deepEqual(parseKeys("uniform:7"), { kind: "uniform", keys: 7 });
  assert.deepEqual(parseKeys("zipf:0.99"), { kind: "zipf", theta: 0.99, keys: defaultKeys });
  assert.deepEqual(parseKeys("zipf:0.5:20"), { kind: "zipf", theta: 0.5, keys: 20 });
  assert.deepEqual(parseKeys("hotspot:0.8:1"), { kind: "hotspot", share: 0.8, hot: 1, keys: defaultKeys });
  assert.deepEqual(parseKeys("hotspot:1:3:3"), { kind: "hotspot", share: 1, hot: 3, keys: 3 });
  for (const text of ["uniform:7", "zipf:0.5:20", "hotspot:0.8:1:1000"]) assert.equal(keysText(parseKeys(text)), text);
});

test("a wrong short form says what was got and what is expected", () => {
  const wrong = ["", "zip:0.99", "zipf", "zipf:1", "zipf:0", "zipf:0.9:0", "uniform:1.5", "uniform:", "uniform:1:2"];
  for (const text of [
    ...wrong,
    "hotspot:0.8",
    "hotspot:1.1:1",
    "hotspot:0.5:9:9",
    "hotspot:0.5:0",
    "uniform:3000000000",
  ]) {
    assert.throws(() => parseKeys(text), {
      code: "WAVETANK_PARAMETER",
      message: new RegExp(`got (${text.replaceAll(".", "\\.")}|an empty text); expected uniform.*; fix: write`),
    });
  }
});

test("a chooser is a function of its stream", () => {
  for (const text of ["uniform:1000", "zipf:0.99", "hotspot:0.5:2"]) {
    assert.deepEqual(histogram(text, 500, 7), histogram(text, 500, 7));
    assert.notDeepEqual(histogram(text, 500, 7), histogram(text, 500, 8));
  }
});
