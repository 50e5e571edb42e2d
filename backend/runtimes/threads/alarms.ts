/**
 * Things that happen on a thread at a given microsecond: a delayed message arrives, a pause ends, a slowed flush begins. Node's own
 * timers count whole milliseconds, so whoever owns the alarms sleeps until the last millisecond and polls from there.
 */
import { TimeHeap } from "../../kernel/heap.ts";
import type { Micros } from "../../kernel/units.ts";

export class Alarms {
  private readonly heap = new TimeHeap(256);
  private readonly actions: ((() => void) | undefined)[] = [];
  private readonly freeSlots: number[] = [];
  private sequence = 0;

  get size(): number {
    return this.heap.size;
  }

  /** Time of the next one; Infinity when none is set. */
  get earliest(): Micros {
    return this.heap.earliest;
  }

  at(time: Micros, action: () => void): void {
    const slot = this.freeSlots.pop() ?? this.actions.length;
    this.actions[slot] = action;
    this.heap.push(time, this.sequence++, slot);
  }

  /** Runs everything due by `now`, in order of time. */
  run(now: Micros): void {
    while (this.heap.earliest <= now) {
      const slot = this.heap.pop();
      const action = this.actions[slot]!;
      this.actions[slot] = undefined;
      this.freeSlots.push(slot);
      action();
    }
  }
}
