/**
 * Agreement on a replicated log, watched from outside the nodes: what was ever chosen in a slot is the only value of that slot,
 * whoever says so and however often it crashed since (Lamport, "Paxos made simple", 2001: "only a single value is chosen");
 * nodes apply without gaps, so that one's log is always a prefix of another's; equal logs give equal states (state machine
 * safety: Raft, ATC 2014, figure 3); and a command takes effect in one slot only, however often it was proposed.
 *
 * Fed with events as they happen, O(1) each. It remembers for ever, as a wiped disk must not make the watcher forget.
 */
import { Violations } from "./violations.ts";

/** A value or a state by its hash. */
export type Hash = string | number;

export type LogRule =
  | "two-values"
  | "out-of-order"
  | "states-differ"
  | "applied-twice"
  | "acknowledged-but-not-applied";

interface First<Told> {
  readonly told: Told;
  readonly node: string;
}

/** The log of one group. Slots count from `firstSlot`. */
export class LogAgreement {
  readonly violations = new Violations<LogRule>();
  private readonly firstSlot: number;
  /** For each slot, the value first said to be chosen. */
  private readonly values = new Map<number, First<Hash>>();
  /** For each slot, the state first seen right after it. */
  private readonly states = new Map<number, First<Hash>>();
  /** For each node, the last slot it applied since it started. */
  private readonly applied = new Map<string, number>();
  /** For each command, the slot in which it first took effect. */
  private readonly effects = new Map<string, First<number>>();
  private readonly acknowledged = new Set<string>();

  constructor(firstSlot = 1) {
    this.firstSlot = firstSlot;
  }

  /** `node` knows that `value` is chosen in `slot`. */
  onChosen(node: string, slot: number, value: Hash): void {
    const first = this.values.get(slot);
    if (first === undefined) this.values.set(slot, { told: value, node });
    else if (first.told !== value)
      this.violations.add(
        "two-values",
        () =>
          `slot ${slot} has ${value} at node ${node}, but ${first.told} at node ${first.node}; a slot has one value`,
      );
  }

  /** `node` applied `value`; `state` is what it holds now, left out where nobody computed it. */
  onApplied(node: string, slot: number, value: Hash, state?: Hash): void {
    const expected = (this.applied.get(node) ?? this.firstSlot - 1) + 1;
    if (slot !== expected)
      this.violations.add(
        "out-of-order",
        () =>
          `node ${node} applied slot ${slot}; expected slot ${expected}, as it has everything before that and no more`,
      );
    this.applied.set(node, slot);
    this.onChosen(node, slot, value);
    if (state !== undefined) this.onState(node, slot, state);
  }

  /** `node` starts, or goes on, from a state that holds everything up to `slot`: its own store after a crash, or a snapshot. */
  onRestored(node: string, slot: number, state?: Hash): void {
    this.applied.set(node, slot);
    if (state !== undefined) this.onState(node, slot, state);
  }

  /** The command in `slot` took effect at `node`: it was not recognised as one that had been applied before. */
  onEffect(node: string, slot: number, command: string): void {
    const first = this.effects.get(command);
    if (first === undefined) this.effects.set(command, { told: slot, node });
    else if (first.told !== slot)
      this.violations.add(
        "applied-twice",
        () =>
          `command ${command} took effect in slot ${slot} at node ${node}, and in slot ${first.told} at node ${first.node}`,
      );
  }

  /** A client was told that its command is done. */
  onAcknowledged(command: string): void {
    this.acknowledged.add(command);
  }

  /** At the end, when some node has applied everything. May be called again. */
  checkAcknowledged(): void {
    for (const command of this.acknowledged) {
      if (!this.effects.has(command))
        this.violations.add(
          "acknowledged-but-not-applied",
          () => `command ${command} was acknowledged, but took effect in no slot at any node`,
        );
    }
  }

  private onState(node: string, slot: number, state: Hash): void {
    const first = this.states.get(slot);
    if (first === undefined) this.states.set(slot, { told: state, node });
    else if (first.told !== state)
      this.violations.add(
        "states-differ",
        () => `after slot ${slot} node ${node} holds state ${state}, but node ${first.node} held ${first.told}`,
      );
  }
}
