/**
 * Registers that are overwritten and deleted, each write with a value of its own, under two sets of promises.
 *
 * Siblings. A write *covers* the values its client had read and whatever those covered, so for reads begun after an acknowledgement
 *
 *   no lost write     the value is there, or a write that may have happened covers it
 *   no resurrection   what the write covers is gone, for ever; a deletion is such a write
 *   concurrent        and, at any time, no two values returned together cover one another
 *
 * Last writer wins, with clocks that agree. A write may lose to a concurrent one and to no other: a read returns no value whose
 * write was acknowledged before another began that was acknowledged before the read began.
 *
 * Each is one pass over the writes of the record, no search.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { ScenarioHistory } from "./scenario-history.ts";

export interface Write {
  readonly name: string;
  readonly deletes: boolean;
  readonly covers: ReadonlySet<string>;
  readonly invokedAt: Micros;
  /** Infinity until acknowledged: it may take effect at any later time. */
  acknowledgedAt: Micros;
  /** The backend promised that it did not happen. */
  refused: boolean;
}

export type Promises = "siblings" | "last-writer-wins";

export class ValueHistory extends ScenarioHistory {
  private readonly writes: Map<string, Write>[];
  private readonly promises: Promises;
  private readonly mayBeStale: boolean;

  constructor(records: number, promises: Promises, mayBeStale: boolean) {
    super();
    this.writes = Array.from({ length: records }, () => new Map<string, Write>());
    this.promises = promises;
    this.mayBeStale = mayBeStale;
  }

  /** `read`: the values of the read this write follows from. */
  onWrite(record: number, name: string, deletes: boolean, read: readonly string[], at: Micros): Write {
    const covers = new Set(read.flatMap((value) => [value, ...(this.writes[record].get(value)?.covers ?? [])]));
    const write = { name, deletes, covers, invokedAt: at, acknowledgedAt: Infinity, refused: false };
    this.writes[record].set(name, write);
    return write;
  }

  onWritten(write: Write, at: Micros): void {
    this.acknowledged++;
    write.acknowledgedAt = at;
  }

  /** A read that began at `begunAt` returned `names`. */
  onRead(record: number, names: readonly string[], begunAt: Micros, final: boolean): void {
    this.reads++;
    const writes = this.writes[record];
    for (const name of names) {
      const write = writes.get(name);
      if (write === undefined || write.refused) {
        this.report("phantom", `record ${record} has ${name}, which ${write ? "was refused" : "nobody wrote"}`);
      }
    }
    const known = [...writes.values()].filter(({ acknowledgedAt }) => acknowledgedAt < begunAt);
    if (this.promises === "siblings") this.checkSiblings(record, names, known, final);
    else this.checkLatest(record, names, known, final);
  }

  private checkSiblings(record: number, names: readonly string[], known: readonly Write[], final: boolean): void {
    const returned = new Set(names);
    const all = [...this.writes[record].values()];
    for (const { name, deletes, covers } of known) {
      const covered = all.some((other) => !other.refused && other.covers.has(name));
      if (!deletes && !returned.has(name) && !covered) {
        this.miss(final, "lost-write", `record ${record} lacks ${name}, acknowledged and never overwritten`);
      }
      for (const value of names) {
        if (covers.has(value)) this.miss(final, "resurrection", `record ${record} has ${value} again after ${name}`);
      }
    }
    for (const value of names) {
      const covers = this.writes[record].get(value)?.covers;
      const older = names.find((other) => covers?.has(other));
      if (older !== undefined) this.report("not-concurrent", `record ${record} has ${older} beside its heir ${value}`);
    }
  }

  private checkLatest(record: number, names: readonly string[], known: readonly Write[], final: boolean): void {
    let invokedAt = -Infinity;
    for (const write of known) invokedAt = Math.max(invokedAt, write.invokedAt);
    const mayBe = (write: Write): boolean => !write.refused && write.acknowledgedAt >= invokedAt;
    const all = [...this.writes[record].values()];
    const right = names.length > 0 ? all.filter(({ name }) => name === names[0]) : all.filter(({ deletes }) => deletes);
    if (known.length === 0 || right.some(mayBe)) return;
    const returned = names.length > 0 ? names[0] : "nothing";
    this.miss(final, "lost-write", `record ${record} has ${returned}, older than a write begun at ${invokedAt} us`);
  }

  private miss(final: boolean, invariant: "lost-write" | "resurrection", detail: string): void {
    if (!final) this.staleReads++;
    if (final || !this.mayBeStale) this.report(!final && invariant === "lost-write" ? "stale-read" : invariant, detail);
  }
}
