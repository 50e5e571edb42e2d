/** What waits, in the order in which it came; taken from either end in constant time. Room of those taken is given back now and then. */
export class WaitingLine<T> {
  private items: T[] = [];
  /** Of the oldest in `items`. */
  private head = 0;

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  takeOldest(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head++];
    if (this.head > 1_024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  takeNewest(): T | undefined {
    return this.length === 0 ? undefined : this.items.pop();
  }
}
