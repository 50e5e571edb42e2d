/**
 * Under which incarnation a member appears: above its last one, which its store has, and where that was lost above what its clock has
 * counted, milliseconds. Should it be known under a higher one all the same, it hears so and goes above that.
 */
import type { Wall } from "../../kernel/env.ts";
import type { Store } from "../../kernel/store.ts";

const key = "swim incarnation";

export function nextIncarnation(store: Store, wall: Wall): number {
  const last = store.get(key);
  return Math.max(1, typeof last === "number" ? last + 1 : 0, Math.floor(wall.latest / 1_000));
}

/** Nobody hears of an incarnation before it is durable, because what a turn sends waits for what it wrote. */
export function storeIncarnation(store: Store, incarnation: number): void {
  store.put(key, incarnation);
}
