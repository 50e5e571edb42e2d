/**
 * Which requests that other nodes forwarded were begun here already. A forward carried out twice could bring back what a later write
 * replaced, or charge a card twice, so each is remembered for longer than a copy of it is likely to take. What may be a copy from before
 * the last crash is ignored: its first may have been carried out then.
 */
import type { Env } from "../kernel/env.ts";
import { second } from "../kernel/units.ts";
import type { Micros, NodeId } from "../kernel/units.ts";

const rememberUs: Micros = 10 * second;
/** What arrives may be so old, by the clocks of two nodes; less than what is remembered, by one clock, by far more than the two may differ. */
const acceptUs: Micros = 8 * second;

export class ForwardsSeen {
  private readonly env: Pick<Env<never, never, never>, "now" | "wall">;
  /** When each was begun; oldest first. */
  private readonly seen = new Map<string, Micros>();
  /** Latest idea of the true time at which this disk's node was restarted. */
  private restartedAt: Micros = -Infinity;

  constructor(env: Pick<Env<never, never, never>, "now" | "wall">) {
    this.env = env;
  }

  onRestart(): void {
    this.restartedAt = this.env.wall.latest;
  }

  /**
   * What it took to get here counts, by the most that it may have been.
   *
   * @param leftUs until the deadline, when it was sent
   */
  deadlineOf(leftUs: Micros, sentAt: Micros): Micros {
    return this.env.now + leftUs - Math.max(0, this.env.wall.earliest - sentAt);
  }

  /** @param sentAt the sender's earliest idea of the true time */
  isNews(from: NodeId, operation: number, sentAt: Micros): boolean {
    const { now, wall } = this.env;
    // Older than what is remembered: a copy could not be told.
    if (sentAt < this.restartedAt || wall.earliest - sentAt > acceptUs) return false;
    for (const [known, at] of this.seen) {
      if (now - at < rememberUs) break;
      this.seen.delete(known);
    }
    const name = `${from} ${operation}`;
    if (this.seen.has(name)) return false;
    this.seen.set(name, now);
    return true;
  }
}
