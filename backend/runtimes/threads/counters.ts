/** Counters summed over nodes and, under the name followed by `ByNode`, listed by node. Lists are summed place by place. */
import type { NodeId } from "../../kernel/units.ts";

export type Counters = Record<string, number | number[] | number[][]>;

/** Adds what one node counted. */
export function addCounters(sum: Counters, node: NodeId, counted: Record<string, number | number[]>): void {
  for (const [name, value] of Object.entries(counted)) {
    const list = (sum[`${name}ByNode`] ??= []) as (number | number[])[];
    const before = list[node];
    list[node] = before === undefined ? value : added(before, value);
    const total = sum[name] as number | number[] | undefined;
    sum[name] = total === undefined ? value : added(total, value);
  }
}

/** Merges what several threads counted; each node is counted by one of them. */
export function mergeCounters(parts: readonly Counters[]): Counters {
  const merged: Counters = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      if (!name.endsWith("ByNode")) continue;
      const plain = name.slice(0, -"ByNode".length);
      for (const [node, counted] of (value as (number | number[] | undefined)[]).entries()) {
        if (counted !== undefined) addCounters(merged, node, { [plain]: counted });
      }
    }
  }
  return merged;
}

function added(a: number | number[], b: number | number[]): number | number[] {
  if (typeof a === "number" || typeof b === "number") return Number(a) + Number(b);
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + (b[i] ?? 0));
}
