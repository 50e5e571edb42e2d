/**
 * What a transaction must satisfy before anything of it happens, and which way it goes. After etcd: all comparisons, those of nested
 * transactions too, look at the store as it was before the transaction; no key is changed twice on any way through it.
 */
import type { Comparison, KeyRange, KeyValue, Txn, TxnStep } from "../../api-coordination.ts";
import type { KeyHistory } from "./key-history.ts";
import { compareValues } from "./range-query.ts";

/** The chosen branch, nested ones chosen too. */
export interface Chosen {
  readonly succeeded: boolean;
  readonly steps: readonly TxnStep[];
  /** Of the steps that are transactions, in order. */
  readonly nested: readonly Chosen[];
}

export function choose(history: KeyHistory, txn: Txn): Chosen {
  const succeeded = txn.compare.every((comparison) => holds(history, comparison));
  const steps = succeeded ? txn.success : txn.failure;
  const nested = steps.filter((step) => step.kind === "txn").map((step) => choose(history, step));
  return { succeeded, steps, nested };
}

const absent: KeyValue = { key: "", value: "", createRevision: 0, modRevision: 0, version: 0, lease: 0 };

function holds(history: KeyHistory, comparison: Comparison): boolean {
  let all = true;
  let found = false;
  history.scan(comparison, 0, (entry) => {
    found = true;
    all = compares(comparison, entry);
    return all;
  });
  if (found) return all;
  // No value equals, or differs from, that of a key that does not exist.
  return comparison.target !== "value" && compares(comparison, absent);
}

function compares(comparison: Comparison, entry: KeyValue): boolean {
  const order =
    comparison.target === "value"
      ? compareValues(entry.value, String(comparison.operand))
      : numberOf(comparison, entry) - Number(comparison.operand);
  switch (comparison.operator) {
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
    case "<":
      return order < 0;
    case ">":
      return order > 0;
  }
}

function numberOf({ target }: Comparison, entry: KeyValue): number {
  switch (target) {
    case "version":
      return entry.version;
    case "create":
      return entry.createRevision;
    case "mod":
      return entry.modRevision;
    default:
      return entry.lease;
  }
}

interface Touched {
  readonly puts: Set<string>;
  readonly deletes: KeyRange[];
}

/** Whether some way through the steps puts a key twice, or puts and deletes it. */
export function changesTwice(txn: Txn): boolean {
  return touched(txn.success) === undefined || touched(txn.failure) === undefined;
}

/** What steps may change; undefined when they may change a key twice. */
function touched(steps: readonly TxnStep[]): Touched | undefined {
  const puts = new Set<string>();
  const deletes: KeyRange[] = steps.filter((step) => step.kind === "delete-range");
  for (const step of steps) {
    if (step.kind !== "txn") continue;
    const then = touched(step.success);
    const otherwise = touched(step.failure);
    if (then === undefined || otherwise === undefined) return undefined;
    // Of the two branches one is taken, so both may put one key.
    for (const key of new Set([...then.puts, ...otherwise.puts])) {
      if (puts.has(key) || deletes.some((range) => contains(range, key))) return undefined;
      puts.add(key);
    }
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const step of steps) {
    if (step.kind !== "put") continue;
    if (puts.has(step.key) || deletes.some((range) => contains(range, step.key))) return undefined;
    puts.add(step.key);
  }
  return { puts, deletes };
}

function contains({ key, end }: KeyRange, sought: string): boolean {
  if (end === undefined) return sought === key;
  return sought >= key && (end === "\0" || sought < end);
}
