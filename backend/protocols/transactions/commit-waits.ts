/**
 * What waits until a timestamp has passed (Spanner, OSDI 2012, section 4.2.1): nothing committed at s is seen by anybody until
 * TT.after(s). The waits of a group share one timer, set for the least of them. Bounds may step back at a poll, so when the timer fires
 * the question is asked again; a wait that is over is over.
 */
import { TimeHeap } from "../../kernel/heap.ts";
import type { Micros } from "../../kernel/units.ts";
import type { GroupId, TransactionEnv, TrueTimeRules } from "./messages.ts";

export class CommitWaits<Waiter> {
  private readonly env: TransactionEnv;
  private readonly group: GroupId;
  private readonly rules: TrueTimeRules;
  private readonly waits: boolean;
  private readonly heap = new TimeHeap(64);
  private readonly waiters = new Map<number, Waiter>();
  private next = 0;
  private timer = 0;
  private timerFor: Micros = Infinity;

  constructor(env: TransactionEnv, group: GroupId, rules: TrueTimeRules, commitWait: boolean) {
    this.env = env;
    this.group = group;
    this.rules = rules;
    this.waits = commitWait;
  }

  get size(): number {
    return this.heap.size;
  }

  /** `timestamp` has definitely passed. */
  passed(timestamp: Micros): boolean {
    return !this.waits || this.rules.after(this.env.wall, timestamp);
  }

  /** Returns false when `timestamp` has passed already; else the waiter is handed back by `over`, in the first turn in which it has. */
  add(timestamp: Micros, waiter: Waiter): boolean {
    if (this.passed(timestamp)) return false;
    const slot = this.next++ % 2 ** 31;
    this.heap.push(timestamp, this.next, slot);
    this.waiters.set(slot, waiter);
    this.arm();
    return true;
  }

  /** The timer fired: those whose wait is over. */
  over(): Waiter[] {
    this.timer = 0;
    this.timerFor = Infinity;
    const found: Waiter[] = [];
    while (this.heap.size > 0 && this.passed(this.heap.earliest)) {
      const slot = this.heap.pop();
      found.push(this.waiters.get(slot)!);
      this.waiters.delete(slot);
    }
    this.arm();
    return found;
  }

  private arm(): void {
    const { earliest } = this.heap;
    if (earliest >= this.timerFor) return;
    this.env.cancel(this.timer);
    this.timerFor = earliest;
    this.timer = this.env.after(Math.max(1, this.rules.commitWaitUs(this.env.wall, earliest)), "passed", this.group);
  }
}
