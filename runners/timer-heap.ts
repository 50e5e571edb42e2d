/**
 * Timers by slot: a slot has at most one, which is armed and disarmed by the slot's number. A disarmed timer leaves at once, so that
 * as many are here as somebody waits for: kept until they are due, the timeouts of a load of 30,000/s with 10 s of patience would be
 * 300,000, of which 300 matter.
 *
 * A four-ary heap of numbers, as the kernel's, and beside it the place of each slot in it. Timers of one instant leave in the order
 * in which they were armed.
 *
 *     heap      [ slot 7 | slot 2 | slot 9 | slot 4 | ... ]      by (time, order of arming)
 *     places      slot 2: 1, slot 4: 3, slot 7: 0, slot 9: 2      -1: not armed
 */

const notArmed = -1;

export class TimerHeap {
  private times: Float64Array;
  private sequences: Float64Array;
  private slots: Int32Array;
  /** By slot. Invariant: `slots[places[slot]]` is the slot, wherever it is not -1. */
  private places: Int32Array;
  private count = 0;
  private sequence = 0;

  constructor(capacity = 1_024) {
    this.times = new Float64Array(capacity);
    this.sequences = new Float64Array(capacity);
    this.slots = new Int32Array(capacity);
    this.places = new Int32Array(capacity).fill(notArmed);
  }

  /** Timers armed. */
  get size(): number {
    return this.count;
  }

  /** Time of the earliest timer; Infinity when none is armed. */
  get earliest(): number {
    return this.count === 0 ? Infinity : this.times[0];
  }

  /** Takes the place of the slot's timer, if it has one. */
  arm(slot: number, time: number): void {
    this.disarm(slot);
    if (this.count === this.times.length) this.growHeap();
    while (slot >= this.places.length) this.growPlaces();
    this.rise(this.count++, time, this.sequence++, slot);
  }

  /** Harmless when the slot has no timer. */
  disarm(slot: number): void {
    if (slot >= this.places.length) return;
    const place = this.places[slot];
    if (place !== notArmed) this.remove(place);
  }

  /** Disarms the earliest timer and returns its slot; -1 when none is armed. */
  pop(): number {
    if (this.count === 0) return -1;
    const slot = this.slots[0];
    this.remove(0);
    return slot;
  }

  private remove(place: number): void {
    this.places[this.slots[place]] = notArmed;
    const last = --this.count;
    if (place === last) return;
    const time = this.times[last];
    const sequence = this.sequences[last];
    const slot = this.slots[last];
    const parent = (place - 1) >> 2;
    if (place > 0 && this.leaves(time, sequence, parent)) this.rise(place, time, sequence, slot);
    else this.sink(place, time, sequence, slot);
  }

  private rise(from: number, time: number, sequence: number, slot: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 2;
      if (!this.leaves(time, sequence, parent)) break;
      this.move(parent, i);
      i = parent;
    }
    this.put(i, time, sequence, slot);
  }

  private sink(from: number, time: number, sequence: number, slot: number): void {
    let i = from;
    for (;;) {
      const first = 4 * i + 1;
      if (first >= this.count) break;
      let least = first;
      const end = Math.min(first + 4, this.count);
      for (let child = first + 1; child < end; child++) {
        if (this.leaves(this.times[child], this.sequences[child], least)) least = child;
      }
      if (this.leaves(time, sequence, least)) break;
      this.move(least, i);
      i = least;
    }
    this.put(i, time, sequence, slot);
  }

  /** Whether such a timer leaves before the one at `place`. */
  private leaves(time: number, sequence: number, place: number): boolean {
    const other = this.times[place];
    return time < other || (time === other && sequence < this.sequences[place]);
  }

  private move(from: number, to: number): void {
    this.put(to, this.times[from], this.sequences[from], this.slots[from]);
  }

  private put(place: number, time: number, sequence: number, slot: number): void {
    this.times[place] = time;
    this.sequences[place] = sequence;
    this.slots[place] = slot;
    this.places[slot] = place;
  }

  private growHeap(): void {
    const { times, sequences, slots } = this;
    const capacity = times.length * 2;
    this.times = new Float64Array(capacity);
    this.times.set(times);
    this.sequences = new Float64Array(capacity);
    this.sequences.set(sequences);
    this.slots = new Int32Array(capacity);
    this.slots.set(slots);
  }

  private growPlaces(): void {
    const { places } = this;
    this.places = new Int32Array(places.length * 2).fill(notArmed);
    this.places.set(places);
  }
}
