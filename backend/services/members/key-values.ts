/**
 * The smallest service that a ring can carry: sets of values in their owner's memory, that follow their key when the ring changes. A value
 * is lost with its owner; what is shown is who serves what, and that keys change hands.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { HandOverUser } from "../../protocols/ringpop/hand-overs.ts";

export interface Served {
  readonly values: readonly string[];
  readonly by: NodeId;
  readonly now: Micros;
}

export class KeyValues implements HandOverUser<readonly string[]> {
  private readonly values = new Map<string, Set<string>>();

  get keys(): Iterable<string> {
    return this.values.keys();
  }

  get size(): number {
    return this.values.size;
  }

  /** @param value null: only looks */
  add(key: string, value: string | null): readonly string[] {
    const held = this.values.get(key);
    if (value === null) return [...(held ?? [])];
    if (held === undefined) this.values.set(key, new Set([value]));
    else held.add(value);
    return [...this.values.get(key)!];
  }

  clear(): void {
    this.values.clear();
  }

  goodsOf(key: string): readonly string[] | undefined {
    const held = this.values.get(key);
    return held && [...held];
  }

  take(key: string, goods: readonly string[]): void {
    for (const value of goods) this.add(key, value);
  }

  onTaken(key: string): void {
    this.values.delete(key);
  }
}
