/**
 * How often a hash was seen lately, about: a count-min sketch (Cormode and Muthukrishnan, 2005) of 4-bit counters in four rows, which ages as in TinyLFU
 * (Einziger, Friedman and Manes, ACM TOS 2017, section 3.3): while ten times as many are counted as there are items, every counter is halved once. The
 * paper halves all at once; here a few words at each count, so that no count takes longer than another.
 */

const rows = 4;
const countersAWord = 8;
const mostCount = 15;
const sampleFactor = 10;
const multipliers = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f];

export class FrequencySketch {
  private readonly words: Int32Array;
  private readonly countersARow: number;
  private readonly wordsARow: number;
  /** The next word to be halved, and how much of a word is due. */
  private hand = 0;
  private due = 0;

  constructor(bytes: number) {
    this.wordsARow = Math.max(1, Math.floor(bytes / 4 / rows));
    this.countersARow = this.wordsARow * countersAWord;
    this.words = new Int32Array(this.wordsARow * rows);
  }

  get byteLength(): number {
    return this.words.byteLength;
  }

  /** From 0 to 15. */
  of(hash: number): number {
    let least = mostCount;
    for (let row = 0; row < rows; row++) {
      const counter = this.counterOf(hash, row);
      const count = (this.words[row * this.wordsARow + (counter >>> 3)] >>> ((counter & 7) << 2)) & mostCount;
      if (count < least) least = count;
    }
    return least;
  }

  /** Counts one; `items` are there now. */
  count(hash: number, items: number): void {
    for (let row = 0; row < rows; row++) {
      const counter = this.counterOf(hash, row);
      const at = row * this.wordsARow + (counter >>> 3);
      const shift = (counter & 7) << 2;
      if (((this.words[at] >>> shift) & mostCount) < mostCount) this.words[at] += 1 << shift;
    }
    this.due += this.words.length / (sampleFactor * Math.max(items, 16));
    while (this.due >= 1) {
      this.due--;
      this.words[this.hand] = (this.words[this.hand] >>> 1) & 0x77777777;
      if (++this.hand === this.words.length) this.hand = 0;
    }
  }

  private counterOf(hash: number, row: number): number {
    let mixed = Math.imul(hash ^ (hash >>> 15), multipliers[row]);
    mixed ^= mixed >>> 13;
    return Math.floor(((Math.imul(mixed, 0x165667b1) >>> 0) * this.countersARow) / 4_294_967_296);
  }
}
