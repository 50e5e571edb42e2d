/** What a candidate has been promised, and what its promises say about the past. */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Body, Entry, Slot } from "./messages.ts";

interface PromiseOf {
  readonly chosen: Slot;
  readonly entries: readonly Entry[];
}

export interface Unsettled {
  /** What may have been chosen. A slot that is missing was not. */
  readonly values: ReadonlyMap<Slot, Entry>;
  /**
   * The last slot to propose in: never beyond a change of voters. What comes after one is for the new voters to say, and this candidate has
   * not asked them; two changes away a majority of the voters it knows need not meet a majority of those there are.
   */
  readonly last: Slot;
  /** The change of voters in that slot, if it is one. */
  readonly change: Body | undefined;
  /** Latest stamp of them all. */
  readonly at: Micros;
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

  /** What has to be proposed again in the slots above `slot`. */
  unsettled(slot: Slot, outranks: Outranks): Unsettled {
    const values = new Map<Slot, Entry>();
    let last = slot;
    let change: Entry | undefined;
    let at = 0;
    for (const { entry } of this.reported()) {
      if (entry.slot <= slot) continue;
      const known = values.get(entry.slot);
      if (known === undefined || outranks(entry, known)) values.set(entry.slot, entry);
    }
    for (const entry of values.values()) {
      if (entry.slot > last) last = entry.slot;
      if (entry.body.at > at) at = entry.body.at;
      if (entry.body.kind === "members" && entry.slot < (change?.slot ?? Infinity)) change = entry;
    }
    return { values, last: change?.slot ?? last, change: change?.body, at };
  }
}
