/** Key distributions against theory, YCSB's hash against its definition, and the short form. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../backend/kernel/random.ts";
import { defaultKeys, keyChooser, keysText, parseKeys } from "./keys.ts";
import { fnvModulo, zeta, ZipfRanks } from "./zipf.ts";

function histogram(text: string, draws: number, seed = 1): Map<number, number> {
  const chooser = keyChooser(text);
  const random = Random.stream(seed, "keys");
  const counts = new Map<number, number>();
  for (let i = 0; i < draws; i++) {
    const key = chooser.next(random, i);
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

test("zipf: the first 20 ranks and all the rest pass chi-square against the law itself", () => {
  const keys = 2 ** 31;
  const draws = 400_000;
  for (const theta of [0.99, 0.7]) {
    const counts = histogram(`zipf:${theta}:${keys}`, draws, 3);
    const total = theta === 0.99 ? 26.46902820178302 : zeta(10_000_000_000, theta);
    const ranks = Array.from({ length: 20 }, (_, rank) => rank);
    const observed = ranks.map((rank) => counts.get(fnvModulo(rank, keys)) ?? 0);
    const expected = ranks.map((rank) => (draws * (rank + 1) ** -theta) / total);
    const rest = (of: readonly number[]): number => draws - of.reduce((a, b) => a + b);
    assertChiSquare([...observed, rest(observed)], [...expected, rest(expected)]);
  }
});

test("zipf: the cumulative distribution is the law's on both sides of the table's end", () => {
  const items = 1_000_000;
  const ranks = new ZipfRanks(items, 0.9);
  const random = Random.stream(5, "ranks");
  const draws = 400_000;
  const bounds = [1, 10, 100, 1_000, 1_024, 1_025, 1_100, 10_000, 300_000, items];
  const observed = new Float64Array(bounds.length);
  for (let i = 0; i < draws; i++) {
    const rank = ranks.next(random);
    observed[bounds.findIndex((bound) => rank < bound)]++;
  }
  const below = (rank: number): number => (draws * zeta(rank, 0.9)) / zeta(items, 0.9);
  assertChiSquare(
    [...observed],
    bounds.map((bound, i) => below(bound) - (i === 0 ? 0 : below(bounds[i - 1]))),
  );
});

test("latest: age is Zipf, and another key is the newest after twenty arrivals", () => {
  const chooser = keyChooser("latest:0.99:500");
  const random = Random.stream(1, "keys");
  const draws = 200_000;
  const ages = new Float64Array(500);
  for (let i = 0; i < draws; i++) ages[(Math.floor(i / 20) - chooser.next(random, i) + 100_000) % 500]++;
  assertChiSquare(
    [...ages],
    Array.from(ages, (_, age) => (draws * (age + 1) ** -0.99) / zeta(500, 0.99)),
  );
});

test("sequential keys follow the arrivals, whichever slice makes them", () => {
  const chooser = keyChooser("sequential:7");
  assert.deepEqual(
    [0, 1, 6, 7, 15].map((arrival) => chooser.next(new Random(1), arrival)),
    [0, 1, 6, 0, 1],
  );
});

test("exponential: the asked share of the load goes to the newest part of the keys", () => {
  const counts = histogram("exponential:80:0.25:1000", 200_000);
  let newest = 0;
  for (let key = 750; key < 1_000; key++) newest += counts.get(key) ?? 0;
  // Ages past the oldest are drawn again: a share of 0.2^4.
  const expected = 0.8 / (1 - 0.2 ** 4);
  assert.ok(Math.abs(newest / 200_000 - expected) < 4 * Math.sqrt((0.8 * 0.2) / 200_000), `${newest / 200_000}`);
  assert.ok((counts.get(999) ?? 0) > (counts.get(900) ?? 0));
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
  assert.deepEqual(parseKeys("latest:0.9"), { kind: "latest", theta: 0.9, keys: defaultKeys });
  assert.deepEqual(parseKeys("sequential"), { kind: "sequential", keys: defaultKeys });
  assert.deepEqual(parseKeys("exponential:95:0.5:9"), { kind: "exponential", percent: 95, fraction: 0.5, keys: 9 });
  const texts = [
    "uniform:7",
    "zipf:0.5:20",
    "hotspot:0.8:1:1000",
    "latest:0.9:5",
    "sequential:3",
    "exponential:95:0.5:9",
  ];
  for (const text of texts) assert.equal(keysText(parseKeys(text)), text);
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
    "latest:1",
    "sequential:0",
    "exponential:95",
    "exponential:100:0.5",
    "exponential:95:0",
  ]) {
    assert.throws(() => parseKeys(text), {
      code: "WAVETANK_PARAMETER",
      message: new RegExp(`got (${text.replaceAll(".", "\\.")}|an empty text); expected uniform.*; fix: write`),
    });
  }
});

test("a chooser is a function of its stream", () => {
  for (const text of ["uniform:1000", "zipf:0.99", "hotspot:0.5:2", "latest:0.9", "exponential:95:0.857"]) {
    assert.deepEqual(histogram(text, 500, 7), histogram(text, 500, 7));
    assert.notDeepEqual(histogram(text, 500, 7), histogram(text, 500, 8));
  }
});
