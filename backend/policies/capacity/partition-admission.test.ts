/** One partition by itself: each design's grant, the cap over all of them, debts, expiry and restarts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CapacitySpec } from "../../api.ts";
import { Random } from "../../kernel/random.ts";
import type { Micros } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import {
  burstSeconds,
  grantLifetimeUs,
  isSteered,
  PartitionAdmission,
  partitionCap,
  savedWhenNew,
  shareOf,
  tableRate,
} from "./partition-admission.ts";

const provisioned = { read: 1_000, write: 400 };
const specs: CapacitySpec[] = [
  { kind: "fixed", provisioned },
  { kind: "burst", provisioned },
  { kind: "adaptive", provisioned },
  { kind: "on-demand", initialPeak: { read: 500, write: 200 } },
];

/** Units let in when `perSecond` single-unit reads a second are asked from `fromUs` on. */
function admitted(admission: PartitionAdmission, perSecond: number, fromUs: Micros, seconds: number): number {
  let sum = 0;
  for (let i = 0; i < perSecond * seconds; i++) {
    if (admission.admit("read", 1, fromUs + Math.round((i * second) / perSecond)) === "ok") sum++;
  }
  return sum;
}

test("fixed: its share and one second of it", () => {
  const admission = new PartitionAdmission(specs[0], 8, 0);
  const sum = admitted(admission, 1_000, 0, 10);
  assert.ok(Math.abs(sum - (125 * 10 + 125)) <= 1, `${sum} units`);
});

test("paper: burst uses up to 300 s of unused capacity", () => {
  const admission = new PartitionAdmission({ kind: "burst", provisioned: { read: 1_200, write: 8 } }, 8, 0, 0);
  assert.equal(admission.available("read", 300 * second), 3_000, "the partition cap hides most of it");
  const sum = admitted(admission, 200, 300 * second, 899);
  assert.equal(sum, 200 * 899);
  const later = admitted(admission, 200, 1_210 * second, 100);
  assert.ok(later < 200 * 100 * 0.85 && later > 150 * 100 * 0.95, `${later} units: its share again`);
});

test("a new table's partitions have what the table says; a restarted leader has one second", () => {
  assert.equal(savedWhenNew({ kind: "burst", provisioned }), burstSeconds);
  assert.equal(savedWhenNew({ kind: "adaptive", provisioned, savedSeconds: 10 }), 10);
  assert.equal(savedWhenNew({ kind: "burst", provisioned, savedSeconds: 9_999 }), burstSeconds);
  assert.equal(savedWhenNew({ kind: "fixed", provisioned }), 1);
  assert.equal(new PartitionAdmission(specs[1], 8, 7 * second).available("read", 7 * second), 125);
});

test("the partition cap holds for every kind", () => {
  const huge = { read: 1_000_000, write: 1_000_000 };
  const kinds: CapacitySpec[] = [
    { kind: "fixed", provisioned: huge },
    { kind: "burst", provisioned: huge },
    { kind: "adaptive", provisioned: huge },
    { kind: "on-demand", initialPeak: huge },
  ];
  for (const spec of kinds) {
    for (const access of ["read", "write"] as const) {
      const admission = new PartitionAdmission(spec, 8, 0, burstSeconds);
      admission.grant({ read: 50_000, write: 50_000 }, 0);
      let sum = 0;
      for (let i = 0; i < 50_000; i++) if (admission.admit(access, 1, i * 100) === "ok") sum++;
      assert.equal(Math.round(sum / 100) / 10, Math.round(partitionCap[access] * 0.06) / 10, `${spec.kind} ${access}`);
    }
  }
});

test("unlimited counts and never refuses", () => {
  const admission = new PartitionAdmission({ kind: "unlimited" }, 1, 0);
  for (let i = 0; i < 10_000; i++) assert.equal(admission.admit("write", 5, 0), "ok");
  assert.deepEqual(admission.takeReport(), { consumed: { read: 0, write: 50_000 }, throttled: { read: 0, write: 0 } });
  assert.equal(admission.available("write", 0), Infinity);
  assert.equal(shareOf({ kind: "unlimited" }, "read", 4), Infinity);
  assert.equal(tableRate({ kind: "unlimited" }, "read"), Infinity);
});

test("reads and writes are apart", () => {
  const admission = new PartitionAdmission(specs[0], 8, 0);
  while (admission.admit("write", 1, 0) === "ok");
  assert.equal(admission.admit("read", 1, 0), "ok");
});

test("a report says what happened since the last one", () => {
  const admission = new PartitionAdmission({ kind: "fixed", provisioned: { read: 2, write: 2 } }, 1, 0);
  for (let i = 0; i < 5; i++) admission.admit("read", 1, 0);
  admission.admit("write", 2, 0);
  assert.deepEqual(admission.takeReport(), { consumed: { read: 2, write: 2 }, throttled: { read: 3, write: 0 } });
  assert.deepEqual(admission.takeReport(), { consumed: { read: 0, write: 0 }, throttled: { read: 0, write: 0 } });
});

test("a read is charged after the fact and its debt is paid before the next", () => {
  const admission = new PartitionAdmission({ kind: "fixed", provisioned: { read: 10, write: 1 } }, 1, 0);
  assert.equal(admission.admit("read", 0.5, 0), "ok");
  admission.settle("read", 19.5, 0);
  admission.settle("read", 0, 0);
  assert.equal(admission.available("read", 0), -10);
  assert.equal(admission.admit("read", 1, second), "throttled");
  assert.equal(admission.admit("read", 1, 1_100_000), "ok");
  assert.equal(admission.takeReport().consumed.read, 21);
});

test("adaptive: a boost adds to the share at once, is spent before what is saved, and expires", () => {
  const admission = new PartitionAdmission(specs[2], 8, 0);
  admission.grant({ read: 625, write: 50 }, 0);
  assert.equal(admission.available("read", second), 500 + 250);
  assert.equal(admission.admit("read", 400, second), "ok");
  assert.equal(admission.available("read", second), 100 + 250);
  const after = grantLifetimeUs;
  assert.equal(admission.available("read", after), 125 + 125 * 5, "the share, saved; the boost is gone");
});

test("on demand: a second of the table at the start, the granted limit then, its share when cut off", () => {
  const admission = new PartitionAdmission(specs[3], 8, 0);
  assert.equal(admission.available("read", 0), 1_000);
  admission.grant({ read: 40, write: 40 }, 0);
  assert.equal(admission.available("read", 0), 40);
  assert.equal(admission.available("read", grantLifetimeUs + 10 * second), 125);
});

test("kinds without a controller ignore grants", () => {
  assert.deepEqual(specs.map(isSteered), [false, false, true, true]);
  const admission = new PartitionAdmission(specs[0], 8, 0);
  admission.grant({ read: 3_000, write: 1_000 }, 0);
  assert.equal(admission.available("read", second), 125);
});

test("a snapshot is the same partition", () => {
  for (const spec of specs) {
    const admission = new PartitionAdmission(spec, 8, 0);
    admission.grant({ read: 300, write: 90 }, 10);
    admission.admit("read", 20, 20);
    const copy = PartitionAdmission.restore(spec, 8, structuredClone(admission.snapshot()));
    for (const now of [30, second, grantLifetimeUs + 11]) {
      assert.equal(copy.available("read", now), admission.available("read", now), `${spec.kind} at ${now}`);
    }
  }
});

test("property: over any run a partition admits at most its rate, its depth and one item", () => {
  const request = fc.record({ waitUs: fc.nat(300_000), units: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(fc.constantFrom(...specs), fc.array(request, { maxLength: 200 }), (spec, requests) => {
      const admission = new PartitionAdmission(spec, 8, 0);
      let now = 0;
      let sum = 0;
      for (const { waitUs, units } of requests) {
        now += waitUs;
        if (admission.admit("write", units, now) === "ok") sum += units;
      }
      const start = spec.kind === "on-demand" ? 400 : 50;
      assert.ok(sum <= start + (50 * now) / second + 30 + 1e-6, `${spec.kind}: ${sum} units by ${now} us`);
    }),
  );
});

/** Share refused when Poisson arrivals come at exactly the share, from a full bucket. */
function refusedAtShare(perSecond: number, depthSeconds: number, seconds: number, seed: number): number {
  const random = Random.stream(seed, "at-share");
  const spec: CapacitySpec = {
    kind: depthSeconds === 1 ? "fixed" : "burst",
    provisioned: { read: perSecond, write: 1 },
  };
  const admission = new PartitionAdmission(spec, 1, 0, depthSeconds);
  let refused = 0;
  let asked = 0;
  for (let now = 0; now < seconds * second; now += random.exponential(second / perSecond)) {
    asked++;
    if (admission.admit("read", 1, Math.round(now)) === "throttled") refused++;
  }
  return refused / asked;
}

test("theory: Poisson load at exactly the share is refused 1/(2Bs) in the long run, next to nothing in 20 s or with burst", () => {
  const long = refusedAtShare(125, 1, 40_000, 1);
  assert.ok(Math.abs(long - 1 / (2 * 125)) < 0.0012, `refused ${long}, theory ${1 / 250}`);
  const short = Array.from({ length: 40 }, (_, seed) => refusedAtShare(125, 1, 20, seed));
  const mean = short.reduce((a, b) => a + b, 0) / short.length;
  assert.ok(mean < 0.0005, `refused ${mean} in runs of 20 s`);
  assert.equal(refusedAtShare(125, 300, 3_600, 1), 0);
});
