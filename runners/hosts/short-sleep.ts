/**
 * Sleeping for less than a millisecond, which timers of the event loop cannot. `Atomics.wait` can, but the kernel may round it up
 * by the thread's timer slack, 50 us on Linux (timerslack_ns in proc(5)); with the slack at 1 ns a sleep ends about 20 us late
 * instead of 70. Each sleep is measured, and the next one is asked to end that much earlier: *the margin*.
 *
 * The margin rises fast and falls slowly, so that nearly every sleep ends in time. An overshoot of a quarter of a millisecond means
 * that the processor was given to another program, which keeps it for 2 to 3 ms; no margin worth its cost covers that, and so it is
 * not learnt from. Instead sleep is not *trusted* for a hundred times as long, and twice that where it soon happens again, up to
 * 800 times or a second: whoever spins meanwhile keeps the processor. So what oversleeping costs stays inside one per cent of the sends on
 * a busy machine, and on a quiet one the spins are short and far between.
 */
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

const leastMarginMs = 0.02;
const disturbedMs = 0.25;
const leastDistrust = 100;
const mostDistrust = 800;
const longestDistrustMs = 1_000;
/** Sleeps that went well, after which one that did not is a chance event. */
const soon = 200;
const rise = 1 / 4;
const fall = 1 / 128;

export class ShortSleep {
  /** By how much a sleep ends later than asked, nearly always at most. */
  marginMs = 0.08;
  private distrustUntilMs = 0;
  private distrust = leastDistrust;
  private wellSlept = soon;
  private readonly cell = new Int32Array(new SharedArrayBuffer(4));

  trusted(nowMs: number): boolean {
    return nowMs >= this.distrustUntilMs;
  }

  /** A sleep of any kind has just lasted `byMs` too long. */
  prolonged(byMs: number): void {
    this.distrust = this.wellSlept < soon ? Math.min(mostDistrust, this.distrust * 2) : leastDistrust;
    this.wellSlept = 0;
    this.distrustUntilMs = performance.now() + Math.min(longestDistrustMs, byMs * this.distrust);
  }

  /** Blocks this thread until about `untilMs` on `performance.now()`, rather a margin before it than after it. */
  until(untilMs: number): void {
    const askedMs = untilMs - this.marginMs - performance.now();
    if (askedMs > 0) this.block(askedMs);
  }

  /** Blocks this thread for `lengthMs` and what a sleep ends too late. */
  block(lengthMs: number): void {
    const fromMs = performance.now();
    Atomics.wait(this.cell, 0, 0, lengthMs);
    const overshootMs = performance.now() - fromMs - lengthMs;
    if (overshootMs > disturbedMs) {
      this.prolonged(overshootMs);
      return;
    }
    this.wellSlept++;
    const step = (overshootMs - this.marginMs) * (overshootMs > this.marginMs ? rise : fall);
    this.marginMs = Math.max(leastMarginMs, this.marginMs + step);
  }
}

/**
 * Sets the calling thread's timer slack to 1 ns and returns what undoes it. Where the system has no such thing or forbids it,
 * nothing changes: sleeps are then later, and their margin grows to match.
 */
export function sharpenTimers(): () => void {
  try {
    const thread = readlinkSync("/proc/thread-self").split("/").at(-1);
    const file = `/proc/${thread}/timerslack_ns`;
    const before = readFileSync(file, "utf8");
    writeFileSync(file, "1");
    return () => writeFileSync(file, before);
  } catch {
    return () => undefined;
  }
}
