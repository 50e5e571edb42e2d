/**
 * What a replicated log drives. Every replica applies the same commands in the same order to the same state, so `apply` must be a function
 * of the state, the command and the stamp alone: no clock, no randomness, no iteration in an order that is not the store's.
 *
 * All state is in the store that the machine was built with, which shows nothing but the machine's own keys. A machine may keep a cache of
 * it and must be able to throw it away: `reset` is called when the state was replaced by a snapshot of another replica.
 */
import type { Micros } from "../../kernel/units.ts";

export interface StateMachine<Command, Query, Result> {
  /**
   * Applies one command of the log.
   *
   * @param at the leader's latest idea of true time when it proposed the command; the same at every replica, never less than the command
   *   before it had
   */
  apply(command: Command, at: Micros): Result;
  /**
   * Answers from the applied state, and changes nothing.
   *
   * @param at the latest idea of true time at this replica
   * @returns undefined when there is nothing to answer yet; the query is put again after later commands
   */
  read(query: Query, at: Micros): Result | undefined;
  /** Forgets everything cached: the state in the store is another. */
  reset(): void;
  /**
   * A command that time alone makes necessary (a lease that ran out), or undefined. Asked of the leader only, a few times a second; what
   * it returns is proposed like a client's.
   */
  due(at: Micros): Command | undefined;
  /** Throws when an invariant of the state is broken. */
  check?(): void;
}
