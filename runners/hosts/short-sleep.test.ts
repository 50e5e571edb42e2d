import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { sharpenTimers, ShortSleep } from "./short-sleep.ts";

test("a sleep lasts at least as long as was asked, and its margin follows what it overshoots", () => {
  const dull = sharpenTimers();
  try {
    const sleep = new ShortSleep();
    for (let i = 0; i < 200; i++) {
      const fromMs = performance.now();
      sleep.block(0.2);
      assert.ok(performance.now() - fromMs >= 0.199);
    }
    // An overshoot past 0.25 ms is not learnt from, so the margin can never pass it.
    assert.ok(sleep.marginMs >= 0.02 && sleep.marginMs <= 0.25, `${sleep.marginMs} ms`);
  } finally {
    dull();
  }
});

test("after a sleep that was prolonged, sleep is not trusted for a hundred times as long, and for longer when it soon happens again", () => {
  // A stand-in for another program on the processor: the clock jumps by 2 ms while the thread sleeps.
  const sleep = new ShortSleep();
  const wait = Atomics.wait;
  assert.ok(sleep.trusted(performance.now()));
  try {
    Atomics.wait = () => {
      for (const untilMs = performance.now() + 2.1; performance.now() < untilMs;);
      return "timed-out";
    };
    sleep.block(0.1);
    const nowMs = performance.now();
    assert.ok(!sleep.trusted(nowMs + 150) && sleep.trusted(nowMs + 1_100));
    for (let i = 0; i < 3; i++) sleep.block(0.1);
    assert.ok(!sleep.trusted(performance.now() + 900));
  } finally {
    Atomics.wait = wait;
  }
});

test("an instant that is nearer than the margin, or past, is not slept for", () => {
  const sleep = new ShortSleep();
  const before = sleep.marginMs;
  for (let i = 0; i < 100; i++) sleep.until(performance.now() + sleep.marginMs / 2);
  sleep.until(performance.now() - 1_000);
  assert.equal(sleep.marginMs, before, "nothing was slept, so nothing was learnt");
});
