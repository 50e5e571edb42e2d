/**
 * A load in real time: one thread's event loop calls the driver when something is due and hands its attempts to a target.
 *
 *     more than 2 ms to go     setTimeout for all but the last 1.5 ms: the loop is free and the processor idle
 *     less                     a turn of the loop at a time, so that answers are read in between
 *
 * Between those turns an *eager* pacer spins, late by a microsecond and always on a processor. A *modest* one naps for at most
 * 0.2 ms (Atomics.wait), which costs a tenth of a processor and up to 0.2 ms of lateness: the right trade where the design
 * under test needs the same processors.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Request } from "../../backend/api.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { LoadDriver, type DriverHost, type DriverOptions } from "../driver.ts";
import type { Target } from "../targets/target.ts";

export type Pace = "eager" | "modest";

const timerFromMs = 2;
const timerSlackMs = 1.5;
const napMs = 0.2;
const napSlackMs = 0.06;
const loopResolutionMs = 10;

export interface PacedOutcome {
  readonly loopDelayP99Us: Micros;
  /** Everything that was due was done; false after `stop`. */
  readonly finished: boolean;
}

export class PacedHost implements DriverHost {
  readonly driver: LoadDriver;
  private readonly target: Target;
  private readonly pace: Pace;
  private readonly nap = new Int32Array(new SharedArrayBuffer(4));
  private startMs = 0;
  private timer: NodeJS.Timeout | null = null;
  /** When the pending timer will look again. */
  private wakeUs = Infinity;
  private ended: ((finished: boolean) => void) | null = null;
  private stopped = false;

  constructor(target: Target, pace: Pace, options: DriverOptions) {
    this.target = target;
    this.pace = pace;
    this.driver = new LoadDriver(options, this);
    target.onAnswer = (attempt, answer) => {
      this.driver.onAnswer(attempt, answer);
      // An answer may have brought the next wake forward: a backoff, or a step that was waiting for it.
      if (this.timer !== null && this.driver.nextWakeUs < this.wakeUs) this.rouse();
      else if (this.driver.finished) this.rouse();
    };
  }

  now(): Micros {
    return Math.floor((performance.now() - this.startMs) * 1_000);
  }

  send(attempt: number, _client: number, request: Request, entry?: number): void {
    this.target.submit(attempt, request, entry);
  }

  /** Runs the load. 0 of the load is `startMs` on this thread's `performance.now()`; resolves when every operation has ended. */
  async run(startMs: number): Promise<PacedOutcome> {
    this.startMs = startMs;
    const delay = monitorEventLoopDelay({ resolution: loopResolutionMs });
    delay.enable();
    const finished = await new Promise<boolean>((resolve) => {
      this.ended = resolve;
      this.turn();
    });
    delay.disable();
    // The histogram holds whole intervals in nanoseconds: what is over the resolution is delay.
    const loopDelayP99Us = Math.max(0, Math.round(delay.percentile(99) / 1_000 - loopResolutionMs * 1_000));
    return { loopDelayP99Us, finished };
  }

  /** Ends the run at once; operations under way have no outcome. */
  stop(): void {
    this.stopped = true;
    this.rouse();
  }

  private turn(): void {
    this.timer = null;
    if (this.stopped) {
      this.ended?.(false);
      return;
    }
    this.driver.onWake();
    this.target.flush();
    if (this.driver.finished) this.ended?.(true);
    else this.sleep();
  }

  private sleep(): void {
    this.wakeUs = this.driver.nextWakeUs;
    const waitMs = this.wakeUs / 1_000 - (performance.now() - this.startMs);
    if (waitMs > timerFromMs) {
      this.timer = setTimeout(() => this.turn(), Math.min(waitMs - timerSlackMs, 1_000));
      return;
    }
    if (this.pace === "modest" && waitMs > napSlackMs * 2) {
      Atomics.wait(this.nap, 0, 0, Math.min(waitMs - napSlackMs, napMs));
    }
    setImmediate(() => this.turn());
  }

  private rouse(): void {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.timer = null;
    setImmediate(() => this.turn());
  }
}
