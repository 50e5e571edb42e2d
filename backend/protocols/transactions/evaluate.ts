/** What a part of a transaction comes to under its locks: values read, conditions judged, writes worked out. */
import type { DatabaseCondition, DatabaseWrite, DatabaseValue, VersionedValue } from "../../api-database.ts";
import type { Outcome, Part } from "./messages.ts";
import type { Cell } from "./tablet-machine.ts";

export interface Evaluated {
  readonly values: readonly VersionedValue[];
  readonly cells: readonly Cell[];
}

/** @returns the refusal when a condition does not hold or a write makes no sense */
export function evaluate(
  { reads, writes, conditions }: Part,
  newest: (key: string) => VersionedValue,
): Evaluated | Extract<Outcome, { kind: "refused" }> {
  for (const condition of conditions) {
    const { value } = newest(condition.key);
    if (!holds(condition, value)) {
      const message = `${condition.key} is ${JSON.stringify(value)}; expected ${expectation(condition)}`;
      return { kind: "refused", code: "condition-failed", message };
    }
  }
  const cells: Cell[] = [];
  for (const write of writes) {
    if (write.kind === "add" && typeof newest(write.key).value === "string") {
      return {
        kind: "refused",
        code: "invalid",
        message: `${write.key} is a text; "add" needs a number or nothing there`,
      };
    }
    cells.push([write.key, valueOf(write, newest)]);
  }
  return { values: reads.map(newest), cells };
}

function valueOf(write: DatabaseWrite, newest: (key: string) => VersionedValue): DatabaseValue | null {
  switch (write.kind) {
    case "set":
      return write.value;
    case "add":
      return ((newest(write.key).value as number | null) ?? 0) + write.delta;
    case "delete":
      return null;
  }
}

function holds(condition: DatabaseCondition, value: DatabaseValue | null): boolean {
  if (condition.kind === "equals") return value === condition.value;
  return typeof value !== "string" && (value ?? 0) >= condition.value;
}

function expectation(condition: DatabaseCondition): string {
  return condition.kind === "equals" ? JSON.stringify(condition.value) : `at least ${condition.value}`;
}

/** Keys that a part reads and does not write: its shared locks. */
export function sharedKeys({ reads, writes, conditions }: Part): string[] {
  const written = new Set(writes.map(({ key }) => key));
  const read = new Set([...reads, ...conditions.map(({ key }) => key)]);
  return [...read].filter((key) => !written.has(key));
}
