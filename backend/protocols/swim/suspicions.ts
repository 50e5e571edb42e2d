/**
 * How long a suspect has to clear itself. Without Lifeguard a constant. With it (Dadgar, Phillips, Currey, DSN 2018, section IV.B) the time
 * begins long and shrinks with each further member that suspects it for its own reasons:
 *
 *     timeout(C) = max(min, max - (max - min) log(C + 1) / log(K + 1))
 *
 * because a member that alone suspects many is more likely to be the sick one itself.
 */
import type { TimerId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

export interface SuspicionTimes {
  readonly minUs: Micros;
  /** Equal to `minUs`: confirmations change nothing. */
  readonly maxUs: Micros;
  /** K: independent confirmations after which the timeout is the least. */
  readonly confirmations: number;
}

/** From the first suspicion, when `confirmed` others have had one of their own. */
export function suspicionTimeout({ minUs, maxUs, confirmations }: SuspicionTimes, confirmed: number): Micros {
  if (confirmations < 1 || maxUs <= minUs) return minUs;
  const share = Math.log(confirmed + 1) / Math.log(confirmations + 1);
  return Math.round(Math.max(minUs, maxUs - (maxUs - minUs) * share));
}

/** One member's suspicion of another, at one incarnation. */
export class Suspicion {
  readonly incarnation: number;
  readonly startedAt: Micros;
  timer: TimerId = 0;
  private readonly times: SuspicionTimes;
  private readonly accusers = new Set<NodeId>();

  constructor(incarnation: number, by: NodeId, startedAt: Micros, times: SuspicionTimes) {
    this.incarnation = incarnation;
    this.startedAt = startedAt;
    this.times = times;
    this.accusers.add(by);
  }

  /** Whether that makes a difference: an accuser not heard before (negative: nobody's own suspicion), and fewer than K so far. */
  confirm(by: NodeId): boolean {
    if (by < 0 || this.accusers.size > this.times.confirmations || this.accusers.has(by)) return false;
    this.accusers.add(by);
    return true;
  }

  get dueAt(): Micros {
    return this.startedAt + suspicionTimeout(this.times, this.accusers.size - 1);
  }
}
