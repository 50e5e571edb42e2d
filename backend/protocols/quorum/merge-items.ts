/**
 * Concurrent versions of an item as one item, by a table's merge rule.
 *
 * Union is the shopping cart's rule (Dynamo, section 4.4): sets and maps are united, member by member, so nothing that was added
 * is lost; what was removed on one side only comes back. Everything else goes to the later write.
 */
import type { AttributeValue, Item } from "../../api.ts";
import type { Sibling } from "./versions.ts";

/** What a put without a context adds to: everything held here, and itself. Siblings then never outnumber the coordinators. */
export function absorb(siblings: readonly Sibling[], item: Item): Item {
  const held = unionOf(siblings);
  return held === null ? item : uniteMaps(held, item);
}

/** Null when every sibling is a deletion. Siblings in any order give the same item. */
export function unionOf(siblings: readonly Sibling[]): Item | null {
  const inOrder = [...siblings].sort(earlierFirst);
  let merged = null as Item | null;
  for (const { item } of inOrder) {
    if (item === null) continue;
    merged = merged === null ? item : uniteMaps(merged, item);
  }
  return merged;
}

/** The item of the latest write, deletions included. */
export function latestOf(siblings: readonly Sibling[]): Item | null {
  if (siblings.length === 0) return null;
  return [...siblings].sort(earlierFirst)[siblings.length - 1].item;
}

function earlierFirst(a: Sibling, b: Sibling): number {
  if (a.stamp !== b.stamp) return a.stamp - b.stamp;
  if (a.actor !== b.actor) return a.actor < b.actor ? -1 : 1;
  return a.counter - b.counter;
}

function uniteMaps(earlier: Item, later: Item): Item {
  const united: Record<string, AttributeValue> = { ...earlier };
  for (const [name, value] of Object.entries(later)) {
    const before = Object.hasOwn(earlier, name) ? earlier[name] : undefined;
    united[name] = before === undefined ? value : unite(before, value);
  }
  return united;
}

function unite(earlier: AttributeValue, later: AttributeValue): AttributeValue {
  if (earlier.M && later.M) return { M: uniteMaps(earlier.M, later.M) };
  if (earlier.SS && later.SS) return { SS: uniteSets(earlier.SS, later.SS) };
  if (earlier.NS && later.NS) return { NS: uniteSets(earlier.NS, later.NS) };
  if (earlier.BS && later.BS) return { BS: uniteSets(earlier.BS, later.BS) };
  return later;
}

function uniteSets(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])];
}
