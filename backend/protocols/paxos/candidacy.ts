/** What a candidate has been promised, and what its promises say about the past. */
import type { NodeId } from "../../kernel/units.ts";
import type { Entry, Slot } from "./messages.ts";

interface PromiseOf {
  readonly chosen: Slot;
  readonly entries: readonly Entry[];
}

/** Whether of two values accepted in one slot the first has to be taken. */
export type Outranks = (entry: Entry, other: Entry) => boolean;

export class Candidacy {
  private readonly promises = new Map<NodeId, PromiseOf>();

  get size(): number {
    return this.promises.size;
  }

  has(node: NodeId): boolean {
    return this.promises.has(node);
  }

  onPromise(from: NodeId, promise: PromiseOf): void {
    this.promises.set(from, promise);
  }

  clear(): void {
    this.promises.clear();
  }

  /** The highest slot that one of them knows to be chosen, and who. */
  mostChosen(): { readonly slot: Slot; readonly node: NodeId } {
    let most = { slot: 0, node: -1 };
    for (const [node, { chosen }] of this.promises) if (chosen > most.slot) most = { slot: chosen, node };
    return most;
  }

  /** Every value that was accepted, and by whom. */
  reported(): readonly { readonly node: NodeId; readonly entry: Entry }[] {
    return [...this.promises].flatMap(([node, { entries }]) => entries.map((entry) => ({ node, entry })));
  }

  /** By slot above `slot`: what may have been chosen there. A slot that is missing was not chosen. */
  valuesAbove(slot: Slot, outranks: Outranks): Map<Slot, Entry> {
    const values = new Map<Slot, Entry>();
    for (const { entries } of this.promises.values()) {
      for (const entry of entries) {
        if (entry.slot <= slot) continue;
        const known = values.get(entry.slot);
        if (known === undefined || outranks(entry, known)) values.set(entry.slot, entry);
      }
    }
    return values;
  }
}
