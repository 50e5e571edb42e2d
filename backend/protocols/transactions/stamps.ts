/**
 * The timestamps of one leader: what it hands out, and what it promises never to hand out any more.
 *
 *     promised to readers, or handed out          next stamp
 *     ─────────────────────────────────────┤ last ├──────────────────────>
 *
 * A stamp is no less than TT.now().latest when its transaction arrived, and above every earlier stamp and promise (Spanner, OSDI 2012, section
 * 4.1.2). Those of earlier leaders lie below the end of their leases, which had passed before this one led. Only this process's own earlier
 * life had the same lease: what it promised ahead of true time is on its disk, a little rounded up, before the promise leaves.
 */
import type { Micros } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { GroupId, TransactionEnv } from "./messages.ts";

const roundUpUs: Micros = 20 * millisecond;

export class Stamps {
  protected readonly env: TransactionEnv;
  private readonly key: string;
  private last: Micros = 0;
  /** On disk. Invariant: at least every promise above true time. */
  private ceiling: Micros = 0;
  private promisedAhead: Micros = 0;

  constructor(env: TransactionEnv, group: GroupId) {
    this.env = env;
    this.key = `t${group}/ceiling`;
  }

  start(): void {
    this.ceiling = (this.env.store.get(this.key) as Micros | undefined) ?? 0;
    this.last = this.ceiling;
  }

  /** The group is no more at this node. */
  end(): void {
    this.env.store.deleteLater(this.key);
  }

  /** @param highest stamp in the log */
  becomeLeader(highest: Micros): void {
    this.last = Math.max(this.last, highest, this.env.wall.latest);
  }

  /** Later stamps are above that. */
  raise(timestamp: Micros): void {
    if (timestamp > this.last) this.last = timestamp;
  }

  /** No less than any true time up to now. */
  present(): Micros {
    return this.env.wall.latest;
  }

  /** @param atLeast `present` when the transaction arrived */
  next(atLeast: Micros): Micros {
    this.last = Math.max(atLeast, this.last + 1);
    return this.last;
  }

  /** Highest promise that was above true time, perhaps, when it was given: another may lead at once when it has passed. */
  get ahead(): Micros {
    return this.promisedAhead;
  }

  /** Nothing will get a stamp at or below `timestamp` any more. What says so to others has to be held until it is durable. */
  promise(timestamp: Micros): void {
    this.raise(timestamp);
    if (timestamp <= this.env.wall.earliest) return;
    if (timestamp > this.promisedAhead) this.promisedAhead = timestamp;
    if (timestamp <= this.ceiling) return;
    this.ceiling = timestamp + roundUpUs;
    this.env.store.put(this.key, this.ceiling);
  }
}
