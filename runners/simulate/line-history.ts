/**
 * The register that the union scenarios write to and the two promises they check. An item is a growing set of *lines*; each
 * write adds one line with a name of its own to what its client read last. Nothing is ever removed, so
 *
 *   no lost write    a line whose write was acknowledged is in the item for ever after, whatever was written beside it
 *   no stale read    a read that began after the acknowledgement returns it
 *
 * are the same sentence, checked read by read: O(reads x lines), no search. It is stronger than comparing version vectors: a set
 * that claims to know a line and does not hold it fails here.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { ScenarioHistory } from "./scenario-history.ts";

interface Line {
  readonly name: string;
  readonly acknowledgedAt: Micros;
}

/** What is counted and is no violation: a sloppy quorum may miss what it wrote, and a wiped disk may have been the last. */
export interface Allowed {
  readonly stale: boolean;
  readonly loss: boolean;
}

export class LineHistory extends ScenarioHistory {
  private readonly attempted: Set<string>[];
  private readonly lines: Line[][];
  private readonly allowed: Allowed;

  constructor(records: number, allowed: Allowed) {
    super();
    this.attempted = Array.from({ length: records }, () => new Set<string>());
    this.lines = Array.from({ length: records }, () => []);
    this.allowed = allowed;
  }

  onWrite(record: number, line: string): void {
    this.attempted[record].add(line);
  }

  onWritten(record: number, line: string, at: Micros): void {
    this.acknowledged++;
    this.lines[record].push({ name: line, acknowledgedAt: at });
  }

  /** A read that began at `begunAt` returned `names`. */
  onRead(record: number, names: ReadonlySet<string>, begunAt: Micros, at: Micros, final: boolean): void {
    this.reads++;
    for (const line of this.lines[record]) {
      if (line.acknowledgedAt >= begunAt || names.has(line.name)) continue;
      if (final) this.lost++;
      else this.staleReads++;
      if (final ? this.allowed.loss : this.allowed.stale) continue;
      this.report(
        final ? "lost-write" : "stale-read",
        `record ${record} line ${line.name}, acknowledged at ${line.acknowledgedAt} us, is missing from the read of [${begunAt}, ${at}] us`,
      );
    }
    for (const name of names) {
      if (!this.attempted[record].has(name))
        this.report("phantom", `record ${record} has line ${name} that nobody wrote`);
    }
  }
}
