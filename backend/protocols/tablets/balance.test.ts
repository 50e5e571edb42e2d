/** When a policy splits, merges and moves leaders, and that it comes to rest. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import { second } from "../../kernel/units.ts";
import { Balance } from "./balance.ts";
import type { BalanceRules, TabletReport } from "./balance.ts";
import type { DirectoryEntry } from "./directory.ts";
import { LoadMeter } from "./load-meter.ts";
import { endOfKeys } from "./tablet.ts";

const rules: BalanceRules = {
  splitAboveRows: 1_000,
  splitAboveBytes: 1e6,
  splitAbovePerSecond: 300,
  mergeBelowPerSecond: 100,
  mergeMaxRows: 100,
  mergeMaxBytes: 1e5,
  patienceUs: second,
  restUs: 2 * second,
  spreadLeaders: true,
};
const zones = ["a", "b", "c"];

function meterOf(keyOf: (i: number) => string): LoadMeter {
  const meter = new LoadMeter(second, 0);
  for (let i = 0; i < 900; i++) meter.onOperation(keyOf(i), i * 1_000);
  return meter;
}

function report(tablet: number, more: Partial<TabletReport> = {}): TabletReport {
  return { tablet, version: 1, leader: 0, perSecond: 10, rows: 10, bytes: 100, loadKey: null, sizeKey: null, ...more };
}

function entriesOf(bounds: readonly string[]): DirectoryEntry[] {
  return bounds.map((from, i) => ({
    tablet: 2 + i,
    from,
    to: bounds[i + 1] ?? endOfKeys,
    version: 1,
    replicas: [0, 1, 2],
    intent: null,
  }));
}

test("the load is halved where it is, not where the keys are", () => {
  const random = Random.stream(1, "keys");
  const meter = meterOf(() => (random.chance(0.9) ? `a${random.below(10)}` : `z${random.below(10)}`));
  const key = meter.halvingKey();
  assert.ok(key !== undefined && key > "a1" && key < "a9", String(key));
  assert.ok(Math.abs(meter.perSecond(900_000) - 1_000) < 5, String(meter.perSecond(900_000)));
  meter.reset(900_000);
  assert.equal(meter.perSecond(1_000_000), 0);
  assert.equal(meter.halvingKey(), undefined);
});

test("a single hot key is not split for", () => {
  const random = Random.stream(2, "keys");
  assert.equal(meterOf(() => (random.chance(0.9) ? "hot" : `k${random.below(1_000)}`)).halvingKey(), undefined);
  assert.equal(meterOf(() => "hot").halvingKey(), undefined);
});

test("a load that walks through the keys is not split for: it would have left by then", () => {
  assert.equal(meterOf((i) => `k${String(i).padStart(6, "0")}`).halvingKey(), undefined);
});

test("a tablet is split when it has been too hot for a while, at the key that halves the load", () => {
  const balance = new Balance(rules, (node) => zones[node]);
  const entries = entriesOf([""]);
  const hot = report(2, { perSecond: 400, loadKey: "m" });
  for (let at = 0; at < 2 * second; at += second / 2) {
    balance.onReport(hot, at);
    assert.deepEqual(balance.decide(entries, at), []);
  }
  balance.onReport(hot, 2 * second);
  const command = { kind: "split-begin", tablet: 2, version: 1, at: "m" };
  assert.deepEqual(balance.decide(entries, 2 * second), [{ kind: "begin", command }]);
  balance.onReport(report(2, { perSecond: 400 }), 2.5 * second);
  assert.deepEqual(balance.decide(entries, 2.5 * second), [], "no key halves it");
  balance.onReport(report(2, { perSecond: 10, rows: 2_000, sizeKey: "k" }), 3 * second);
  assert.deepEqual(balance.decide(entries, 3 * second), [], "too large, but not for long");
});

test("two cool neighbours become one, but not while they are warm together", () => {
  const entries = entriesOf(["", "m"]);
  const merges = (perSecond: number): number => {
    const balance = new Balance(rules, (node) => zones[node]);
    let count = 0;
    for (let at = 0; at < 5 * second; at += second / 2) {
      for (const tablet of [2, 3]) balance.onReport(report(tablet, { perSecond, leader: tablet - 2 }), at);
      count += balance.decide(entries, at).filter(({ kind }) => kind === "begin").length;
    }
    return count;
  };
  assert.ok(merges(10) > 0);
  assert.equal(merges(60), 0);
});

test("leaders spread over zones, and then stay", () => {
  const balance = new Balance({ ...rules, mergeBelowPerSecond: 1 }, (node) => zones[node]);
  const entries = entriesOf(["", "f", "m", "s", "v", "x"]);
  const leaders = new Map<number, number>(entries.map(({ tablet }) => [tablet, 0]));
  let moves = 0;
  for (let at = 0; at < 120 * second; at += second / 2) {
    for (const [tablet, leader] of leaders) balance.onReport(report(tablet, { perSecond: 50, leader }), at);
    for (const decision of balance.decide(entries, at)) {
      assert.equal(decision.kind, "move-leader");
      if (decision.kind !== "move-leader") continue;
      leaders.set(decision.tablet, decision.to);
      moves++;
    }
  }
  assert.equal(moves, 4);
  for (const node of [0, 1, 2]) assert.equal([...leaders.values()].filter((leader) => leader === node).length, 2);
});

test("rules under which tablets would flap are refused", () => {
  assert.throws(
    () => new Balance({ ...rules, mergeBelowPerSecond: 200 }, () => "a"),
    /expected the first to be at most a third/,
  );
});

test("a load that comes, stays and goes is met by splits, then by merges, and never by both in turns", () => {
  const balance = new Balance(rules, (node) => zones[node]);
  // A model of tablets that split evenly: 1,000 operations a second over [0, 1) of the keys, then 20.
  let bounds = [0];
  const versions = new Map([[0, 1]]);
  const begun: string[] = [];
  const keyOf = (x: number): string => (x === 0 ? "" : x.toFixed(6));
  for (let at = 0; at < 120 * second; at += second / 2) {
    const total = at < 60 * second ? 1_000 : 20;
    const entries = bounds.map((from, i) => ({
      tablet: Math.round(from * 1e6) + 2,
      from: keyOf(from),
      to: i + 1 < bounds.length ? keyOf(bounds[i + 1]) : endOfKeys,
      version: versions.get(from)!,
      replicas: [0, 1, 2],
      intent: null,
    }));
    for (const [i, { tablet, version }] of entries.entries()) {
      const width = (bounds[i + 1] ?? 1) - bounds[i];
      const loadKey = keyOf(bounds[i] + width / 2);
      balance.onReport(report(tablet, { version, perSecond: total * width, loadKey }), at);
    }
    for (const decision of balance.decide(entries, at)) {
      if (decision.kind !== "begin") continue;
      const { command } = decision;
      begun.push(command.kind);
      if (command.kind === "split-begin") {
        const from = (command.tablet - 2) / 1e6;
        versions.set(from, command.version + 1).set(Number(command.at), command.version + 1);
        bounds = [...bounds, Number(command.at)].sort((a, b) => a - b);
      } else if (command.kind === "merge-begin") {
        const from = (command.left - 2) / 1e6;
        versions.set(from, Math.max(command.leftVersion, command.rightVersion) + 1);
        bounds = bounds.filter((bound) => bound !== (command.right - 2) / 1e6);
      }
    }
  }
  const firstMerge = begun.indexOf("merge-begin");
  assert.equal(begun.lastIndexOf("split-begin") < firstMerge, true, begun.join(" "));
  assert.equal(begun.filter((kind) => kind === "split-begin").length, 3);
  assert.equal(begun.filter((kind) => kind === "merge-begin").length, 3);
});
