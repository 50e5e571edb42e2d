/**
 * A four-ary heap of numbers: an entry is (time, sequence, slot). It holds no objects: times and sequences live in one
 * Float64Array, slots in another, so that a sift touches two cache lines a level and the collector never looks at it.
 * Entries at the same time leave in the order of their sequence, which makes a simulation a function of its seed.
 */

export class TimeHeap {
  private times: Float64Array;
  private sequences: Float64Array;
  private slots: Int32Array;
  private count = 0;

  constructor(capacity = 1_024) {
    this.times = new Float64Array(capacity);
    this.sequences = new Float64Array(capacity);
    this.slots = new Int32Array(capacity);
  }

  get size(): number {
    return this.count;
  }

  /** Time of the earliest entry; Infinity when empty. */
  get earliest(): number {
    return this.count === 0 ? Infinity : this.times[0];
  }

  push(time: number, sequence: number, slot: number): void {
    if (this.count === this.times.length) this.grow();
    let i = this.count++;
    while (i > 0) {
      const parent = (i - 1) >> 2;
      if (!before(time, sequence, this.times[parent], this.sequences[parent])) break;
      this.copy(parent, i);
      i = parent;
    }
    this.set(i, time, sequence, slot);
  }

  /** Removes the earliest entry and returns its slot; -1 when empty. */
  pop(): number {
    if (this.count === 0) return -1;
    const top = this.slots[0];
    const last = --this.count;
    if (last > 0) this.sink(this.times[last], this.sequences[last], this.slots[last]);
    return top;
  }

  private sink(time: number, sequence: number, slot: number): void {
    let i = 0;
    for (;;) {
      const first = 4 * i + 1;
      if (first >= this.count) break;
      let least = first;
      const end = Math.min(first + 4, this.count);
      for (let child = first + 1; child < end; child++) {
        if (before(this.times[child], this.sequences[child], this.times[least], this.sequences[least])) least = child;
      }
      if (!before(this.times[least], this.sequences[least], time, sequence)) break;
      this.copy(least, i);
      i = least;
    }
    this.set(i, time, sequence, slot);
  }

  private copy(from: number, to: number): void {
    this.times[to] = this.times[from];
    this.sequences[to] = this.sequences[from];
    this.slots[to] = this.slots[from];
  }

  private set(i: number, time: number, sequence: number, slot: number): void {
    this.times[i] = time;
    this.sequences[i] = sequence;
    this.slots[i] = slot;
  }

  private grow(): void {
    const capacity = this.times.length * 2;
    const wider = (from: Float64Array): Float64Array => {
      const to = new Float64Array(capacity);
      to.set(from);
      return to;
    };
    this.times = wider(this.times);
    this.sequences = wider(this.sequences);
    const slots = new Int32Array(capacity);
    slots.set(this.slots);
    this.slots = slots;
  }
}

function before(timeA: number, sequenceA: number, timeB: number, sequenceB: number): boolean {
  return timeA < timeB || (timeA === timeB && sequenceA < sequenceB);
}
