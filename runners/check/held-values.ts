/**
 * What the operations that are not placed yet still need and can still bring, for objects that hold one value. An operation may
 * not replace a value that another one needs and nobody can bring back: with written values all different, that alone makes the
 * search nearly linear, as those of Gibbons and Korach ("Testing shared memories", SIAM J. Comput. 1997) are.
 */
import type { Operation } from "./history.ts";
import type { HeldValue, Holding } from "./model.ts";

const none = -1;

export class HeldValues<State, Input, Output> {
  private readonly holding: Holding<State, Input, Output>;
  private readonly numbers = new Map<HeldValue, number>();
  /** For each operation, the number of the value. */
  private readonly needed: Int32Array;
  private readonly left: Int32Array;
  /** For each value, how many operations that are not placed need it: of the known ones, which have to be placed. */
  private readonly needs: number[] = [];
  /** For each value, how many operations that are not placed leave it. */
  private readonly leaves: number[] = [];
  private readonly known: number;

  /** Operations from `known` on need not be placed. */
  constructor(holding: Holding<State, Input, Output>, operations: readonly Operation<Input, Output>[], known: number) {
    this.holding = holding;
    this.known = known;
    const number = (value: HeldValue | undefined): number => (value === undefined ? none : this.numberOf(value));
    this.needed = Int32Array.from(operations, ({ input, output }) => number(holding.needs(input, output)));
    this.left = Int32Array.from(operations, ({ input, output }) => number(holding.leaves(input, output)));
    for (const operation of operations.keys()) this.count(operation, 1);
  }

  onPlaced(operation: number): void {
    this.count(operation, -1);
  }

  onTakenBack(operation: number): void {
    this.count(operation, 1);
  }

  /** Going from state `before` to `after` loses a value for good that is still needed. */
  losesNeeded(before: State, after: State): boolean {
    const value = this.holding.of(before);
    if (value === this.holding.of(after)) return false;
    const number = this.numbers.get(value);
    return number !== undefined && this.needs[number] > 0 && this.leaves[number] === 0;
  }

  /** The number of the value that the operation needs; -1 if not a single one. */
  neededBy(operation: number): number {
    return this.needed[operation];
  }

  /** The number of the value that the operation leaves; -1 if it changes nothing. */
  leftBy(operation: number): number {
    return this.left[operation];
  }

  private count(operation: number, change: number): void {
    if (operation < this.known && this.needed[operation] !== none) this.needs[this.needed[operation]] += change;
    if (this.left[operation] !== none) this.leaves[this.left[operation]] += change;
  }

  private numberOf(value: HeldValue): number {
    let number = this.numbers.get(value);
    if (number === undefined) {
      number = this.needs.length;
      this.needs.push(0);
      this.leaves.push(0);
      this.numbers.set(value, number);
    }
    return number;
  }
}
