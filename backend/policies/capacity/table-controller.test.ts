/** The controller alone, and a closed loop of eight partitions: the comparison that the experiment makes, without a store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { CapacitySpec } from "../../api.ts";
import { Random } from "../../kernel/random.ts";
import { minute, second } from "../../kernel/units.ts";
import type { PartitionReport } from "./partition-admission.ts";
import { PartitionAdmission, partitionCap } from "./partition-admission.ts";
import { controlIntervalUs, dealLimit, growthUs, reportsByPartition, TableController } from "./table-controller.ts";

const partitions = 8;
const provisioned = { read: 1_000, write: 800 };
const fixed: CapacitySpec = { kind: "fixed", provisioned };
const burst: CapacitySpec = { kind: "burst", provisioned, savedSeconds: 10 };
const adaptive: CapacitySpec = { kind: "adaptive", provisioned };
const onDemand: CapacitySpec = { kind: "on-demand", initialPeak: provisioned };

interface Loop {
  readonly spec: CapacitySpec;
  readonly seconds: number;
  readonly perSecond: number;
  readonly savedSeconds?: number;
  readonly seed?: number;
  /** Which partition a request goes to. */
  readonly choose: (random: Random, i: number) => number;
  readonly access?: "read" | "write";
}

/** Share admitted in each second, Poisson arrivals of one unit, limits renewed once a second. */
function runLoop({ spec, seconds, perSecond, savedSeconds = 1, seed = 1, choose, access = "read" }: Loop): number[] {
  const random = Random.stream(seed, "loop");
  const leaders = Array.from({ length: partitions }, () => new PartitionAdmission(spec, partitions, 0, savedSeconds));
  const controller = new TableController(spec, partitions);
  const shares: number[] = [];
  let now = random.exponential(second / perSecond);
  let asked = 0;
  for (let s = 1; s <= seconds; s++) {
    let ok = 0;
    let all = 0;
    for (; now < s * second; now += random.exponential(second / perSecond)) {
      all++;
      if (leaders[choose(random, asked++)].admit(access, 1, Math.floor(now)) === "ok") ok++;
    }
    shares.push(ok / Math.max(1, all));
    const limits = controller.round(
      leaders.map((leader) => leader.takeReport()),
      controlIntervalUs,
    );
    leaders.forEach((leader, p) => leader.grant(limits[p], s * second));
  }
  return shares;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const oneHot = (): number => 3;

test("one hot partition at the table's provision: fixed admits its eighth", () => {
  const shares = runLoop({ spec: fixed, seconds: 20, perSecond: 1_000, choose: oneHot });
  assert.ok(Math.abs(mean(shares.slice(2)) - 1 / 8) < 0.005, shares.join(" "));
});

test("one hot partition: burst admits everything until its bucket is empty, then its eighth", () => {
  const shares = runLoop({ spec: burst, seconds: 20, perSecond: 1_000, savedSeconds: 40, choose: oneHot });
  // 40 s x 125 units, drained at 1,000 - 125 a second: 5.7 s.
  assert.ok(mean(shares.slice(0, 5)) > 0.999, shares.join(" "));
  assert.ok(Math.abs(mean(shares.slice(8)) - 1 / 8) < 0.01, shares.join(" "));
});

test("one hot partition: adaptive comes to admit everything within four rounds", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const shares = runLoop({ spec: adaptive, seconds: 30, perSecond: 1_000, choose: oneHot, seed });
    assert.ok(shares[0] < 0.3, "it starts at its share");
    assert.ok(mean(shares.slice(4)) > 0.985, `seed ${seed}: ${shares.join(" ")}`);
  }
});

test("one hot partition: on demand admits everything from the start", () => {
  const shares = runLoop({ spec: onDemand, seconds: 20, perSecond: 1_000, choose: oneHot });
  assert.ok(Math.min(...shares) > 0.999, shares.join(" "));
});

test("neither goes past the partition cap", () => {
  for (const spec of [adaptive, onDemand] as const) {
    const wide: CapacitySpec =
      spec.kind === "adaptive"
        ? { kind: "adaptive", provisioned: { read: 8_000, write: 8_000 } }
        : { kind: "on-demand", initialPeak: { read: 8_000, write: 8_000 } };
    const shares = runLoop({ spec: wide, seconds: 15, perSecond: 2_000, choose: oneHot, access: "write" });
    const steady = mean(shares.slice(4));
    assert.ok(steady > 0.48 && steady < 0.52, `${spec.kind} admits ${steady} of twice the cap`);
  }
});

test("uniform random load at the provision: refused below 0.2 % in 20 s by every design", () => {
  for (const spec of [fixed, burst, adaptive, onDemand]) {
    const refused = Array.from({ length: 10 }, (_, seed) => {
      const shares = runLoop({
        spec,
        seconds: 20,
        perSecond: 1_000,
        seed,
        choose: (random) => random.below(partitions),
      });
      return 1 - mean(shares);
    });
    assert.ok(mean(refused) < 0.002, `${spec.kind}: ${refused.join(" ")}`);
  }
});

test("evenly paced load at the provision is refused by no design at all", () => {
  for (const spec of [fixed, burst, adaptive, onDemand]) {
    const leaders = Array.from({ length: partitions }, () => new PartitionAdmission(spec, partitions, 0));
    for (let i = 0; i < 20_000; i++) assert.equal(leaders[i % partitions].admit("read", 1, i * 1_000), "ok", spec.kind);
  }
});

test("a boost decays when the load has gone, and within rounds when the table needs its shares back", () => {
  const controller = new TableController(adaptive, partitions);
  const hot = reports((p) => (p === 0 ? [125, 875] : [0, 0]));
  assert.equal(Math.round(controller.round(hot, second)[0].read), 1_000);
  const quiet = reports(() => [0, 0]);
  let last = 1_000;
  for (let i = 0; i < 20; i++) {
    const limit = controller.round(quiet, second)[0].read;
    assert.ok(limit < last && limit >= 125);
    last = limit;
  }
  assert.ok(last < 140, `${last} left`);
  controller.round(hot, second);
  const busy = controller.round(
    reports(() => [125, 0]),
    second,
  );
  assert.deepEqual(
    busy.map(({ read }) => read),
    Array.from({ length: partitions }, () => 125),
  );
});

test("a report that does not arrive counts as the last one did, and a lost controller starts from the shares", () => {
  const controller = new TableController(adaptive, partitions);
  controller.round(
    reports((p) => (p === 0 ? [125, 875] : [100, 0])),
    second,
  );
  const limits = controller.round([null, ...reports(() => [100, 0]).slice(1)], second);
  assert.ok(limits[0].read > 125 && limits[0].read <= 125 + 7 * 25);
  const lost = new TableController(adaptive, partitions);
  assert.ok(
    lost
      .round(
        Array.from({ length: partitions }, () => null),
        second,
      )
      .every(({ read }) => read === 125),
  );
  const moved = new TableController(adaptive, partitions, structuredClone(controller.snapshot()));
  assert.deepEqual(
    moved.round(
      reports(() => [0, 0]),
      second,
    ),
    controller.round(
      reports(() => [0, 0]),
      second,
    ),
  );
});

test("reports over half a second are rates twice as high", () => {
  const controller = new TableController(adaptive, partitions);
  const limits = controller.round(
    reports((p) => (p === 0 ? [62, 100] : [0, 0])),
    second / 2,
  );
  assert.equal(limits[0].read, 125 + 1.25 * 200);
});

test("on demand: twice the previous peak at once, and twice more when a peak is half an hour old", () => {
  const controller = new TableController({ kind: "on-demand", initialPeak: { read: 500, write: 100 } }, partitions);
  assert.equal(controller.tableLimit("read"), 1_000);
  const busy = reports(() => [125, 50]);
  const seconds = growthUs / second + minute / second;
  for (let s = 0; s < seconds - 1; s++) controller.round(busy, second);
  assert.equal(controller.tableLimit("read"), 1_000, "the peak is too young");
  controller.round(busy, second);
  assert.equal(controller.tableLimit("read"), 2_000);
  assert.equal(controller.tableLimit("write"), 200, "nothing was written");
});

test("on demand: a burst shorter than a minute is not a peak", () => {
  const controller = new TableController({ kind: "on-demand", initialPeak: { read: 500, write: 100 } }, partitions);
  for (let s = 0; s < 10; s++)
    controller.round(
      reports(() => [125, 0]),
      second,
    );
  for (let s = 0; s < 4_000; s++)
    controller.round(
      reports(() => [0, 0]),
      second,
    );
  assert.equal(controller.tableLimit("read"), 1_000);
});

test("kinds without a controller get their shares", () => {
  assert.equal(
    new TableController(fixed, partitions).round(
      reports(() => [1, 1]),
      second,
    )[0].read,
    125,
  );
  assert.equal(new TableController(fixed, partitions).tableLimit("read"), 1_000);
});

test("reports of several nodes are put together by partition; a partition nobody reported is unknown", () => {
  const [a, b, c] = reports((p) => [p + 1, 10 * p]);
  assert.deepEqual(
    reportsByPartition(3, [
      [
        [0, a],
        [2, b],
      ],
      [[2, c]],
    ]),
    [a, null, { consumed: { read: 5, write: 0 }, throttled: { read: 30, write: 0 } }],
  );
});

const loads = fc.array(fc.record({ consumed: fc.nat(2_000), throttled: fc.nat(2_000) }), {
  minLength: partitions,
  maxLength: partitions,
});

test("property: shares used and boosts together never exceed what the table bought, nor one partition its cap", () => {
  fc.assert(
    fc.property(fc.array(loads, { minLength: 1, maxLength: 10 }), (rounds) => {
      const controller = new TableController(adaptive, partitions);
      for (const round of rounds) {
        const limits = controller.round(
          reports((p) => [round[p].consumed, round[p].throttled]),
          second,
        );
        const entitled = limits.reduce((sum, { read }, p) => {
          const demand = round[p].consumed + round[p].throttled;
          return sum + Math.min(125, demand) + (read - 125);
        }, 0);
        assert.ok(entitled <= 1_000 + 1e-6, `${entitled}`);
        for (const { read } of limits) assert.ok(read >= 125 && read <= partitionCap.read);
      }
    }),
  );
});

test("property: a dealt limit is used up, max-min fair, and capped", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20_000 }),
      fc.array(fc.nat(5_000), { minLength: 1, maxLength: 20 }),
      (limit, demands) => {
        const granted = dealLimit(limit, demands, 1_000);
        const sum = granted.reduce((a, b) => a + b, 0);
        assert.ok(Math.abs(sum - Math.min(limit, 1_000 * demands.length)) < 1e-6);
        granted.forEach((grant) => assert.ok(grant >= 0 && grant <= 1_000 + 1e-9));
        demands.forEach((demand, i) => {
          // Who wants more never gets less.
          demands.forEach((other, j) => assert.ok(demand < other || granted[i] >= granted[j] - 1e-6));
        });
      },
    ),
  );
});

function reports(load: (partition: number) => readonly [number, number]): PartitionReport[] {
  return Array.from({ length: partitions }, (_, p) => {
    const [consumed, throttled] = load(p);
    return { consumed: { read: consumed, write: 0 }, throttled: { read: throttled, write: 0 } };
  });
}
