/**
 * Which points of a search have been met: the memo of Lowe ("Testing for linearizability", CCPE 2017). A point is what was
 * placed and the state that left. One that was met before leads nowhere new; nor does one that differs only in having used more
 * of the open operations, since whatever it can still do the other can.
 *
 * What was placed is known by its hash, 53 bits of Zobrist: the exclusive or of one random word for each operation, kept up to
 * date by one operation a step, where a copy of the set would make a long history quadratic. Two points with one hash prune a
 * point that was never met. So an order that is found is an order, while "there is none" must be found again, with other words
 * or by the exact key: the set itself, as text.
 *
 *     slots   [ hash -> first ]      sets   [ next | used ] -> [ next | used ]       12 bytes a slot, 4 a word: no object a point
 */
import { finish } from "../../backend/kernel/hash.ts";

/** A set of open operations, 32 a word. */
export type OpenSet = Uint32Array;

const firstCapacity = 64;

export class Visited {
  /** Sets looked at so far. */
  compared = 0;
  private readonly words: number;
  private size = 0;
  /** Hashes by open addressing; 0: free. */
  private slots = new Float64Array(firstCapacity);
  /** For each slot, where in `sets` its first set is. */
  private firsts = new Uint32Array(firstCapacity);
  private readonly exact = new Map<string, number>();
  /** Sets of `words` words, each behind the place of the next set of its point; place 0 ends a list. */
  private sets = new Uint32Array(firstCapacity);
  private setsEnd = 1;

  /** `words`: of every set that will be added. */
  constructor(words: number) {
    this.words = words;
  }

  /** `hash`: from `hashOf`. False if the point was met before with `used` or less. */
  addHash(hash: number, used: OpenSet): boolean {
    const slot = slotOf(this.slots, hash);
    const isKnown = this.slots[slot] === hash;
    const first = isKnown ? this.firsts[slot] : 0;
    if (isKnown && this.isCovered(first, used)) return false;
    this.slots[slot] = hash;
    this.firsts[slot] = this.append(first, used);
    if (!isKnown && ++this.size * 4 > this.slots.length * 3) this.grow();
    return true;
  }

  addExact(point: string, used: OpenSet): boolean {
    const first = this.exact.get(point);
    if (first !== undefined && this.isCovered(first, used)) return false;
    this.exact.set(point, this.append(first ?? 0, used));
    return true;
  }

  private isCovered(first: number, used: OpenSet): boolean {
    if (this.words === 0) return true;
    for (let set = first; set !== 0; set = this.sets[set]) {
      this.compared++;
      let word = 0;
      while (word < this.words && (this.sets[set + 1 + word] & ~used[word]) === 0) word++;
      if (word === this.words) return true;
    }
    return false;
  }

  private append(next: number, used: OpenSet): number {
    if (this.words === 0) return 0;
    if (this.setsEnd + 1 + this.words > this.sets.length) {
      const wider = new Uint32Array(this.sets.length * 2 + this.words);
      wider.set(this.sets);
      this.sets = wider;
    }
    const place = this.setsEnd;
    this.sets[place] = next;
    this.sets.set(used, place + 1);
    this.setsEnd += 1 + this.words;
    return place;
  }

  private grow(): void {
    const slots = new Float64Array(this.slots.length * 2);
    const firsts = new Uint32Array(slots.length);
    for (const [from, hash] of this.slots.entries()) {
      if (hash === 0) continue;
      const to = slotOf(slots, hash);
      slots[to] = hash;
      firsts[to] = this.firsts[from];
    }
    this.slots = slots;
    this.firsts = firsts;
  }
}

/** Where `hash` is, or is to be put. */
function slotOf(slots: Float64Array, hash: number): number {
  const mask = slots.length - 1;
  let slot = (hash | 0) & mask;
  while (slots[slot] !== 0 && slots[slot] !== hash) slot = (slot + 1) & mask;
  return slot;
}

/** A positive integer of `bits` <= 53 from two random words and a state's number. */
export function hashOf(high: number, low: number, state: number, bits: number): number {
  const word = low ^ Math.imul(state + 1, 0x9e3779b1);
  if (bits < 53) return (finish(high ^ finish(word)) >>> (32 - bits)) + 1;
  return Math.max(1, (high & 0x1fffff) * 4_294_967_296 + (word >>> 0));
}
