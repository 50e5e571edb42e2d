/** Values that keepers have accepted: which of two counts, and which has been chosen. */
import type { Accepted } from "./messages.ts";

type Position = Pick<Accepted, "epoch" | "sequence">;

export function isLater(a: Position, b: Position): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

/** Then their values are the same as well: an owner writes one at each. */
export function isSame(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.sequence === b.sequence;
}

/** What a majority has accepted, the very same thing; null among the answers stands for itself. Undefined: nothing. */
export function chosen(answers: readonly (Accepted | null)[], majority: number): Accepted | null | undefined {
  const same = (a: Accepted | null, b: Accepted | null): boolean => (a === null || b === null ? a === b : isSame(a, b));
  return answers.find((a) => answers.filter((b) => same(a, b)).length >= majority);
}
