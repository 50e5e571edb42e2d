/**
 * Carries out each write at most once, however often the network delivers it: a counter would count twice, and a compare-and-swap that was lost to a crash
 * would be won again. What took longer than `lateUs` to arrive is not carried out at all, nor is what was sent before this node started, so it is enough to
 * remember what came within `lateUs`: two generations of names that take turns.
 */
import type { Wall } from "../../kernel/env.ts";
import type { Micros } from "../../kernel/units.ts";

export class WritesSeen {
  private readonly lateUs: Micros;
  private readonly startedAt: Micros;
  private recent = new Set<number>();
  private older = new Set<number>();
  private turnAt: Micros;

  constructor(lateUs: Micros, wall: Wall) {
    this.lateUs = lateUs;
    this.startedAt = wall.latest;
    this.turnAt = wall.latest + lateUs;
  }

  /** Too old to be carried out, or to be taken as news. */
  isLate(sentAt: Micros, wall: Wall): boolean {
    return sentAt < this.startedAt || wall.latest - sentAt > this.lateUs;
  }

  /** False: not to be carried out. `name` is unique among all writes of all nodes. */
  isNews(name: number, sentAt: Micros, wall: Wall): boolean {
    if (this.isLate(sentAt, wall)) return false;
    if (wall.latest > this.turnAt) {
      this.older = wall.latest > this.turnAt + this.lateUs ? new Set() : this.recent;
      this.recent = new Set();
      this.turnAt = wall.latest + this.lateUs;
    }
    if (this.recent.has(name) || this.older.has(name)) return false;
    this.recent.add(name);
    return true;
  }
}
