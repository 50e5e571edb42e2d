/**
 * Writes that reached this replica perhaps before they reached their coordinator's own disk. Copies are flushed side by side, not
 * one after the other, which saves a write one flush of two; the price is that a coordinator may crash and forget, debt and all,
 * what its replicas keep. So each of them vouches: a write the coordinator does not confirm in time becomes this node's own debt
 * (handoff.ts) to all other replicas.
 *
 *     store ──> vouch, in a durable slot, with the write ──confirm──> slot free
 *                                  └──300 ms, or a restart──> debt to the record's other replicas
 *
 * Slots are used again and never deleted: "v/<slot>" -> { key, targets }. After a crash every slot counts, confirmed or not;
 * to hand over once more what all have is harmless, and there are no more slots than were ever unconfirmed at once.
 */
import { afterPrefix } from "../../kernel/store.ts";
import type { Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Handoff } from "./handoff.ts";
import type { QuorumEnv, RecordKey } from "./messages.ts";

const patienceUs: Micros = 300 * millisecond;
const prefix = "v/";

interface Vouch {
  readonly slot: string;
  /** The coordinator's number for it. */
  readonly op: number;
  readonly key: RecordKey;
  readonly targets: readonly NodeId[];
  readonly since: Micros;
}

export class Vouches {
  private readonly env: QuorumEnv;
  private readonly handoff: Handoff;
  /** Of each coordinator, in order of arrival. */
  private readonly open = new Map<NodeId, Queue<Vouch>>();
  private readonly freeSlots: string[] = [];
  private slots = 0;
  private count = 0;

  constructor(env: QuorumEnv, handoff: Handoff) {
    this.env = env;
    this.handoff = handoff;
  }

  /** What an earlier life vouched for is owed from now on: its confirmations are gone. */
  start(): void {
    const kept: Pick<Vouch, "slot" | "key" | "targets">[] = [];
    this.env.store.scan(prefix, afterPrefix(prefix), (slot, value) => {
      kept.push({ slot, ...(value as unknown as Pick<Vouch, "key" | "targets">) });
    });
    for (const { slot, key, targets } of kept) {
      this.handoff.owe(key, targets);
      this.freeSlots.push(slot);
    }
    this.slots = kept.length;
  }

  /** Writes not confirmed yet. */
  get outstanding(): number {
    return this.count;
  }

  /** `coordinator` asked for `key` under number `op`; `replicas` are all of the record's. In the turn that stores it. */
  keep(coordinator: NodeId, op: number, key: RecordKey, replicas: readonly NodeId[]): void {
    const targets = replicas.filter((node) => node !== this.env.self);
    const slot = this.freeSlots.pop() ?? `${prefix}${(this.slots++).toString(36)}`;
    this.env.store.put(slot, { key, targets } as unknown as Value);
    let queue = this.open.get(coordinator);
    if (queue === undefined) this.open.set(coordinator, (queue = new Queue()));
    queue.push({ slot, op, key, targets, since: this.env.now });
    this.count++;
  }

  /**
   * `coordinator` has durably what it numbered [first, below). Arrivals out of order, and those of its earlier lives, stop the
   * walk; a later confirmation reaches the former, patience ends the latter.
   */
  onConfirmed(coordinator: NodeId, first: number, below: number): void {
    const queue = this.open.get(coordinator);
    for (let next = queue?.first; next !== undefined; next = queue?.first) {
      if (next.op < first || next.op >= below) return;
      this.close(queue!);
    }
  }

  /** Owes what its coordinator has not confirmed in time. */
  tick(): void {
    for (const queue of this.open.values()) {
      for (let next = queue.first; next !== undefined; next = queue.first) {
        if (this.env.now - next.since < patienceUs) break;
        this.handoff.owe(next.key, next.targets);
        this.close(queue);
      }
    }
  }

  private close(queue: Queue<Vouch>): void {
    this.freeSlots.push(queue.shift().slot);
    this.count--;
  }
}

/** First in, first out; `shift` of an array is slow when it is long. */
class Queue<T> {
  private items: T[] = [];
  private head = 0;

  get first(): T | undefined {
    return this.items[this.head];
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T {
    const item = this.items[this.head++];
    if (this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }
}
