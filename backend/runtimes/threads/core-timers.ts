/**
 * The timers of one node's core. Most are armed for a quorum that answers long before, so disarming only forgets the timer; its entry
 * in the heap is passed over when it comes due.
 */
import { TimeHeap } from "../../kernel/heap.ts";
import type { TimerId } from "../../kernel/env.ts";
import type { Micros } from "../../kernel/units.ts";

export interface ArmedTimer {
  readonly timer: string;
  readonly key: number;
}

const lastId = 0x7fff_ffff;

export class CoreTimers {
  private readonly heap = new TimeHeap(256);
  private readonly armed = new Map<TimerId, ArmedTimer>();
  private next: TimerId = 1;
  private sequence = 0;

  /** When the next entry comes due, disarmed or not; Infinity when there is none. */
  get earliest(): Micros {
    return this.heap.earliest;
  }

  arm(at: Micros, timer: string, key: number): TimerId {
    const id = this.next;
    this.next = id === lastId ? 1 : id + 1;
    this.armed.set(id, { timer, key });
    this.heap.push(at, this.sequence++, id);
    return id;
  }

  disarm(id: TimerId): void {
    this.armed.delete(id);
  }

  /** Takes the next timer due by `now`; undefined when none is left. */
  takeDue(now: Micros): ArmedTimer | undefined {
    while (this.heap.earliest <= now) {
      const id = this.heap.pop();
      const due = this.armed.get(id);
      if (due === undefined) continue;
      this.armed.delete(id);
      return due;
    }
    return undefined;
  }
}
