/** The bucket against the figures of the paper and against its bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { second } from "../../kernel/units.ts";
import { TokenBucket } from "./token-bucket.ts";

test("paper: 150 units a second idle for five minutes are 45,000; a load of 200 a second then lasts 900 s", () => {
  const bucket = new TokenBucket({ rate: 150, depth: 150 * 300, level: 0, atUs: 0 });
  const fullAt = 300 * second;
  assert.equal(bucket.level(fullAt), 45_000);
  let refusedAt = 0;
  for (let i = 0; refusedAt === 0; i++) {
    const now = fullAt + i * (second / 200);
    if (bucket.allows(1, now)) bucket.charge(1, now);
    else refusedAt = now;
  }
  const lasted = (refusedAt - fullAt) / second;
  assert.ok(Math.abs(lasted - 900) < 0.1, `lasted ${lasted} s`);
});

test("one item of debt: let in with one token, paid back before the next", () => {
  const bucket = new TokenBucket({ rate: 10, depth: 10, level: 1, atUs: 0 });
  assert.ok(bucket.allows(4, 0));
  bucket.charge(4, 0);
  assert.equal(bucket.level(0), -3);
  assert.ok(!bucket.allows(1, 399_999));
  assert.ok(bucket.allows(1, 400_000));
});

test("half units need half a token", () => {
  const bucket = new TokenBucket({ rate: 1, depth: 1, level: 0.5, atUs: 0 });
  assert.ok(bucket.allows(0.5, 0));
  assert.ok(!bucket.allows(1, 0));
});

test("a clock that steps back changes nothing", () => {
  const bucket = new TokenBucket({ rate: 100, depth: 100, level: 0, atUs: 0 });
  assert.equal(bucket.level(500_000), 50);
  assert.equal(bucket.level(100_000), 50);
  assert.equal(bucket.level(600_000), 60);
});

test("resize keeps what was earned, up to the new depth", () => {
  const bucket = new TokenBucket({ rate: 100, depth: 100, level: 0, atUs: 0 });
  bucket.resize(10, 20, 500_000);
  assert.equal(bucket.level(500_000), 20);
  assert.equal(bucket.rate, 10);
  assert.equal(bucket.depth, 20);
  bucket.resize(0, 5, 500_000);
  assert.equal(bucket.level(9 * second), 5);
});

test("a snapshot is the same bucket", () => {
  const bucket = new TokenBucket({ rate: 7, depth: 70, level: 3, atUs: 0 });
  bucket.charge(2, 1_234_567);
  const copy = new TokenBucket(structuredClone(bucket.snapshot()));
  assert.equal(copy.level(3 * second), bucket.level(3 * second));
});

test("property: never below one item of debt, never above the depth, never more than rate x window + depth + one item", () => {
  const request = fc.record({ waitUs: fc.nat(second), units: fc.integer({ min: 1, max: 40 }).map((n) => n / 2) });
  const shape = fc.record({ rate: fc.integer({ min: 1, max: 500 }), depth: fc.integer({ min: 1, max: 1_000 }) });
  fc.assert(
    fc.property(shape, fc.array(request, { maxLength: 200 }), ({ rate, depth }, requests) => {
      const bucket = new TokenBucket({ rate, depth, level: depth, atUs: 0 });
      const largest = Math.max(0, ...requests.map(({ units }) => units));
      const taken: { atUs: number; units: number }[] = [];
      let now = 0;
      for (const { waitUs, units } of requests) {
        now += waitUs;
        if (bucket.allows(units, now)) {
          bucket.charge(units, now);
          taken.push({ atUs: now, units });
        }
        assert.ok(bucket.level(now) > -largest && bucket.level(now) <= depth);
      }
      taken.forEach((first, i) => {
        let sum = 0;
        for (const { atUs, units } of taken.slice(i)) {
          sum += units;
          assert.ok(sum <= (rate * (atUs - first.atUs)) / second + depth + largest + 1e-6);
        }
      });
    }),
  );
});
