/**
 * What is under way, by its number: numbers are given in increasing order, almost everything is taken out again soon, and the oldest
 * left is not far behind the newest. A ring of slots, doubled when two numbers that are both there want the same one.
 *
 *     slots   [ 96 | 89 | 90 |    |    | 93 | 94 | 95 ]      number n lives in slot n mod 8
 *
 * A Map would do the same and ruin the collector's work: each rehash leaves the old table pointing to the new one, so once one table
 * has been promoted, dead or not, it keeps all later ones and whatever they held alive until the next full collection. Under load
 * every request was promoted that way.
 */

const firstCapacity = 64;
const free = -1;

export class OpenTable<Value> {
  size = 0;
  private ids: number[] = emptyIds(firstCapacity);
  private values: (Value | undefined)[] = emptyValues(firstCapacity);

  get(id: number): Value | undefined {
    const slot = id % this.ids.length;
    return this.ids[slot] === id ? this.values[slot] : undefined;
  }

  /** `id` must not be negative. */
  set(id: number, value: Value): void {
    let slot = id % this.ids.length;
    while (this.ids[slot] !== free && this.ids[slot] !== id) {
      this.grow();
      slot = id % this.ids.length;
    }
    if (this.ids[slot] === free) this.size++;
    this.ids[slot] = id;
    this.values[slot] = value;
  }

  delete(id: number): boolean {
    const slot = id % this.ids.length;
    if (this.ids[slot] !== id) return false;
    this.ids[slot] = free;
    this.values[slot] = undefined;
    this.size--;
    return true;
  }

  /** What is there, by increasing number. A copy: the table may change meanwhile. */
  entries(): [number, Value][] {
    const found: [number, Value][] = [];
    // Plain loops: this runs many times a second, and after a burst the ring is long and all but empty.
    for (let slot = 0; found.length < this.size; slot++) {
      if (this.ids[slot] !== free) found.push([this.ids[slot], this.values[slot]!]);
    }
    return found.sort(([a], [b]) => a - b);
  }

  private grow(): void {
    const { ids, values } = this;
    const capacity = ids.length * 2;
    this.ids = emptyIds(capacity);
    this.values = emptyValues(capacity);
    for (let slot = 0; slot < ids.length; slot++) {
      if (ids[slot] === free) continue;
      this.ids[ids[slot] % capacity] = ids[slot];
      this.values[ids[slot] % capacity] = values[slot];
    }
  }
}

function emptyIds(capacity: number): number[] {
  return Array.from({ length: capacity }, () => free);
}

function emptyValues<Value>(capacity: number): (Value | undefined)[] {
  return Array.from({ length: capacity }, () => undefined);
}
