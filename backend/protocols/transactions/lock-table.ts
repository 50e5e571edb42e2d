/**
 * Who may read and write which keys of one group, and who waits. Wound-wait (Rosenkrantz, Stearns and Lewis, TODS 1978): the older never
 * waits for the younger without wounding it, the younger waits for the older, so no circle of waiting can close.
 *
 *     key   holders          waiting, oldest first
 *     a     shared T3 T7     exclusive T5 ── shared T9           T9 waits for T5 although it could share with T3 and T7
 *
 * A transaction asks for all its locks here at once and holds all or none, so one that waits is in nobody's way and is never wounded.
 */
import type { Age, Txn } from "./messages.ts";
import { isOlder } from "./messages.ts";

export interface Claim {
  readonly txn: Txn;
  readonly age: Age;
  /** To be read only: none of `exclusive`. */
  readonly shared: readonly string[];
  readonly exclusive: readonly string[];
}

interface Line {
  readonly shared: Set<Claim>;
  exclusive: Claim | undefined;
  /** Oldest first. */
  readonly waiting: Claim[];
}

export class LockTable {
  private readonly lines = new Map<string, Line>();
  private readonly held = new Map<Txn, Claim>();
  private readonly waiting = new Map<Txn, Claim>();

  get waiters(): Iterable<Claim> {
    return this.waiting.values();
  }

  holds(txn: Txn): boolean {
    return this.held.has(txn);
  }

  writerOf(key: string): Txn | undefined {
    return this.lines.get(key)?.exclusive?.txn;
  }

  /** Returns whether all locks are held now; else the claim waits for what `release` returns. */
  request(claim: Claim): boolean {
    if (this.isFree(claim)) {
      this.seize(claim);
      return true;
    }
    this.waiting.set(claim.txn, claim);
    for (const key of this.keysOf(claim)) {
      const { waiting } = this.lineOf(key);
      const at = waiting.findIndex((other) => isOlder(claim.age, other.age));
      waiting.splice(at < 0 ? waiting.length : at, 0, claim);
    }
    return false;
  }

  /** Holds without asking: what was held before this replica led. */
  seize(claim: Claim): void {
    this.held.set(claim.txn, claim);
    for (const key of this.readKeys(claim)) this.lineOf(key).shared.add(claim);
    for (const key of claim.exclusive) this.lineOf(key).exclusive = claim;
  }

  /** Younger transactions that hold what the claim waits for. */
  victims(claim: Claim): Set<Txn> {
    const found = new Set<Txn>();
    const add = (holder: Claim | undefined): void => {
      if (holder !== undefined && isOlder(claim.age, holder.age)) found.add(holder.txn);
    };
    for (const key of this.readKeys(claim)) add(this.lines.get(key)?.exclusive);
    for (const key of claim.exclusive) {
      add(this.lines.get(key)?.exclusive);
      for (const holder of this.lines.get(key)?.shared ?? []) add(holder);
    }
    return found;
  }

  /** Gives up what the transaction holds or waits for. Returns those whose turn it is: they hold their locks now. */
  release(txn: Txn): Claim[] {
    const claim = this.held.get(txn) ?? this.waiting.get(txn);
    if (claim === undefined) return [];
    this.held.delete(txn);
    this.waiting.delete(txn);
    const keys = this.keysOf(claim);
    for (const key of keys) this.leave(key, claim);
    const granted: Claim[] = [];
    for (const key of keys) this.grant(key, granted);
    return granted;
  }

  clear(): void {
    this.lines.clear();
    this.held.clear();
    this.waiting.clear();
  }

  check(): void {
    for (const [key, { shared, exclusive }] of this.lines) {
      if (exclusive === undefined) continue;
      const others = [...shared].filter((claim) => claim !== exclusive);
      if (others.length > 0) throw new Error(`${exclusive.txn} writes ${key} while ${others[0].txn} reads it`);
    }
  }

  /** The keys that are locked for reading. */
  protected readKeys(claim: Claim): readonly string[] {
    return claim.shared;
  }

  private keysOf(claim: Claim): readonly string[] {
    return [...this.readKeys(claim), ...claim.exclusive];
  }

  /** In the order of age, as far as the line goes without a conflict. */
  private grant(key: string, granted: Claim[]): void {
    const line = this.lines.get(key);
    for (const claim of line === undefined ? [] : [...line.waiting]) {
      if (this.isFree(claim)) {
        this.waiting.delete(claim.txn);
        for (const waited of this.keysOf(claim)) remove(this.lines.get(waited)!.waiting, claim);
        this.seize(claim);
        granted.push(claim);
      }
      if (claim.exclusive.includes(key)) break;
    }
  }

  private isFree(claim: Claim): boolean {
    for (const key of this.readKeys(claim)) {
      const line = this.lines.get(key);
      if (line === undefined) continue;
      if (line.exclusive !== undefined) return false;
      for (const other of line.waiting) {
        if (!isOlder(other.age, claim.age)) break;
        if (other.exclusive.includes(key)) return false;
      }
    }
    for (const key of claim.exclusive) {
      const line = this.lines.get(key);
      if (line === undefined) continue;
      if (line.exclusive !== undefined || line.shared.size > 0) return false;
      if (line.waiting.length > 0 && isOlder(line.waiting[0].age, claim.age)) return false;
    }
    return true;
  }

  private leave(key: string, claim: Claim): void {
    const line = this.lines.get(key)!;
    line.shared.delete(claim);
    if (line.exclusive === claim) line.exclusive = undefined;
    remove(line.waiting, claim);
    if (line.shared.size === 0 && line.exclusive === undefined && line.waiting.length === 0) this.lines.delete(key);
  }

  private lineOf(key: string): Line {
    let line = this.lines.get(key);
    if (line === undefined) this.lines.set(key, (line = { shared: new Set(), exclusive: undefined, waiting: [] }));
    return line;
  }
}

function remove(waiting: Claim[], claim: Claim): void {
  const at = waiting.indexOf(claim);
  if (at >= 0) waiting.splice(at, 1);
}
