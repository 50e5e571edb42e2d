/**
 * What an object does when asked one thing at a time: the sequential specification that a history is held against. States are
 * values: `step` returns a new one.
 */
export interface Model<State, Input, Output> {
  /** Operations on different keys do not touch each other, so that each key is checked alone. */
  keyOf(input: Input): string;
  /** The state of each key before the first operation. */
  readonly initial: State;
  /**
   * The state after `input`; undefined if in `state` it cannot be answered with `output`. An absent output is an unknown
   * outcome: the state after if it takes effect, whatever the answer would have been; undefined if it can have none, such as a
   * swap that finds another value.
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** Equal for equal states, different for different ones. */
  identity(state: State): string | number;
  /**
   * Whether `input`, answered with `output` or with anything if that is absent, changes nothing in any state: a read, a failed
   * swap.
   */
  changesNothing(input: Input, output: Output | undefined): boolean;
  /**
   * A shortcut for objects that hold one value, which a change replaces whatever it was, and of which nothing is left then.
   * Absent for others, such as a counter, or a list.
   */
  readonly holding?: Holding<State, Input, Output>;
  /** In words: `write 4`, `4`. */
  describeInput(input: Input): string;
  describeOutput(output: Output): string;
  describeState(state: State): string;
}

/**
 * What lets a search see that a point is hopeless, or that an operation of unknown outcome cannot help, without trying. Values
 * are compared by `===`. A search with it and one without reach the same verdict.
 */
export interface Holding<State, Input, Output> {
  of(state: State): HeldValue;
  /**
   * The value without which `input` cannot be answered with `output`, or have taken effect if that is absent; undefined: no
   * single one.
   */
  needs(input: Input, output: Output | undefined): HeldValue | undefined;
  /** The value that it leaves if it takes effect; undefined: it changes nothing. */
  leaves(input: Input, output: Output | undefined): HeldValue | undefined;
}

export type HeldValue = string | number | null;
