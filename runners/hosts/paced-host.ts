/**
 * A load in real time: one thread's event loop calls the driver when something is due and hands its attempts to a target. How it
 * waits depends on how long, and on whether an answer may come meanwhile that should be read at once:
 *
 *     more than 2 ms to go      setTimeout for all but the last 1.5 ms: answers wake the loop, the processor is idle
 *     nothing is under way      one sleep to just before the instant, then a spin of some 30 us to it; under 0.2 ms only the spin
 *     answers are under way     a turn of the loop at a time, with a short sleep between turns where that is harmless
 *
 * *Harmless* is a sleep of at most a fiftieth of what quick answers take: it makes no answer look 2 % slower than it was. An
 * *eager* pacer keeps to that, so beside a quick server it spins while answers are under way; it also spins where sleep has proved
 * unreliable. A *modest* one sleeps for up to 0.2 ms whatever the answers take, and never spins: the right trade where the design
 * under test needs the same processors.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Answer, Request, Result } from "../../backend/api.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { LoadDriver, type DriverHost, type DriverOptions } from "../driver.ts";
import type { Target } from "../targets/target.ts";
import { sharpenTimers, ShortSleep } from "./short-sleep.ts";

export type Pace = "eager" | "modest";

const shortestTimerMs = 0.5;
/** How long before its instant a timer is set to fire; while sleep is not trusted, longer than another program keeps the processor. */
const timerSlackMs = 1.5;
const distrustedSlackMs = 6;
const longestSpinMs = 2;
/** Between two turns of the loop while answers are under way. */
const longestNapMs = 0.2;
/** A shorter nap costs more than the turns of the loop that it replaces. */
const shortestNapMs = 0.05;
/**
 * While nothing is under way. About one sleep in a thousand is prolonged by another program, so they must not be many: gaps
 * shorter than this are spun through.
 */
const shortestSleepMs = 0.2;
const harmlessShare = 1 / 50;
const patienceAttempts = 1_000;
const loopResolutionMs = 10;

/** One for the thread: what a run has learnt of the machine, the next one knows. */
const threadSleep = new ShortSleep();

export interface PacedOutcome {
  readonly loopDelayP99Us: Micros;
  /** Everything that was due was done; false after `stop`. */
  readonly finished: boolean;
}

export class PacedHost<Q = Request, R = Result> implements DriverHost<Q> {
  readonly driver: LoadDriver<Q, R>;
  private readonly target: Target<Q, R>;
  private readonly pace: Pace;
  private readonly sleep: ShortSleep;
  private readonly quickness = new Quickness();
  private startMs = 0;
  /** Attempts whose answer is waited for. */
  private unanswered = 0;
  /** Submitted since the last flush. */
  private unflushed = false;
  private timer: NodeJS.Timeout | null = null;
  /** When the pending timer will look again. */
  private wakeUs = Infinity;
  private ended: ((finished: boolean) => void) | null = null;
  private stopped = false;

  constructor(target: Target<Q, R>, pace: Pace, options: DriverOptions<Q, R>, sleep = threadSleep) {
    this.target = target;
    this.pace = pace;
    this.sleep = sleep;
    this.driver = new LoadDriver(options, this);
    target.onAnswer = (attempt, answer) => this.onAnswer(attempt, answer);
    target.onWritten = (attempt) => this.driver.onWritten(attempt);
  }

  now(): Micros {
    return Math.floor((performance.now() - this.startMs) * 1_000);
  }

  send(attempt: number, _client: number, request: Q, timeoutUs: Micros, entry?: number): void {
    this.unanswered++;
    this.unflushed = true;
    this.quickness.sent(attempt);
    this.target.submit(attempt, request, timeoutUs, entry);
  }

  giveUp(attempt: number): void {
    this.unanswered--;
    this.target.giveUp?.(attempt);
  }

  /** Runs the load. 0 of the load is `startMs` on this thread's `performance.now()`; resolves when every operation has ended. */
  async run(startMs: number): Promise<PacedOutcome> {
    this.startMs = startMs;
    const dull = sharpenTimers();
    const delay = monitorEventLoopDelay({ resolution: loopResolutionMs });
    delay.enable();
    const finished = await new Promise<boolean>((resolve) => {
      this.ended = resolve;
      this.turn();
    });
    delay.disable();
    dull();
    // The histogram holds whole intervals in nanoseconds: what is over the resolution is delay.
    const loopDelayP99Us = Math.max(0, Math.round(delay.percentile(99) / 1_000 - loopResolutionMs * 1_000));
    return { loopDelayP99Us, finished };
  }

  /** Ends the run at once; operations under way have no outcome. */
  stop(): void {
    this.stopped = true;
    this.rouse();
  }

  private onAnswer(attempt: number, answer: Answer<R>): void {
    this.quickness.answered(attempt);
    if (this.driver.onAnswer(attempt, answer)) this.unanswered--;
    // While a timer is pending nobody looks: what the answer brought forward or gave rise to must not wait for it.
    if (this.timer === null) return;
    if (this.unflushed || this.driver.nextWakeUs < this.wakeUs || this.driver.finished) this.rouse();
  }

  private turn(): void {
    this.timer = null;
    if (this.stopped) {
      this.ended?.(false);
      return;
    }
    this.work();
    if (this.driver.finished) {
      this.ended?.(true);
      return;
    }
    this.wakeUs = this.driver.nextWakeUs;
    const dueMs = this.startMs + this.wakeUs / 1_000;
    const nowMs = performance.now();
    const waitMs = dueMs - nowMs;
    const earlyMs = this.pace === "modest" || this.sleep.trusted(nowMs) ? timerSlackMs : distrustedSlackMs;
    if (waitMs > earlyMs + shortestTimerMs) {
      this.timer = setTimeout(() => this.onTimer(dueMs), Math.min(waitMs - earlyMs, 1_000));
      return;
    }
    this.wait(dueMs, waitMs);
    setImmediate(() => this.turn());
  }

  private onTimer(dueMs: number): void {
    const lateMs = performance.now() - dueMs;
    if (lateMs > 0) this.sleep.prolonged(lateMs);
    this.turn();
  }

  private work(): void {
    this.driver.onWake();
    if (!this.unflushed) return;
    this.unflushed = false;
    this.target.flush();
  }

  /** Until the instant or until the loop should turn again. */
  private wait(dueMs: number, waitMs: number): void {
    if (waitMs <= 0) return;
    const modest = this.pace === "modest";
    const maySleep = modest || this.sleep.trusted(dueMs - waitMs);
    if (this.unanswered > 0) {
      const harmlessMs = modest ? longestNapMs : this.quickness.answerMs * harmlessShare;
      const napMs = Math.min(waitMs - this.sleep.marginMs, harmlessMs, longestNapMs);
      if (maySleep && napMs >= shortestNapMs) this.sleep.block(napMs);
      return;
    }
    if (maySleep && waitMs >= (modest ? shortestNapMs : shortestSleepMs)) this.sleep.until(dueMs);
    if (modest || waitMs > longestSpinMs) return;
    while (performance.now() < dueMs);
    this.work();
  }

  private rouse(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    setImmediate(() => this.turn());
  }
}

/**
 * What quick answers take, from one attempt at a time, as early TCP timed its round trips: it falls fast and rises slowly, so
 * that among quick and slow answers it stays near the quick ones. An attempt that is not answered while a thousand others are
 * sent is let go.
 */
class Quickness {
  /** 0 before the first answer: nothing is known to be slow. */
  answerMs = 0;
  private attempt = -1;
  private sentMs = 0;
  private sentSince = 0;

  sent(attempt: number): void {
    if (this.attempt >= 0 && this.sentSince++ < patienceAttempts) return;
    this.attempt = attempt;
    this.sentSince = 0;
    this.sentMs = performance.now();
  }

  answered(attempt: number): void {
    if (attempt !== this.attempt) return;
    this.attempt = -1;
    const tookMs = performance.now() - this.sentMs;
    const pace = this.answerMs === 0 ? 1 : tookMs < this.answerMs ? 1 / 4 : 1 / 64;
    this.answerMs += (tookMs - this.answerMs) * pace;
  }
}
