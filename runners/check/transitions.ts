/**
 * A model's states by number and its steps from a cache: a search takes the same step from the same state many times over, and
 * compares states at each. The cache forgets: it has a fixed size, and what wants an occupied place takes it.
 */
import type { Operation } from "./history.ts";
import type { Model } from "./model.ts";

const cacheLimit = 1 << 18;

export class Transitions<State, Input, Output> {
  private readonly model: Model<State, Input, Output>;
  private readonly operations: readonly Operation<Input, Output>[];
  private readonly states: State[] = [];
  private readonly numbers = new Map<string | number, number>();
  /** Of each place in the cache: the step (state * operations + operation), and where it leads. */
  private readonly steps: Float64Array;
  private readonly results: Int32Array;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    this.model = model;
    this.operations = operations;
    let places = 64;
    while (places < 4 * operations.length && places < cacheLimit) places *= 2;
    this.steps = new Float64Array(places).fill(-1);
    this.results = new Int32Array(places);
    this.numberOf(model.initial);
  }

  /** The number of the state after `operation` in `state`; -1 if its answer does not fit. The initial state is number 0. */
  after(state: number, operation: number): number {
    const step = state * this.operations.length + operation;
    const place = step & (this.steps.length - 1);
    if (this.steps[place] === step) return this.results[place];
    const { input, output } = this.operations[operation];
    const next = this.model.step(this.states[state], input, output);
    const result = next === undefined ? -1 : this.numberOf(next);
    this.steps[place] = step;
    this.results[place] = result;
    return result;
  }

  stateOf(number: number): State {
    return this.states[number];
  }

  private numberOf(state: State): number {
    const identity = this.model.identity(state);
    let number = this.numbers.get(identity);
    if (number === undefined) {
      number = this.states.length;
      this.states.push(state);
      this.numbers.set(identity, number);
    }
    return number;
  }
}
