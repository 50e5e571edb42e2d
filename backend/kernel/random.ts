/**
 * Seeded randomness. The generator is sfc32 (Doty-Humphrey, PractRand), four 32-bit words, seeded by splitmix32.
 *
 * Streams are hierarchical: `Random.stream(seed, "net", 3, 5)` depends on its labels alone, so that one link, disk, client or
 * operation drawing more or less never shifts what another one draws. Shrinking a failing seed depends on that, and so does
 * cutting one schedule into slices.
 */

export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  constructor(seed: number) {
    let state = seed >>> 0;
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let t = state ^ (state >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      return (t ^ (t >>> 15)) | 0;
    };
    this.a = splitmix();
    this.b = splitmix();
    this.c = splitmix();
    this.counter = 1;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** The stream named by `labels` under `seed`: equal names give equal streams, and different names unrelated ones. */
  static stream(seed: number, ...labels: (number | string)[]): Random {
    return new Random(streamSeed(seed, ...labels));
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t >>> 0;
  }

  /** Uniform in [0, 1) with 53 bits. */
  float(): number {
    return (this.uint32() * 2_097_152 + (this.uint32() >>> 11)) / 9_007_199_254_740_992;
  }

  /** Uniform integer in [0, bound), exactly: draws that would favour small results are rejected. `bound`: from 1 to 2^32. */
  below(bound: number): number {
    const limit = 4_294_967_296 - (4_294_967_296 % bound);
    let draw = this.uint32();
    while (draw >= limit) draw = this.uint32();
    return draw % bound;
  }

  /** Uniform integer in [low, high], both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return p > 0 && this.float() < p;
  }

  /** Exponential with the given mean. Never infinite: the uniform draw excludes 1. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.float());
  }

  /** Standard normal, by Box and Muller; one of the pair is thrown away so that a draw consumes a fixed amount. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.float()));
    return radius * Math.cos(2 * Math.PI * this.float());
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** Shuffles in place (Fisher and Yates) and returns its argument. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }
}

/** The 32-bit seed of the stream named by `labels` under `seed`; FNV-1a over the labels, mixed at the end. */
export function streamSeed(seed: number, ...labels: (number | string)[]): number {
  let hash = mix(seed | 0, Math.floor(seed / 4_294_967_296) | 0);
  for (const label of labels) {
    if (typeof label === "number") {
      hash = mix(hash, label | 0);
    } else {
      for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
      hash = mix(hash, label.length);
    }
  }
  return hash >>> 0;
}

function mix(hash: number, word: number): number {
  let h = Math.imul(hash ^ word, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h + 0x9e3779b9, 0xc2b2ae35);
  return h ^ (h >>> 16);
}
