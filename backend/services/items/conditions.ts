/**
 * Whether a condition holds of an item. A comparison of unlike types is false, except that unlike things are unequal: `<>`
 * is the negation of `=`, also where the path leads nowhere, as in the service.
 */
import { compareValues, equalValues, valueAt } from "./values.ts";
import type { Condition, Item } from "../../api.ts";

export function holds(condition: Condition, item: Item | null): boolean {
  switch (condition.kind) {
    case "exists":
      return valueAt(item, condition.path) !== undefined;
    case "not-exists":
      return valueAt(item, condition.path) === undefined;
    case "compare":
      return comparisonHolds(condition, item);
    case "and":
      return holds(condition.left, item) && holds(condition.right, item);
    case "or":
      return holds(condition.left, item) || holds(condition.right, item);
    case "not":
      return !holds(condition.inner, item);
  }
}

function comparisonHolds(condition: Extract<Condition, { kind: "compare" }>, item: Item | null): boolean {
  const value = valueAt(item, condition.path);
  if (value === undefined) return condition.operator === "<>";
  if (condition.operator === "=") return equalValues(value, condition.value);
  if (condition.operator === "<>") return !equalValues(value, condition.value);
  // NaN, for what has no order, is neither below nor above anything.
  const order = compareValues(value, condition.value);
  switch (condition.operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}
