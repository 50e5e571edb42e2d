/**
 * Which items were forgotten lately, by hash: the ghost queue of S3-FIFO as its paper stores it (section 4.2), a table of fingerprints with the time
 * of each. Nothing is ever taken out: an entry is too old, or overwritten. A wrong answer costs one item a place that it did not earn.
 *
 *     bucket of 4   | fingerprint 20 bits, tick 12 bits | .. | .. | .. |      64 ticks pass while as many items are forgotten as are kept
 */

const ways = 4;
const tickBits = 12;
const tickMask = (1 << tickBits) - 1;
const ticksKept = 64;

export class Ghosts {
  private readonly entries: Int32Array;
  private readonly buckets: number;
  private tick = 0;
  /** Ghosts since the tick began. */
  private sinceTick = 0;

  constructor(bytes: number) {
    this.buckets = Math.max(1, Math.floor(bytes / (4 * ways)));
    // A tick of 0 is as old as can be when the first ghosts come.
    this.entries = new Int32Array(this.buckets * ways);
    this.tick = ticksKept + 1;
  }

  get byteLength(): number {
    return this.entries.byteLength;
  }

  /** Remembers a hash while about `keep` more come. */
  add(hash: number, keep: number): void {
    if (++this.sinceTick * ticksKept >= keep) {
      this.sinceTick = 0;
      this.tick = (this.tick + 1) & tickMask;
    }
    const base = this.bucketOf(hash);
    const fingerprint = hash >>> tickBits;
    let place = base;
    let oldest = -1;
    for (let at = base; at < base + ways; at++) {
      if (this.entries[at] >>> tickBits === fingerprint) {
        place = at;
        break;
      }
      const age = this.ageOf(this.entries[at]);
      if (age > oldest) {
        oldest = age;
        place = at;
      }
    }
    this.entries[place] = (fingerprint << tickBits) | this.tick;
  }

  has(hash: number): boolean {
    const base = this.bucketOf(hash);
    const fingerprint = hash >>> tickBits;
    for (let at = base; at < base + ways; at++) {
      const entry = this.entries[at];
      if (entry >>> tickBits === fingerprint && this.ageOf(entry) <= ticksKept) return true;
    }
    return false;
  }

  private ageOf(entry: number): number {
    return (this.tick - entry) & tickMask;
  }

  /** By other bits than the fingerprint's alone: a multiplication mixes the low ones in. */
  private bucketOf(hash: number): number {
    return Math.floor(((Math.imul(hash, 0x9e3779b1) >>> 0) * this.buckets) / 4_294_967_296) * ways;
  }
}
