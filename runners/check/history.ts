/**
 * What clients saw. An operation is an interval: it took effect at one instant between its invocation and its completion, if it
 * took effect at all. Times are those of one clock: true time of a simulation, or one process's monotonic clock.
 *
 *     client 1   |-- write 1 --|      |-- read -> 2 --|
 *     client 2        |---- write 2 ------ ...               outcome unknown: it may take effect at any later time, or never
 *
 * An operation that was refused did not happen and is in no history.
 */
import type { Micros } from "../../backend/kernel/units.ts";

export interface Operation<Input, Output> {
  /** Who asked; only for the reader of a message. */
  readonly client: number;
  readonly invokedAt: Micros;
  /** Infinity when the outcome is unknown. */
  readonly completedAt: Micros;
  readonly input: Input;
  /** Absent when, and only when, the outcome is unknown. */
  readonly output?: Output;
}

/** In any order. */
export type History<Input, Output> = readonly Operation<Input, Output>[];

export function isUnknown(operation: Operation<unknown, unknown>): boolean {
  return operation.completedAt === Infinity;
}

/** Writes a history down as it happens. What is never completed stays unknown. */
export class HistoryRecorder<Input, Output> {
  private readonly operations = new Map<number, Operation<Input, Output>>();
  private invoked = 0;

  /** Returns the operation's number. */
  onInvoked(client: number, invokedAt: Micros, input: Input): number {
    this.operations.set(this.invoked, { client, invokedAt, completedAt: Infinity, input });
    return this.invoked++;
  }

  onCompleted(operation: number, completedAt: Micros, output: Output): void {
    this.operations.set(operation, { ...this.operations.get(operation)!, completedAt, output });
  }

  /** It did not and will not take effect. */
  onRefused(operation: number): void {
    this.operations.delete(operation);
  }

  history(): History<Input, Output> {
    return [...this.operations.values()];
  }
}

/** Throws a RangeError for an operation that cannot be: a checker that reads nonsense would prove nonsense. */
export function assertOperation(operation: Operation<unknown, unknown>): void {
  const { invokedAt, completedAt, output } = operation;
  if (!Number.isFinite(invokedAt)) refuse(operation, "a finite invokedAt");
  // Written so that NaN is refused too.
  if (!(completedAt >= invokedAt)) refuse(operation, "completedAt at or after invokedAt");
  if ((output === undefined) !== (completedAt === Infinity))
    refuse(operation, "an output if it completed, and none if completedAt is Infinity");
}

function refuse(operation: Operation<unknown, unknown>, expected: string): never {
  const { client, invokedAt, completedAt, input, output } = operation;
  throw new RangeError(
    `an operation of client ${client} cannot be checked; got ${JSON.stringify(input)} from ${invokedAt} to ${completedAt} ` +
      `with output ${JSON.stringify(output)}; expected ${expected}; fix: what records the history`,
  );
}
