/**
 * The open-loop client, as a state machine that both tanks run: virtual time calls it from a heap, a worker thread from a pacer.
 * It has two inputs (`onWake`, `onAnswer`) and one output (`DriverHost.send`); it holds no clock, timer or promise.
 *
 *     arrival ──> thinking ──> calling ──answer──> next step, or the session ends
 *                   ^            │  ^
 *                   │   failure  v  │ backoff over
 *                   └────────── backing off          (the client's policy decides; see backend/policies)
 *
 * What keeps it honest: an operation's latency counts from its intended start, which is the arrival's for the first step and the
 * previous intended start plus a think time for the others, so no slow answer ever delays a clock. A step still waits for the
 * answer before it, because its request may depend on it; that wait is latency. *Lateness* is only what the generator itself
 * added: actual send minus the first moment the step could have been sent.
 *
 * An operation ends refused only if every attempt was: a refusal after an attempt that timed out does not undo that attempt, so
 * such an operation is unknown, even where the refusal is the failed condition that its own first attempt caused.
 *
 * Operations under way live in pooled records, and an answer disarms its attempt's timeout: memory is that of what is under way,
 * whatever has gone by. Nothing is allocated for an attempt but its request.
 */
import type { Answer, Request, Result } from "../backend/api.ts";
import { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import type { CallPolicy } from "../backend/policies/call.ts";
import { Caller } from "../backend/policies/caller.ts";
import type { HistoryEntry, Session, Step } from "../workloads/workload.ts";
import type { Recorder } from "./measure/recorder.ts";
import type { Arrival, Schedule } from "./schedule.ts";
import { TimerHeap } from "./timer-heap.ts";

export interface DriverHost<Q = Request> {
  /** Whole microseconds since the load began. */
  now(): Micros;
  /**
   * Sends one attempt, for which the client waits `timeoutUs` (Infinity: for ever). The answer, if one ever comes, goes to
   * `onAnswer` under the same attempt number.
   */
  send(attempt: number, client: number, request: Q, timeoutUs: Micros, entry?: number): void;
  /** Nobody waits for this attempt's answer any more: a host that keeps something for it may let go. */
  giveUp?(attempt: number): void;
}

export interface DriverOptions<Q = Request, R = Result> {
  readonly schedule: Schedule;
  readonly workload: { begin(arrival: number, random: Random, operation?: string): Session<Q, R> };
  readonly calls: CallPolicy;
  readonly seed: number;
  /** No step begins at or after this; sessions under way end there. */
  readonly forUs: Micros;
  readonly recorder: Recorder;
  /** Sessions under way at once, at most; arrivals beyond it are dropped, and a dropped arrival makes the run invalid. */
  readonly sessionLimit?: number;
}

/** An attempt's number is generation * slotLimit + slot: exact in a double, never reused. */
const slotLimit = 1_048_576;

const timedOut: Answer<never> = { kind: "unknown", code: "timeout", message: "no answer in time" };
const breakerOpen: Answer<never> = { kind: "refused", code: "breaker-open", message: "the client's breaker is open" };
const expired: Answer<never> = {
  kind: "refused",
  code: "expired",
  message: "the deadline passed before the next attempt",
};

type Phase = "thinking" | "calling" | "backing-off";

/** One session under way and the operation it is at. */
interface Active<Q, R> {
  readonly slot: number;
  session: Session<Q, R> | null;
  step: Step<Q> | null;
  phase: Phase;
  arrival: number;
  stepNumber: number;
  client: number;
  /** The recorder's number of the operation kind. */
  operation: number;
  intendedUs: Micros;
  /** When the step could first have been sent: its intended start, or the answer before it if that came later. */
  readyUs: Micros;
  firstSentUs: Micros;
  sentUs: Micros;
  deadlineUs: Micros;
  attempts: number;
  previousDelayUs: Micros;
  previousUnknown: boolean;
  /** The last attempt that ended unknown. Once set, the operation can no longer end refused: that attempt may have happened. */
  doubt: Answer<R> | null;
  generation: number;
}

export class LoadDriver<Q = Request, R = Result> {
  readonly history: HistoryEntry[] = [];
  private readonly options: DriverOptions<Q, R>;
  private readonly host: DriverHost<Q>;
  private readonly recorder: Recorder;
  private readonly arrivals: Iterator<Arrival>;
  private readonly callers: (Caller | undefined)[];
  private nextArrival: Arrival | null;
  private readonly slots: Active<Q, R>[] = [];
  private readonly freeSlots: number[] = [];
  /** By slot: the end of a thought, of an attempt's patience or of a backoff. */
  private readonly timers = new TimerHeap();

  constructor(options: DriverOptions<Q, R>, host: DriverHost<Q>) {
    this.options = options;
    this.host = host;
    this.recorder = options.recorder;
    this.callers = Array.from({ length: options.calls.clients });
    this.arrivals = options.schedule[Symbol.iterator]();
    this.nextArrival = this.takeArrival();
  }

  /** When `onWake` has something to do; Infinity when only answers can move it. */
  get nextWakeUs(): Micros {
    return Math.min(this.nextArrival === null ? Infinity : this.nextArrival.atUs, this.timers.earliest);
  }

  /** Every arrival has been taken and every session has ended. */
  get finished(): boolean {
    return this.nextArrival === null && this.underWay === 0;
  }

  get underWay(): number {
    return this.slots.length - this.freeSlots.length;
  }

  /** Timers armed: never more than sessions under way. */
  get timersArmed(): number {
    return this.timers.size;
  }

  /** No arrival is taken any more; operations under way run to their end. */
  stop(): void {
    this.nextArrival = null;
  }

  /** Does everything that is due, in order of time. Harmless when nothing is. */
  onWake(): void {
    for (;;) {
      const arrivalUs = this.nextArrival === null ? Infinity : this.nextArrival.atUs;
      const timerUs = this.timers.earliest;
      if (Math.min(arrivalUs, timerUs) > this.host.now()) return;
      if (arrivalUs <= timerUs) this.onArrival(this.nextArrival!);
      else this.onTimer(this.timers.pop());
    }
  }

  /** False when nobody waited for it any more. */
  onAnswer(attempt: number, answer: Answer<R>): boolean {
    const slot = attempt % slotLimit;
    const active = this.slots[slot];
    if (active.phase !== "calling" || active.generation !== (attempt - slot) / slotLimit) {
      this.recorder.lateAnswer();
      return false;
    }
    this.timers.disarm(slot);
    this.onOutcome(active, answer);
    return true;
  }

  /** The attempt left the client only now: it had waited for a connection. Its latency has counted all the while. */
  onWritten(attempt: number): void {
    const active = this.slots[attempt % slotLimit];
    if (active.phase === "calling" && attemptOf(active) === attempt) active.sentUs = this.host.now();
  }

  private onArrival(arrival: Arrival): void {
    this.nextArrival = this.takeArrival();
    const { workload, seed, calls, sessionLimit = slotLimit } = this.options;
    if (this.underWay >= sessionLimit) {
      this.recorder.dropped(this.recorder.operation("session"), arrival.atUs);
      return;
    }
    const active = this.takeSlot();
    const random = Random.stream(seed, "session", arrival.index);
    active.session = workload.begin(arrival.index, random, arrival.operation);
    active.arrival = arrival.index;
    active.client = (arrival.session ?? arrival.index) % calls.clients;
    active.stepNumber = -1;
    active.intendedUs = arrival.atUs;
    this.advance(active, active.session.next(null), arrival.atUs);
  }

  /** Goes on to `step`, which may begin once it is both intended and possible. */
  private advance(active: Active<Q, R>, step: Step<Q> | null, intendedUs: Micros): void {
    if (step === null || intendedUs >= this.options.forUs) {
      this.release(active);
      return;
    }
    const nowUs = this.host.now();
    active.step = step;
    active.stepNumber++;
    active.operation = this.recorder.operation(step.operation);
    active.readyUs = active.stepNumber === 0 ? intendedUs : Math.max(intendedUs, nowUs);
    active.intendedUs = intendedUs;
    if (intendedUs > nowUs) this.arm(active, "thinking", intendedUs);
    else this.begin(active);
  }

  private begin(active: Active<Q, R>): void {
    const nowUs = this.host.now();
    this.recorder.began(active.operation, active.intendedUs, nowUs - active.readyUs);
    active.firstSentUs = nowUs;
    active.sentUs = nowUs;
    active.attempts = 0;
    active.previousDelayUs = 0;
    active.previousUnknown = false;
    active.doubt = null;
    active.deadlineUs = nowUs + (this.options.calls.deadlineUs ?? Infinity);
    this.attempt(active);
  }

  private attempt(active: Active<Q, R>): void {
    const nowUs = this.host.now();
    const caller = this.caller(active.client);
    const timeoutUs = caller.attemptTimeoutUs(active.deadlineUs, nowUs);
    if (timeoutUs === 0 || !caller.begin(nowUs, active.attempts + 1)) {
      this.finish(active, timeoutUs === 0 ? expired : breakerOpen);
      return;
    }
    active.attempts++;
    active.generation++;
    active.sentUs = nowUs;
    this.recorder.attempted(active.operation, active.intendedUs, nowUs);
    this.arm(active, "calling", nowUs + timeoutUs);
    const { request, entry } = active.step!;
    this.host.send(attemptOf(active), active.client, request, timeoutUs, entry);
  }

  private onTimer(slot: number): void {
    const active = this.slots[slot];
    if (active.phase === "thinking") this.begin(active);
    else if (active.phase === "backing-off") this.attempt(active);
    else {
      this.host.giveUp?.(attemptOf(active));
      this.onOutcome(active, timedOut);
    }
  }

  /** One attempt has its outcome: try again, or that is the operation's. */
  private onOutcome(active: Active<Q, R>, answer: Answer<R>): void {
    const nowUs = this.host.now();
    const decision = this.caller(active.client).afterAttempt(active, answer, nowUs);
    active.previousUnknown = answer.kind === "unknown";
    if (active.previousUnknown) active.doubt = answer;
    if (decision.kind === "done") {
      this.finish(active, answer);
      return;
    }
    active.previousDelayUs = decision.afterUs;
    if (decision.afterUs === 0) this.attempt(active);
    else this.arm(active, "backing-off", nowUs + decision.afterUs);
  }

  private finish(active: Active<Q, R>, last: Answer<R>): void {
    const answer = last.kind === "refused" && active.doubt !== null ? active.doubt : last;
    const endUs = this.host.now();
    const { step, stepNumber, arrival, firstSentUs, intendedUs, sentUs } = active;
    const code = answer.kind === "ok" ? "" : answer.code;
    this.recorder.ended(active.operation, { kind: answer.kind, code, intendedUs, sentUs, endUs });
    // The session first: it may complete the fact of the step that just ended.
    const next = active.session!.next(answer);
    const fact = step?.fact;
    if (fact !== undefined) {
      const entry = { arrival, step: stepNumber, startUs: firstSentUs, endUs, outcome: answer.kind, fact };
      // Where an attempt was given up on, it may still take effect after this answer.
      this.history.push(active.doubt === null ? entry : { ...entry, attempts: active.attempts });
    }
    this.advance(active, next, intendedUs + (next?.thinkUs ?? 0));
  }

  private caller(client: number): Caller {
    const { calls, seed } = this.options;
    return (this.callers[client] ??= new Caller(calls, Random.stream(seed, "caller", client)));
  }

  private takeArrival(): Arrival | null {
    const next = this.arrivals.next();
    return next.done === true ? null : next.value;
  }

  private takeSlot(): Active<Q, R> {
    const free = this.freeSlots.pop();
    if (free !== undefined) return this.slots[free];
    const active: Active<Q, R> = {
      slot: this.slots.length,
      session: null,
      step: null,
      phase: "thinking",
      arrival: 0,
      stepNumber: 0,
      client: 0,
      operation: 0,
      intendedUs: 0,
      readyUs: 0,
      firstSentUs: 0,
      sentUs: 0,
      deadlineUs: 0,
      attempts: 0,
      previousDelayUs: 0,
      previousUnknown: false,
      doubt: null,
      generation: 0,
    };
    this.slots.push(active);
    return active;
  }

  private release(active: Active<Q, R>): void {
    active.session = null;
    active.step = null;
    active.doubt = null;
    active.phase = "thinking";
    this.freeSlots.push(active.slot);
  }

  private arm(active: Active<Q, R>, phase: Phase, atUs: Micros): void {
    active.phase = phase;
    this.timers.arm(active.slot, atUs);
  }
}

/** The number of the attempt under way. */
function attemptOf({ generation, slot }: { readonly generation: number; readonly slot: number }): number {
  return generation * slotLimit + slot;
}
