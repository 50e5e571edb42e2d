/**
 * The rules that make Paxos safe, checked as acceptors act and not only where a broken one has led to two values in a slot, which takes
 * far more bad luck. From "Paxos Made Simple" (Lamport, 2001), section 2.2:
 *
 *     promise-broken        P1a  an acceptor accepts at a ballot only if it has not promised a higher one, whatever crashes came between
 *     two-values-a-ballot        a ballot has one proposer, and it proposes one value a slot
 *     chosen-replaced       P2b  what is proposed at a ballot above that of a chosen value is that value
 */
import { Violations } from "./violations.ts";

export type BallotRule = "promise-broken" | "two-values-a-ballot" | "chosen-replaced";

interface SlotAccepts {
  /** By ballot. */
  readonly values: Map<number, string>;
  /** What was found to be chosen, and the highest ballot at which it had been accepted by then. */
  chosen: string | undefined;
  settledAt: number;
}

/** One group. Values are told by their text. */
export class BallotRules {
  readonly violations = new Violations<BallotRule>();
  private readonly promised = new Map<string, number>();
  private readonly slots = new Map<number, SlotAccepts>();

  /** A promise of `node` is known to somebody else. */
  onPromised(node: string, ballot: number): void {
    if (ballot > (this.promised.get(node) ?? 0)) this.promised.set(node, ballot);
  }

  /** Its disk is gone: whoever comes back in its place is another acceptor. */
  onWiped(node: string): void {
    this.promised.delete(node);
  }

  onAccepted(node: string, slot: number, ballot: number, value: string): void {
    const promised = this.promised.get(node) ?? 0;
    if (ballot < promised) {
      this.violations.add(
        "promise-broken",
        () => `node ${node} accepted slot ${slot} at ballot ${ballot}, but it had promised ballot ${promised}`,
      );
    }
    const accepts = this.slotOf(slot);
    const other = accepts.values.get(ballot);
    if (other === undefined) accepts.values.set(ballot, value);
    else if (other !== value) {
      this.violations.add(
        "two-values-a-ballot",
        () => `slot ${slot} at ballot ${ballot} is ${value} at node ${node}, and ${other} elsewhere`,
      );
    }
    if (accepts.chosen !== undefined && ballot > accepts.settledAt) this.compare(slot, accepts, ballot, value);
  }

  /** Somebody knows that `value` is chosen. It was so at one of the ballots at which it has been accepted by now. */
  onChosen(slot: number, value: string): void {
    const accepts = this.slotOf(slot);
    if (accepts.chosen !== undefined) return;
    for (const [ballot, accepted] of accepts.values) {
      if (accepted === value && ballot > accepts.settledAt) accepts.settledAt = ballot;
    }
    // Nobody was seen to accept it: it comes from a state that was there before the watcher.
    if (accepts.settledAt === 0) return;
    accepts.chosen = value;
    for (const [ballot, accepted] of accepts.values) {
      if (ballot > accepts.settledAt) this.compare(slot, accepts, ballot, accepted);
    }
  }

  private compare(slot: number, { chosen, settledAt }: SlotAccepts, ballot: number, value: string): void {
    if (value === chosen) return;
    this.violations.add(
      "chosen-replaced",
      () =>
        `slot ${slot}: ${value} was proposed at ballot ${ballot}, but ${chosen} was chosen at ${settledAt} or before`,
    );
  }

  private slotOf(slot: number): SlotAccepts {
    let accepts = this.slots.get(slot);
    if (accepts === undefined) {
      accepts = { values: new Map(), chosen: undefined, settledAt: 0 };
      this.slots.set(slot, accepts);
    }
    return accepts;
  }
}
