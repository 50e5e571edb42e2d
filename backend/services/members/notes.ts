/** What a node noted about others, for whoever measures failure detectors. */
import type { Micros, NodeId } from "../../kernel/units.ts";

/** Numbers of one kind that are kept; who suspects everybody all the time need not be written down in full. */
const most = 60_000;

export class Notes {
  /** Member, when this node began to ask it, when it gave up. */
  readonly missed: number[] = [];
  /** Member, since when it is held for dead, who said so. */
  readonly dead: number[] = [];
  /** When this node was pinged. */
  readonly pinged: Micros[] = [];
  /** When a period began, and messages sent until then. */
  readonly sent: number[] = [];

  onPeriod(now: Micros, messages: number): void {
    if (this.sent.length < most) this.sent.push(now, messages);
  }

  onPinged(now: Micros): void {
    if (this.pinged.length < most) this.pinged.push(now);
  }

  onMissed(member: NodeId, probedAt: Micros, now: Micros): void {
    if (this.missed.length < most) this.missed.push(member, probedAt, now);
  }

  onDead(member: NodeId, now: Micros, by: NodeId): void {
    if (this.dead.length < most) this.dead.push(member, now, by);
  }
}
