/**
 * Which key an operation asks for. A chooser is made from data or from its short form and then is a function of the random
 * stream and of the arrival's number alone, so that any slice chooses what the whole would.
 *
 *     uniform:1000              each of 1,000 keys alike
 *     zipf:0.99:1000            Zipf with exponent 0.99, scrambled and folded onto 1,000 keys as YCSB does
 *     hotspot:0.8:1:1000        80 % of the load on 1 key, the rest on the other 999
 *     latest:0.99:1000          Zipf over age: the newest key is the hottest, and another becomes the newest all the time
 *     sequential:1000           0, 1, 2 ... and again from 0
 *     exponential:95:0.857:1000 95 % of the load on the newest 85.7 %, falling off exponentially with age
 *
 * The number of keys is optional and 1,000 when absent.
 *
 * The kinds are YCSB's (Cooper et al., SoCC 2010). With zipf the hottest key takes 1/26.469 = 3.8 % however many keys there are,
 * and popular keys lie scattered. With latest, YCSB's newest key is the last one inserted; here, where arrivals do not know of
 * each other, it moves on by one every twenty arrivals, as if a twentieth of them inserted (YCSB's workload D), and past the last
 * key it begins again. With exponential nothing is inserted and the newest is the last.
 */
import type { Random } from "../backend/kernel/random.ts";
import { ParameterError } from "./parameters.ts";
import { ScrambledZipf, ZipfRanks } from "./zipf.ts";

export type KeysSpec =
  | { readonly kind: "uniform"; readonly keys: number }
  /** `theta` in (0, 1). */
  | { readonly kind: "zipf"; readonly theta: number; readonly keys: number }
  /** `share` of the load goes to keys 0 to hot - 1. */
  | { readonly kind: "hotspot"; readonly share: number; readonly hot: number; readonly keys: number }
  /** `theta` in (0, 1), of the Zipf over age. */
  | { readonly kind: "latest"; readonly theta: number; readonly keys: number }
  | { readonly kind: "sequential"; readonly keys: number }
  /** `percent` of the load, in (0, 100), goes to the newest `fraction` of the keys, in (0, 1]. */
  | { readonly kind: "exponential"; readonly percent: number; readonly fraction: number; readonly keys: number };

export interface KeyChooser {
  readonly keys: number;
  /** A key's number in [0, keys), for an operation of arrival number `arrival`. */
  next(random: Random, arrival: number): number;
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
      "uniform[:n], zipf:THETA[:n] or latest:THETA[:n] with THETA in (0, 1), hotspot:SHARE:HOT[:n] with SHARE in [0, 1] and " +
      "HOT below n, sequential[:n], or exponential:PERCENT:FRACTION[:n] with PERCENT in (0, 100) and FRACTION in (0, 1]",
    fix: "write uniform:1000, zipf:0.99, hotspot:0.8:1, latest:0.99, sequential or exponential:95:0.857",
  });
}

function specOf(kind: string, numbers: readonly number[]): KeysSpec | null {
  const count = numbers.length;
  if ((kind === "uniform" || kind === "sequential") && count <= 1) return { kind, keys: numbers[0] ?? defaultKeys };
  if ((kind === "zipf" || kind === "latest") && (count === 1 || count === 2)) {
    return { kind, theta: numbers[0], keys: numbers[1] ?? defaultKeys };
  }
  if (kind === "hotspot" && (count === 2 || count === 3)) {
    return { kind, share: numbers[0], hot: numbers[1], keys: numbers[2] ?? defaultKeys };
  }
  if (kind === "exponential" && (count === 2 || count === 3)) {
    return { kind, percent: numbers[0], fraction: numbers[1], keys: numbers[2] ?? defaultKeys };
  }
  return null;
}

function fits(spec: KeysSpec): boolean {
  const { keys } = spec;
  if (!Number.isInteger(keys) || keys < 1 || keys > mostKeys) return false;
  switch (spec.kind) {
    case "uniform":
    case "sequential":
      return true;
    case "zipf":
    case "latest":
      return spec.theta > 0 && spec.theta < 1;
    case "exponential":
      return spec.percent > 0 && spec.percent < 100 && spec.fraction > 0 && spec.fraction <= 1;
    case "hotspot": {
      const { share, hot } = spec;
      const roomForTheRest = share === 1 ? hot <= keys : hot < keys;
      return share >= 0 && share <= 1 && Number.isInteger(hot) && hot >= 1 && roomForTheRest;
    }
  }
}

/** The short form, such that `parseKeys` gives the spec back. */
export function keysText(spec: KeysSpec): string {
  switch (spec.kind) {
    case "uniform":
    case "sequential":
      return `${spec.kind}:${spec.keys}`;
    case "zipf":
    case "latest":
      return `${spec.kind}:${spec.theta}:${spec.keys}`;
    case "hotspot":
      return `hotspot:${spec.share}:${spec.hot}:${spec.keys}`;
    case "exponential":
      return `exponential:${spec.percent}:${spec.fraction}:${spec.keys}`;
  }
}

export function keyChooser(keys: KeysSpec | string): KeyChooser {
  const spec = parseKeys(typeof keys === "string" ? keys : keysText(keys));
  const { keys: count } = spec;
  switch (spec.kind) {
    case "uniform":
      return { keys: count, next: (random) => random.below(count) };
    case "zipf":
      return new ScrambledZipf(spec.theta, count);
    case "hotspot":
      return { keys: count, next: (random) => hotspotKey(spec.share, spec.hot, count, random) };
    case "latest":
      return latestChooser(spec.theta, count);
    case "sequential":
      return { keys: count, next: (_, arrival) => arrival % count };
    case "exponential":
      return exponentialChooser(spec.percent, spec.fraction, count);
  }
}

function hotspotKey(share: number, hot: number, keys: number, random: Random): number {
  if (random.chance(share) || hot === keys) return random.below(hot);
  return hot + random.below(keys - hot);
}

/** As many arrivals as YCSB's workload D has for an insert. */
const arrivalsAnInsert = 20;

function latestChooser(theta: number, keys: number): KeyChooser {
  const ages = new ZipfRanks(keys, theta);
  const next = (random: Random, arrival: number): number => {
    const newest = Math.floor(arrival / arrivalsAnInsert) % keys;
    return (newest - ages.next(random) + keys) % keys;
  };
  return { keys, next };
}

/** YCSB draws again what is older than the oldest; so does this. */
function exponentialChooser(percent: number, fraction: number, keys: number): KeyChooser {
  const meanAge = (fraction * keys) / -Math.log(1 - percent / 100);
  const next = (random: Random): number => {
    for (;;) {
      const age = Math.floor(random.exponential(meanAge));
      if (age < keys) return keys - 1 - age;
    }
  };
  return { keys, next };
}
