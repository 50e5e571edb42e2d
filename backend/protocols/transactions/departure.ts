/**
 * What a leader does before keys leave its group. Nothing new is begun about them, what is under way comes to its end, and only then is the
 * log told, with a timestamp above everything that was stamped or promised: whoever has the keys next begins above it. So at the place in the
 * log where they leave, no transaction is half done, no lock is held and no timestamp can be given twice.
 *
 *     open ──leave──> draining ──nothing is held there──> proposed ──applied, or another leads──> open
 *                        └── patience ends: open again for as long, lest one silent coordinator stops everybody
 */
import type { Micros } from "../../kernel/units.ts";
import type { Claim } from "./lock-table.ts";
import type { KeySpan } from "./tablet-map.ts";

/** @param floor the child or neighbour stamps above it. Returns false when this replica does not lead. */
export type ProposeDeparture = (reign: number, floor: Micros) => boolean;

export class Departure {
  private readonly patienceUs: Micros;
  private span: KeySpan | undefined;
  /** All keys that the group has: then what it has decided has to be learned too. */
  private whole = false;
  private propose: ProposeDeparture = () => false;
  private until: Micros = 0;
  private restUntil: Micros = 0;
  /** Nothing above it is promised about these keys; Infinity: the log has not been told. */
  private floor: Micros = Infinity;

  constructor(patienceUs: Micros) {
    this.patienceUs = patienceUs;
  }

  get draining(): boolean {
    return this.span !== undefined && this.floor === Infinity;
  }

  /** Returns false when keys are leaving already, or it is too soon to try again. */
  begin(span: KeySpan, whole: boolean, propose: ProposeDeparture, now: Micros): boolean {
    if (this.span !== undefined || now < this.restUntil) return false;
    this.span = span;
    this.whole = whole;
    this.propose = propose;
    this.until = now + this.patienceUs;
    return true;
  }

  get endsGroup(): boolean {
    return this.whole;
  }

  bars(key: string): boolean {
    return this.span !== undefined && key >= this.span.from && key < this.span.to;
  }

  touches({ shared, exclusive }: Claim): boolean {
    return this.span !== undefined && [...shared, ...exclusive].some((key) => this.bars(key));
  }

  mayPromise(key: string, timestamp: Micros): boolean {
    return timestamp <= this.floor || !this.bars(key);
  }

  /** Nothing is under way about these keys. */
  tell(reign: number, floor: Micros): void {
    this.floor = floor;
    if (!this.propose(reign, floor)) this.end();
  }

  tick(now: Micros): void {
    if (!this.draining || now < this.until) return;
    this.restUntil = now + this.patienceUs;
    this.end();
  }

  end(): void {
    this.span = undefined;
    this.floor = Infinity;
  }
}
