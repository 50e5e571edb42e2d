/** Sizes and think times: whole numbers drawn from a distribution given as data, or a plain number for a constant. */
import type { Random } from "../backend/kernel/random.ts";
import type { Parameters } from "./parameters.ts";

export type Distribution =
  | number
  | { readonly kind: "constant"; readonly value: number }
  /** Both ends included. */
  | { readonly kind: "uniform"; readonly from: number; readonly to: number }
  | { readonly kind: "exponential"; readonly mean: number };

/** A whole number, at least 0. A constant consumes no randomness. */
export function draw(distribution: Distribution, random: Random): number {
  if (typeof distribution === "number") return Math.round(distribution);
  switch (distribution.kind) {
    case "constant":
      return Math.round(distribution.value);
    case "uniform":
      return random.between(Math.round(distribution.from), Math.round(distribution.to));
    case "exponential":
      return Math.round(random.exponential(distribution.mean));
  }
}

/** The parameter `name` as a distribution. Units are the parameter's. */
export function distributionOf(parameters: Parameters, name: string): Distribution {
  const value = parameters.raw(name) as Distribution | null | undefined;
  if (fits(value)) return value;
  const expected =
    "a number, { kind: constant, value }, { kind: uniform, from, to } or { kind: exponential, mean }, none negative";
  throw parameters.mistake(name, value, expected, '{ kind: "exponential", mean: 1000 }');
}

function fits(value: Distribution | null | undefined): value is Distribution {
  const positive = (number: unknown): boolean => typeof number === "number" && number >= 0 && number < 2 ** 32;
  if (typeof value !== "object" || value === null) return positive(value);
  switch (value.kind) {
    case "constant":
      return positive(value.value);
    case "uniform":
      return positive(value.from) && positive(value.to) && value.from <= value.to;
    case "exponential":
      return positive(value.mean);
    default:
      return false;
  }
}
