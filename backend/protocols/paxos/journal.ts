/**
 * What one replica keeps on disk, and how it is named:
 *
 *     p<group>/promise     { promised, until, holder }     put: an answer to a leader rests on it
 *     p<group>/e<slot>     [ballot, body]                  put: likewise
 *     p<group>/disk        incarnation                     put: who this disk is
 *     p<group>/applied     { slot, at, control }           state, made again from the entries; put when the control changes
 *     p<group>/vouched     slot                            put later: entries up to here hold what was chosen
 *     s<group>/...         the machine's own               state, likewise
 *
 * State is put later, or derived: then no log has it, for the entries say it all, and a replica that starts applies again what was vouched
 * for. A crash that takes back what was applied also brings back what it was applied from, because entries are deleted the same way.
 */
import type { NodeStore, StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Ballot } from "./ballot.ts";
import type { Body, Control, Entry, GroupId, Slot } from "./messages.ts";

/** What an acceptor has bound itself to. */
export interface Promised {
  /** Highest ballot promised. Invariant: never decreases, restarts included. */
  readonly ballot: Ballot;
  /** True time up to which no other leader than the owner of `lease` is helped; 0: none. */
  readonly until: Micros;
  /** Ballot whose owner holds the lease. */
  readonly lease: Ballot;
}

export interface Applied {
  readonly slot: Slot;
  /** Stamp of the last value applied. */
  readonly at: Micros;
  /** Null while the group is not founded, as far as this replica knows. */
  readonly control: Control | null;
  /** A snapshot is being received: the state is incomplete. */
  readonly installing: boolean;
}

const slotDigits = 10;

export class Journal {
  readonly stateFrom: StoreKey;
  readonly stateTo: StoreKey;
  private readonly store: NodeStore;
  private readonly prefix: string;
  private readonly derives: boolean;

  /** @param derives state is derived, not put later */
  constructor(store: NodeStore, group: GroupId, derives = false) {
    this.store = store;
    this.derives = derives;
    this.prefix = `p${group}/`;
    this.stateFrom = `s${group}/`;
    this.stateTo = afterPrefix(this.stateFrom);
  }

  promised(): Promised {
    return (this.store.get(`${this.prefix}promise`) as Promised | undefined) ?? { ballot: 0, until: 0, lease: 0 };
  }

  promise(promised: Promised): void {
    this.store.put(`${this.prefix}promise`, promised as unknown as Value);
  }

  incarnation(): string | undefined {
    return this.store.get(`${this.prefix}disk`) as string | undefined;
  }

  name(incarnation: string): void {
    this.store.put(`${this.prefix}disk`, incarnation);
  }

  applied(): Applied {
    const applied = this.store.get(`${this.prefix}applied`) as unknown as Applied | undefined;
    return applied ?? { slot: 0, at: 0, control: null, installing: false };
  }

  apply(applied: Applied): void {
    this.putState(`${this.prefix}applied`, applied as unknown as Value);
    if (this.derives) this.store.putLater(`${this.prefix}vouched`, applied.slot);
  }

  /** As `apply`, and durable, with the state, before anything said in this turn leaves. */
  found(applied: Applied): void {
    if (this.derives) this.store.settle();
    this.store.put(`${this.prefix}applied`, applied as unknown as Value);
  }

  /** Entries up to here that are not applied yet are those that were chosen. */
  vouched(): Slot {
    return (this.store.get(`${this.prefix}vouched`) as Slot | undefined) ?? 0;
  }

  putState(key: StoreKey, value: Value): void {
    if (this.derives) this.store.putDerived(key, value);
    else this.store.putLater(key, value);
  }

  deleteState(key: StoreKey): void {
    if (this.derives) this.store.deleteDerived(key);
    else this.store.deleteLater(key);
  }

  entry(slot: Slot): Entry | undefined {
    const stored = this.store.get(this.entryKey(slot)) as unknown as readonly [Ballot, Body] | undefined;
    return stored && { slot, ballot: stored[0], body: stored[1] };
  }

  accept({ slot, ballot, body }: Entry): void {
    this.store.put(this.entryKey(slot), [ballot, body] as unknown as Value);
  }

  drop(slot: Slot): void {
    this.deleteState(this.entryKey(slot));
  }

  dropUpTo(slot: Slot): void {
    const slots: Slot[] = [];
    this.scan(0, (entry) => entry.slot <= slot && slots.push(entry.slot) > 0);
    for (const each of slots) this.drop(each);
  }

  /** Entries from `slot` on in order, gaps left out, until `visit` returns false. */
  scan(slot: Slot, visit: (entry: Entry) => boolean | void): void {
    const prefix = `${this.prefix}e`;
    this.store.scan(this.entryKey(slot), afterPrefix(prefix), (key, value) => {
      const [ballot, body] = value as unknown as readonly [Ballot, Body];
      return visit({ slot: Number(key.slice(prefix.length)), ballot, body });
    });
  }

  private entryKey(slot: Slot): StoreKey {
    return `${this.prefix}e${String(slot).padStart(slotDigits, "0")}`;
  }
}
