/**
 * Pending events as parallel arrays: a slot holds one event's kind, node, epoch, number and two payloads; the heap orders slots
 * by (time, sequence). A cancelled timer keeps its slot until it comes due, and a slot's generation tells a stale timer id.
 */
import { strict as assert } from "node:assert";
import { TimeHeap } from "../../kernel/heap.ts";
import type { TimerId } from "../../kernel/env.ts";
import type { Micros } from "../../kernel/units.ts";

export const eventKinds = {
  none: 0,
  message: 1,
  request: 2,
  timer: 3,
  drain: 4,
  flushed: 5,
  answer: 6,
  callback: 7,
} as const;

const initialSlots = 1_024;
const slotLimit = 2 ** 22;

export class EventQueue {
  kind = new Uint8Array(initialSlots);
  node = new Int32Array(initialSlots);
  epoch = new Int32Array(initialSlots);
  /** Sender, request id or timer key. */
  number = new Float64Array(initialSlots);
  time = new Float64Array(initialSlots);
  readonly first: unknown[] = [];
  readonly second: unknown[] = [];
  private generation = new Int32Array(initialSlots);
  private readonly heap = new TimeHeap();
  private readonly free: number[] = [];
  private used = 0;
  private sequence = 0;

  get earliest(): Micros {
    return this.heap.earliest;
  }

  get pending(): number {
    return this.heap.size;
  }

  push(at: Micros, kind: number, node: number, epoch: number, number: number, first: unknown, second: unknown): number {
    const slot = this.free.length > 0 ? this.free.pop()! : this.used++;
    if (slot === this.kind.length) this.grow();
    this.kind[slot] = kind;
    this.node[slot] = node;
    this.epoch[slot] = epoch;
    this.number[slot] = number;
    this.time[slot] = at;
    this.first[slot] = first;
    this.second[slot] = second;
    this.heap.push(at, this.sequence++, slot);
    return slot;
  }

  /** The slot of the earliest event, taken off the heap; give it back with `release` once it was read. */
  pop(): number {
    return this.heap.pop();
  }

  release(slot: number): void {
    this.first[slot] = null;
    this.second[slot] = null;
    this.generation[slot]++;
    this.free.push(slot);
  }

  timerId(slot: number): TimerId {
    return (this.generation[slot] + 1) * slotLimit + slot;
  }

  /** Turns the timer's event into nothing if it is still pending. */
  cancel(timer: TimerId): void {
    const slot = timer % slotLimit;
    if (this.timerId(slot) === timer && this.kind[slot] === eventKinds.timer) this.kind[slot] = eventKinds.none;
  }

  private grow(): void {
    const slots = this.kind.length * 2;
    assert(slots <= slotLimit, `at most ${slotLimit} events can be pending at once`);
    this.kind = widen(this.kind, new Uint8Array(slots));
    this.node = widen(this.node, new Int32Array(slots));
    this.epoch = widen(this.epoch, new Int32Array(slots));
    this.number = widen(this.number, new Float64Array(slots));
    this.time = widen(this.time, new Float64Array(slots));
    this.generation = widen(this.generation, new Int32Array(slots));
  }
}

function widen<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}
