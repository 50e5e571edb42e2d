/** A store in memory for tests of state machines: what is put is there at once and nothing is ever durable. */
import { OrderedMap } from "../../kernel/ordered-map.ts";
import { maxKeyBytes } from "../../kernel/store.ts";
import type { Store, Value } from "../../kernel/store.ts";

export class MemoryStore implements Store {
  readonly map = new OrderedMap<Value>();
  writes = 0;

  get(key: string): Value | undefined {
    if (key.length > maxKeyBytes) throw new Error(`a look for a key of ${key.length} bytes`);
    return this.map.get(key);
  }

  put(): void {
    throw new Error("a state machine writes with putLater");
  }

  delete(): void {
    throw new Error("a state machine deletes with deleteLater");
  }

  putLater(key: string, value: Value): void {
    if (key.length > maxKeyBytes) throw new Error(`a key of ${key.length} bytes`);
    if (value === undefined) throw new Error("put of undefined");
    this.writes++;
    this.map.set(key, value);
  }

  deleteLater(key: string): void {
    this.writes++;
    this.map.delete(key);
  }

  scan(from: string, to: string, visit: (key: string, value: Value) => boolean | void): void {
    if (Math.max(from.length, to.length) > maxKeyBytes) throw new Error("a scan to where no key can be");
    this.map.scan(from, to, visit);
  }
}
