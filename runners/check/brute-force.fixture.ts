/**
 * Linearizability by its definition, for small histories: every order that respects real time, with every choice of operations
 * of unknown outcome, over the whole history at once. It shares nothing with the checker but the model's `step`.
 */
import type { History } from "./history.ts";
import type { Model } from "./model.ts";

export function isLinearizableByDefinition<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: History<Input, Output>,
): boolean {
  const place = (placed: ReadonlySet<number>, states: ReadonlyMap<string, State>): boolean => {
    const rest = [...history.keys()].filter((i) => !placed.has(i));
    if (rest.every((i) => history[i].completedAt === Infinity)) return true;
    return rest.some((i) => {
      const { invokedAt, input, output } = history[i];
      if (rest.some((other) => history[other].completedAt < invokedAt)) return false;
      const key = model.keyOf(input);
      const after = model.step(states.has(key) ? states.get(key)! : model.initial, input, output);
      return after !== undefined && place(new Set([...placed, i]), new Map([...states, [key, after]]));
    });
  };
  return place(new Set(), new Map());
}
