/**
 * Where a history stops being linearizable. Every prefix of a linearizable history is linearizable (Herlihy and Wing 1990,
 * section 3), so there is one completion up to which it is and with which it is not; bisection finds it. In a prefix, an
 * operation that has not completed yet is open, like one whose outcome stays unknown.
 */
import type { Operation } from "./history.ts";
import { isUnknown } from "./history.ts";
import { KeySearch } from "./key-search.ts";
import type { Model } from "./model.ts";

export interface Prefix<State, Input, Output> {
  /** One order, of perhaps many, that explains all that completed before `blocked`. */
  readonly order: readonly Operation<Input, Output>[];
  /** What `order` leaves. */
  readonly state: State;
  /** The first operation, by completion, with which there is no order. */
  readonly blocked: Operation<Input, Output>;
  /** False if a search in between was undecided: then there may be an order for later ones too, up to before `blocked`. */
  readonly exact: boolean;
}

/** Of each search; there are as many as the number of operations has bits. */
const stepsEach = 1_000_000;

/** Of a history that is not linearizable. */
export function longestPrefix<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): Prefix<State, Input, Output> {
  const byCompletion = operations
    .filter((operation) => !isUnknown(operation))
    .sort((a, b) => a.completedAt - b.completedAt);
  let order: readonly Operation<Input, Output>[] = [];
  let state = model.initial;
  let exact = true;
  // There is an order for the first `explained` completions and none for the first `not`.
  let explained = 0;
  let not = byCompletion.length;
  while (not - explained > 1 && exact) {
    const middle = (explained + not) >> 1;
    const original = new Map<Operation<Input, Output>, Operation<Input, Output>>();
    const search = new KeySearch(model, prefix(operations, byCompletion.slice(0, middle), original), memo);
    const result = search.run(stepsEach);
    if (result === "found") {
      explained = middle;
      order = search.order().map((operation) => original.get(operation) ?? operation);
      state = search.currentState();
    } else if (result === "none") {
      not = middle;
    } else {
      exact = false;
    }
  }
  return { order, state, blocked: byCompletion[not - 1], exact };
}

const memo = { kind: "hashed", bits: 53, salt: 2 } as const;

/** What had been invoked when the last of `completed` completed. `original`: of each operation that is open here only. */
function prefix<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  completed: readonly Operation<Input, Output>[],
  original: Map<Operation<Input, Output>, Operation<Input, Output>>,
): Operation<Input, Output>[] {
  const done = new Set(completed);
  const end = completed.at(-1)!.completedAt;
  const pending = operations.filter((operation) => !done.has(operation) && operation.invokedAt <= end);
  const open = pending.map((operation) => {
    const { client, invokedAt, input } = operation;
    const opened = { client, invokedAt, completedAt: Infinity, input };
    original.set(opened, operation);
    return opened;
  });
  return [...completed, ...open];
}

const shownBefore = 6;
const shownBeside = 10;

/** Lines that say how far an order goes and what is around the operation that ends it. */
export function tellViolation<State, Input, Output>(
  model: Model<State, Input, Output>,
  key: string,
  operations: readonly Operation<Input, Output>[],
  { order, state, blocked, exact }: Prefix<State, Input, Output>,
): string {
  const tell = ({ client, invokedAt, completedAt, input, output }: Operation<Input, Output>): string => {
    const asked = `    client ${client} [${invokedAt} .. ${completedAt === Infinity ? "?" : completedAt} us] ${model.describeInput(input)}`;
    return output === undefined ? `${asked}, outcome unknown` : `${asked} -> ${model.describeOutput(output)}`;
  };
  const beside = operations.filter(
    (other) => other !== blocked && other.invokedAt <= blocked.completedAt && other.completedAt >= blocked.invokedAt,
  );
  const shown = order.slice(-shownBefore);
  return [
    `key ${key}: no order of its ${operations.length} operations explains every answer`,
    exact
      ? "one order that explains all that completed before"
      : "an order that explains some of what completed before (where exactly it ends was not decided)",
    ...(order.length > shownBefore ? [`    (${order.length - shownBefore} operations)`] : []),
    ...shown.map(tell),
    `    leaves ${model.describeState(state)}; but no order explains it together with`,
    tell(blocked),
    ...(beside.length === 0 ? ["which was alone"] : ["beside which there were"]),
    ...beside.slice(0, shownBeside).map(tell),
    ...(beside.length > shownBeside ? [`    and ${beside.length - shownBeside} more`] : []),
  ].join("\n");
}
