/** Hedging, one rule at a time. Rules in quotation marks are those of gRPC proposal A6. */
import assert from "node:assert/strict";
import test from "node:test";
import type { HedgeSpec } from "../api-tails.ts";
import { Hedge, seedStrategy } from "./hedge.ts";

const ok = { kind: "ok" } as const;
const failed = { kind: "failed" } as const;
const fatal = { kind: "fatal" } as const;

function fixed(copies: number, ...afterUs: number[]): HedgeSpec {
  return { copies, delay: { kind: "fixed", afterUs } };
}

/** When each copy is sent if nobody ever answers. */
function sends(spec: HedgeSpec, lateUs = 0): number[] {
  const hedge = new Hedge(spec);
  const call = hedge.begin(1_000, "read");
  const times = [0];
  while (call.hedgeAtUs !== Infinity) {
    const due = call.hedgeAtUs;
    assert.equal(hedge.tryHedge(call, due - 1), false, "not before its time");
    assert.equal(hedge.tryHedge(call, due + lateUs), true);
    times.push(due - 1_000);
  }
  return times;
}

test("the seed strategy asks three replicas, at 0, 5 and 10 ms", () => {
  assert.deepEqual(sends(seedStrategy), [0, 5_000, 10_000]);
  assert.deepEqual(sends(seedStrategy, 300), [0, 5_000, 10_000], "timers that are late do not add up");
});

test("the last step is repeated for further copies", () => {
  assert.deepEqual(sends(fixed(4, 5_000, 8_000)), [0, 5_000, 8_000, 11_000]);
  assert.deepEqual(sends(fixed(3, 0)), [0, 0, 0], "a delay of 0 asks all at once");
});

test("an answer ends it; the second copy that answers is counted, and wins nothing", () => {
  const hedge = new Hedge(fixed(2, 10_000));
  const quick = hedge.begin(0, "read");
  assert.equal(hedge.onCopyEnded(quick, 1, ok, 9_000), "done");
  assert.equal(hedge.tryHedge(quick, 10_000), false);
  const slow = hedge.begin(0, "read");
  assert.ok(hedge.tryHedge(slow, 10_000));
  assert.equal(hedge.onCopyEnded(slow, 2, ok, 12_000), "done");
  assert.equal(hedge.onCopyEnded(slow, 1, ok, 40_000), "done");
  const late = hedge.begin(0, "read");
  assert.ok(hedge.tryHedge(late, 10_000));
  assert.equal(hedge.onCopyEnded(late, 1, ok, 10_001), "done");
  hedge.onCancelled(1);
  const { reads, sent, won, lost, both, cancelled } = hedge.counts;
  assert.deepEqual(
    { reads, sent, won, lost, both, cancelled },
    { reads: 3, sent: 2, won: 1, lost: 1, both: 1, cancelled: 1 },
  );
});

test("a write is passed on and never hedged, even when it fails", () => {
  const hedge = new Hedge(fixed(3, 0));
  const call = hedge.begin(0, "write");
  assert.equal(call.hedgeAtUs, Infinity);
  assert.equal(hedge.tryHedge(call, 1e9), false);
  assert.equal(hedge.onCopyEnded(call, 1, failed, 5), "done");
  assert.deepEqual([hedge.counts.reads, hedge.counts.writes, hedge.counts.sent], [0, 1, 0]);
});

test("'If a non-fatal status code is received, the next hedged request is sent immediately'", () => {
  const hedge = new Hedge(fixed(3, 10_000, 20_000));
  const call = hedge.begin(0, "read");
  assert.equal(hedge.onCopyEnded(call, 1, failed, 2_000), "hedge");
  assert.ok(hedge.tryHedge(call, 2_000));
  assert.equal(call.hedgeAtUs, 12_000, "and the one after that follows it by the usual delay");
  assert.ok(hedge.tryHedge(call, 12_000));
  assert.equal(hedge.onCopyEnded(call, 2, failed, 13_000), "wait", "the last copy may still answer");
  assert.equal(hedge.onCopyEnded(call, 3, failed, 14_000), "done", "all have failed");
  assert.ok(call.done);
});

test("'If a fatal status code is received, all outstanding hedged requests are cancelled'", () => {
  const hedge = new Hedge(fixed(3, 10_000));
  const call = hedge.begin(0, "read");
  assert.ok(hedge.tryHedge(call, 10_000));
  assert.equal(hedge.onCopyEnded(call, 2, fatal, 11_000), "done");
  assert.equal(hedge.tryHedge(call, 20_000), false);
  assert.equal(hedge.counts.won, 0);
});

test("'server pushback': the next copy is moved to n ms from now; a negative one forbids it", () => {
  const hedge = new Hedge(fixed(3, 10_000));
  const moved = hedge.begin(0, "read");
  assert.equal(hedge.onCopyEnded(moved, 1, { kind: "failed", pushbackUs: 50_000 }, 1_000), "wait");
  assert.equal(moved.hedgeAtUs, 51_000);
  assert.ok(hedge.tryHedge(moved, 51_000));
  assert.equal(moved.hedgeAtUs, 61_000);
  const forbidden = hedge.begin(0, "read");
  assert.ok(hedge.tryHedge(forbidden, 10_000));
  assert.equal(hedge.onCopyEnded(forbidden, 1, { kind: "failed", pushbackUs: -1 }, 11_000), "wait");
  assert.equal(hedge.tryHedge(forbidden, 99_000), false);
  assert.equal(hedge.onCopyEnded(forbidden, 2, ok, 99_000), "done");
  assert.equal(hedge.counts.refused, 1);
});

test("'tokens > max / 2': ten tokens allow hedges through four failures, and a fifth ends them until successes return", () => {
  const hedge = new Hedge({ ...fixed(2, 0), budget: { kind: "tokens", max: 10, ratio: 0.5 } });
  const hedged = (): boolean => hedge.tryHedge(hedge.begin(0, "read"), 0);
  for (let failures = 0; failures < 5; failures++) {
    assert.ok(hedged(), `${failures} failures`);
    hedge.onCopyEnded(hedge.begin(0, "read"), 1, failed, 0);
  }
  assert.equal(hedged(), false, "exactly half is not enough");
  hedge.onCopyEnded(hedge.begin(0, "read"), 1, ok, 0);
  assert.ok(hedged());
});

test("a share of 2 % allows one hedge in fifty reads, to the last one, and saves up no more than the burst", () => {
  const hedge = new Hedge({ ...fixed(2, 0), budget: { kind: "share", share: 0.02, burst: 3 } });
  let sent = 0;
  for (let i = 0; i < 10_000; i++) if (hedge.tryHedge(hedge.begin(0, "read"), 0)) sent++;
  assert.equal(sent, 200);
  assert.deepEqual([hedge.counts.sent, hedge.counts.refused], [sent, 10_000 - sent]);
  for (let i = 0; i < 1_000; i++) hedge.begin(0, "read");
  const burst = Array.from({ length: 10 }, () => hedge.tryHedge(hedge.begin(0, "read"), 0));
  assert.deepEqual(burst.filter(Boolean).length, 3);
});

test("a read whose copies have all failed is over when the budget refuses another", () => {
  const hedge = new Hedge({ ...fixed(2, 10), budget: { kind: "share", share: 0.25, burst: 1 } });
  const call = hedge.begin(0, "read");
  assert.equal(hedge.onCopyEnded(call, 1, failed, 5), "hedge");
  assert.equal(hedge.tryHedge(call, 5), false);
  assert.ok(call.done);
});

test("the running p95 of first answers is the delay, once a tenth of the window is known", () => {
  const hedge = new Hedge({ copies: 2, delay: { kind: "quantile", quantile: 0.95, window: 1_000, initialUs: 7_000 } });
  const answer = (us: number): void => void hedge.onCopyEnded(hedge.begin(0, "read"), 1, ok, us);
  for (let i = 1; i < 100; i++) answer(i * 100);
  assert.equal(hedge.begin(0, "read").hedgeAtUs, 7_000);
  answer(10_000);
  const { hedgeAtUs } = hedge.begin(0, "read");
  assert.ok(hedgeAtUs >= 9_500 && hedgeAtUs <= 9_500 * (1 + 1 / 32), String(hedgeAtUs));
});

test("a description that breaks a rule is refused with what it says and what it should", () => {
  const refused = (spec: HedgeSpec, message: RegExp) => assert.throws(() => new Hedge(spec), message);
  refused(fixed(1, 10), /hedge.copies: got 1, expected a whole number of at least 2/);
  refused(fixed(2), /hedge.delay.afterUs: got , expected at least one time/);
  refused(fixed(3, 10, 5), /none before the one before it/);
  refused({ copies: 2, delay: { kind: "quantile", quantile: 95, window: 100, initialUs: 1 } }, /quantile: got 95/);
  refused({ ...fixed(2, 1), budget: { kind: "share", share: 2, burst: 1 } }, /hedge.budget.share: got 2/);
  refused({ ...fixed(2, 1), budget: { kind: "tokens", max: 0, ratio: 1 } }, /hedge.budget.max: got 0/);
});
