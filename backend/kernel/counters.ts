/**
 * What nodes counted, put together. A number becomes its sum and, under `<name>ByNode`, a list; a list (by partition, by second)
 * becomes its element-wise sum and a list of lists.
 */

export type NodeCounters = Readonly<Record<string, number | readonly number[]>>;

export type Counters = Record<string, number | number[] | number[][]>;

/** `perNode[i]` is node i's; a node that counted nothing has an empty record. */
export function mergeCounters(perNode: readonly NodeCounters[]): Counters {
  const merged: Counters = {};
  const names = new Set(perNode.flatMap((counters) => Object.keys(counters)));
  for (const name of names) {
    const values = perNode.map((counters) => counters[name]);
    if (values.some(Array.isArray)) {
      const lists = values.map((value) => (Array.isArray(value) ? [...(value as number[])] : []));
      const width = Math.max(...lists.map((list) => list.length));
      merged[name] = Array.from({ length: width }, (_, i) => lists.reduce((sum, list) => sum + (list[i] ?? 0), 0));
      merged[`${name}ByNode`] = lists;
    } else {
      const numbers = values.map((value) => (value as number | undefined) ?? 0);
      merged[name] = numbers.reduce((sum, value) => sum + value, 0);
      merged[`${name}ByNode`] = numbers;
    }
  }
  return merged;
}
