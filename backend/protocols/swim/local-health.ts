/**
 * Lifeguard's self-awareness (section IV.A): a member whose own probes fail counts that against itself. The worse it is off, the less often
 * it probes and the longer it waits, so that one that cannot keep up does not accuse those that can.
 */

const worst = 8;

export class LocalHealth {
  /** 0: well; 8: as bad as it gets. */
  private points = 0;
  private readonly on: boolean;

  constructor(on: boolean) {
    this.on = on;
  }

  /** What interval and timeout are multiplied by: 1 to 9. */
  get factor(): number {
    return this.points + 1;
  }

  add(points: number): void {
    if (this.on) this.points = Math.min(worst, Math.max(0, this.points + points));
  }
}
