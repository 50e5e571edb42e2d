/**
 * Which key an operation asks for. A chooser is made from data or from its short form and then is a function of the random
 * stream alone.
 *
 *     uniform:1000          each of 1,000 keys alike
 *     zipf:0.99:1000        Zipf with exponent 0.99, folded onto 1,000 keys as YCSB does
 *     hotspot:0.8:1:1000    80 % of the load on 1 key, the rest on the other 999
 *
 * The number of keys is optional and 1,000 when absent.
 *
 * Zipf is YCSB's ScrambledZipfianGenerator (Cooper et al., SoCC 2010): a rank is drawn over 10^10 items by the method of Gray et
 * al. ("Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994), hashed with the 64-bit FNV that YCSB uses, and
 * taken modulo the number of keys. So the hottest key takes 1/26.469 = 3.8 % however many keys there are, and popular keys lie
 * scattered. The first two ranks are exact, the others Gray's approximation, as in YCSB.
 */
import type { Random } from "../backend/kernel/random.ts";
import { ParameterError } from "./parameters.ts";

export type KeysSpec =
  | { readonly kind: "uniform"; readonly keys: number }
  /** `theta` in (0, 1). */
  | { readonly kind: "zipf"; readonly theta: number; readonly keys: number }
  /** `share` of the load goes to keys 0 to hot - 1. */
  | { readonly kind: "hotspot"; readonly share: number; readonly hot: number; readonly keys: number };

export interface KeyChooser {
  readonly keys: number;
  /** A key's number in [0, keys). */
  next(random: Random): number;
}

export const defaultKeys = 1_000;
/** `Random.below` takes bounds to 2^32; so many keys are more than any run touches. */
const mostKeys = 2 ** 31;

/** The spec that `text` writes; throws ParameterError. */
export function parseKeys(text: string): KeysSpec {
  const [kind, ...rest] = text.split(":");
  const numbers = rest.map((part) => (part.trim() === "" ? NaN : Number(part)));
  const spec = specOf(kind, numbers);
  if (spec !== null && fits(spec)) return spec;
  throw new ParameterError({
    what: "keys are no distribution of keys",
    got: text,
    expected:
      "uniform[:n], zipf:THETA[:n] with THETA in (0, 1), or hotspot:SHARE:HOT[:n] with SHARE in [0, 1] and HOT below n",
    fix: "write uniform:1000, zipf:0.99 or hotspot:0.8:1",
  });
}

function specOf(kind: string, numbers: readonly number[]): KeysSpec | null {
  const count = numbers.length;
  if (kind === "uniform" && count <= 1) return { kind, keys: numbers[0] ?? defaultKeys };
  if (kind === "zipf" && (count === 1 || count === 2)) {
    return { kind, theta: numbers[0], keys: numbers[1] ?? defaultKeys };
  }
  if (kind === "hotspot" && (count === 2 || count === 3)) {
    return { kind, share: numbers[0], hot: numbers[1], keys: numbers[2] ?? defaultKeys };
  }
  return null;
}

function fits(spec: KeysSpec): boolean {
  const { keys } = spec;
  if (!Number.isInteger(keys) || keys < 1 || keys > mostKeys) return false;
  if (spec.kind === "zipf") return spec.theta > 0 && spec.theta < 1;
  if (spec.kind === "uniform") return true;
  const { share, hot } = spec;
  const roomForTheRest = share === 1 ? hot <= keys : hot < keys;
  return share >= 0 && share <= 1 && Number.isInteger(hot) && hot >= 1 && roomForTheRest;
}

/** The short form, such that `parseKeys` gives the spec back. */
export function keysText(spec: KeysSpec): string {
  switch (spec.kind) {
    case "uniform":
      return `uniform:${spec.keys}`;
    case "zipf":
      return `zipf:${spec.theta}:${spec.keys}`;
    case "hotspot":
      return `hotspot:${spec.share}:${spec.hot}:${spec.keys}`;
  }
}

export function keyChooser(keys: KeysSpec | string): KeyChooser {
  const spec = parseKeys(typeof keys === "string" ? keys : keysText(keys));
  switch (spec.kind) {
    case "uniform":
      return { keys: spec.keys, next: (random) => random.below(spec.keys) };
    case "zipf":
      return new ScrambledZipf(spec.theta, spec.keys);
    case "hotspot":
      return { keys: spec.keys, next: (random) => hotspotKey(spec.share, spec.hot, spec.keys, random) };
  }
}

function hotspotKey(share: number, hot: number, keys: number, random: Random): number {
  if (random.chance(share) || hot === keys) return random.below(hot);
  return hot + random.below(keys - hot);
}

/** YCSB's constants: ranks are drawn over this many items whatever the number of keys, and zeta of that is known for 0.99. */
const zipfItems = 10_000_000_000;
const knownTheta = 0.99;
const knownZeta = 26.46902820178302;

class ScrambledZipf implements KeyChooser {
  readonly keys: number;
  private readonly zeta: number;
  private readonly alpha: number;
  private readonly eta: number;
  private readonly secondRank: number;

  constructor(theta: number, keys: number) {
    // YCSB counts from 0 to its item count with both ends included.
    const items = zipfItems + 1;
    this.keys = keys;
    this.zeta = theta === knownTheta ? knownZeta : zeta(zipfItems, theta);
    this.alpha = 1 / (1 - theta);
    this.secondRank = 1 + 0.5 ** theta;
    this.eta = (1 - (2 / items) ** (1 - theta)) / (1 - this.secondRank / this.zeta);
  }

  next(random: Random): number {
    return fnvModulo(this.rank(random.float()), this.keys);
  }

  private rank(uniform: number): number {
    const mass = uniform * this.zeta;
    if (mass < 1) return 0;
    if (mass < this.secondRank) return 1;
    return Math.floor((zipfItems + 1) * (this.eta * uniform - this.eta + 1) ** this.alpha);
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
