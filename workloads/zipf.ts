/**
 * Zipf's law over n items: rank r, from 0, has the probability (r + 1)^-theta / zeta(n, theta).
 *
 * YCSB draws ranks by the approximation of Gray et al. ("Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994),
 * which is exact for the first two ranks and gives the third 20 % too much, the tenth 4 %. Here one uniform draw is looked up in
 * the exact cumulative distribution of the first 1,024 ranks and, past them, inverted through the integral of x^-theta over
 * [r + 1/2, r + 3/2], whose error there is below one part in a million. YCSB's constants and its scrambling are kept.
 */
import type { Random } from "../backend/kernel/random.ts";

const headRanks = 1_024;
/** YCSB's constants: its scrambled ranks are drawn over this many items whatever the number of keys, and zeta of that is known for 0.99. */
const scrambledItems = 10_000_000_000;
const knownTheta = 0.99;
const knownZeta = 26.46902820178302;

export class ZipfRanks {
  private readonly items: number;
  private readonly zeta: number;
  /** Unnormalised mass of ranks 0 to i. */
  private readonly head: Float64Array;
  private readonly power: number;

  /** `theta` in (0, 1). */
  constructor(items: number, theta: number) {
    this.items = items;
    this.zeta = items === scrambledItems && theta === knownTheta ? knownZeta : zeta(items, theta);
    this.power = 1 - theta;
    this.head = new Float64Array(Math.min(items, headRanks));
    let mass = 0;
    for (let i = 0; i < this.head.length; i++) this.head[i] = mass += (i + 1) ** -theta;
  }

  next(random: Random): number {
    const mass = random.float() * this.zeta;
    const { head } = this;
    if (mass >= head[head.length - 1]) return this.tailRank(mass - head[head.length - 1]);
    let low = 0;
    let high = head.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (mass < head[middle]) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The rank `mass` past the head: the x with that much integral from the head's end on. */
  private tailRank(mass: number): number {
    const { power } = this;
    const x = (mass * power + (this.head.length + 0.5) ** power) ** (1 / power);
    return Math.min(this.items - 1, Math.round(x) - 1);
  }
}

/** YCSB's ScrambledZipfianGenerator (Cooper et al., SoCC 2010): a rank over 10^10 items, hashed and folded onto the keys. */
export class ScrambledZipf {
  readonly keys: number;
  private readonly ranks: ZipfRanks;

  constructor(theta: number, keys: number) {
    this.keys = keys;
    this.ranks = new ZipfRanks(scrambledItems, theta);
  }

  next(random: Random): number {
    return fnvModulo(this.ranks.next(random), this.keys);
  }
}

/** Sum of i^-theta for i from 1 to n, by Euler and Maclaurin past the first 10,000 terms. Theta in (0, 1). */
export function zeta(n: number, theta: number): number {
  const direct = Math.min(n, 10_000);
  let sum = 0;
  for (let i = direct; i >= 1; i--) sum += i ** -theta;
  if (n === direct) return sum;
  const integral = (n ** (1 - theta) - direct ** (1 - theta)) / (1 - theta);
  const ends = (n ** -theta - direct ** -theta) / 2;
  const slopes = (theta * (direct ** (-theta - 1) - n ** (-theta - 1))) / 12;
  return sum + integral + ends + slopes;
}

/**
 * YCSB's Utils.fnvhash64 of `value`, made positive as Java's Math.abs does, modulo `keys`. 64-bit arithmetic in two halves: the
 * prime is 2^40 + 435, so every product stays below 2^53.
 */
export function fnvModulo(value: number, keys: number): number {
  let low = 0x84222325;
  let high = 0xcbf29ce4;
  let rest = value;
  for (let i = 0; i < 8; i++) {
    low = (low ^ (rest % 256)) >>> 0;
    rest = Math.floor(rest / 256);
    const product = low * 435;
    high = (high * 435 + low * 256 + Math.floor(product / 4_294_967_296)) >>> 0;
    low = product >>> 0;
  }
  if (high >= 0x80000000) {
    low = -low >>> 0;
    high = (~high + (low === 0 ? 1 : 0)) >>> 0;
  }
  let remainder = high % keys;
  remainder = (remainder * 65_536 + (low >>> 16)) % keys;
  return (remainder * 65_536 + (low & 0xffff)) % keys;
}
