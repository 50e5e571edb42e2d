/**
 * The obvious table service: one node, one map a table, nothing lost and nothing concurrent. It is what replicated tables
 * must be indistinguishable from while nothing fails, and what a front door is tested against.
 *
 * On a siblings table a put without the context of a read is concurrent with what it did not see and is kept beside it; the
 * context is the number of the last write seen. Union tables unite nothing here, since nothing is ever concurrent.
 */
import { itemBytes } from "../../policies/capacity/request-units.ts";
import { holds } from "./conditions.ts";
import { itemKeyError, keyError, keyOf, storeKey, updateKeyError } from "./keys.ts";
import { applyUpdate } from "./updates.ts";
import { maxItemBytes } from "./values.ts";
import type { Answer, Condition, Item, Request, Result, TableDescription, TableRequest, TableSpec } from "../../api.ts";

interface Version {
  readonly number: number;
  readonly item: Item;
}

interface Table {
  readonly description: TableDescription;
  /** Versions of each row, newest last; never empty. */
  readonly rows: Map<string, readonly Version[]>;
}

type Write = Extract<TableRequest, { kind: "put" | "update" | "delete" }>;

export class MemoryTables {
  private readonly tables = new Map<string, Table>();
  private writes = 0;

  handle(asked: Request): Answer {
    if (!("table" in asked) && asked.kind !== "list-tables") return refused("invalid", `tables do no ${asked.kind}`);
    const request = asked;
    switch (request.kind) {
      case "create-table":
        return this.create(request.table);
      case "list-tables":
        return this.list(request.after ?? "", request.limit);
      default: {
        const name = request.table;
        const table = this.tables.get(name);
        if (table === undefined) return refused("not-found", `no table ${name}`);
        return this.onTable(request, table);
      }
    }
  }

  private onTable(request: Exclude<TableRequest, { kind: "create-table" | "list-tables" }>, table: Table): Answer {
    switch (request.kind) {
      case "delete-table":
        this.tables.delete(request.table);
        return ok({ kind: "table", table: table.description });
      case "describe-table":
        return ok({ kind: "table", table: table.description });
      case "get":
        return this.get(request, table);
      default:
        return this.write(request, table);
    }
  }

  private create(spec: TableSpec): Answer {
    if (this.tables.has(spec.name)) return refused("exists", `table ${spec.name} exists`);
    const description: TableDescription = { ...spec, status: "ACTIVE", createdAt: 0, id: `memory-${spec.name}` };
    this.tables.set(spec.name, { description, rows: new Map() });
    return ok({ kind: "table", table: description });
  }

  private list(after: string, limit: number): Answer {
    const names = [...this.tables.keys()].filter((name) => name > after).sort();
    return ok({ kind: "tables", names: names.slice(0, limit), more: names.length > limit });
  }

  private get(request: Extract<TableRequest, { kind: "get" }>, { description, rows }: Table): Answer {
    const failure = keyError(description, request.key);
    if (failure !== null) return refused("invalid", failure);
    const versions = rows.get(storeKey(description, request.key).rowKey) ?? [];
    const item = versions.at(-1)?.item ?? null;
    const units = Math.max(1, Math.ceil(bytes(item) / 4_096)) / (request.consistent ? 1 : 2);
    const siblings = versions.map((version) => version.item);
    const context = String(versions.at(-1)?.number ?? 0);
    return ok({ kind: "item", item, siblings, context, units, merge: description.merge });
  }

  private write(request: Write, { description, rows }: Table): Answer {
    const key = request.kind === "put" ? request.item : request.key;
    const failure = request.kind === "put" ? itemKeyError(description, key) : keyError(description, key);
    if (failure !== null) return refused("invalid", failure);
    const { rowKey } = storeKey(description, key);
    const versions = rows.get(rowKey) ?? [];
    const before = versions.at(-1)?.item ?? null;
    const rowAfter = after(request, description, before);
    if ("kind" in rowAfter) return rowAfter;
    const number = ++this.writes;
    const kept = request.kind === "put" && description.merge === "siblings" ? unseen(versions, request.context) : [];
    if (rowAfter.item === null) rows.delete(rowKey);
    else rows.set(rowKey, [...kept, { number, item: rowAfter.item }]);
    const units = Math.max(1, Math.ceil(Math.max(bytes(before), bytes(rowAfter.item)) / 1_024));
    return ok({ kind: "written", before, after: rowAfter.item, context: String(number), units });
  }
}

function ok(result: Result): Answer {
  return { kind: "ok", result };
}

function refused(
  code: Extract<Answer, { kind: "refused" }>["code"],
  message: string,
): Extract<Answer, { kind: "refused" }> {
  return { kind: "refused", code, message };
}

function bytes(item: Item | null): number {
  return item === null ? 0 : itemBytes(item);
}

function unseen(versions: readonly Version[], context: string | undefined): readonly Version[] {
  return versions.filter((version) => version.number > Number(context ?? 0));
}

/** The row after a write, in the order in which the service checks: its shape, then its condition, then its effect. */
function after(
  request: Write,
  table: TableSpec,
  before: Item | null,
): { readonly item: Item | null } | Extract<Answer, { kind: "refused" }> {
  if (request.kind === "put" && bytes(request.item) > maxItemBytes) {
    return refused("invalid", "Item size has exceeded the maximum allowed size");
  }
  const failure = request.kind === "update" ? updateKeyError(table, request.actions) : null;
  if (failure !== null) return refused("invalid", failure);
  if (!conditionHolds(request.condition, before)) {
    const answer = refused("condition-failed", "The conditional request failed");
    return before === null ? answer : { ...answer, item: before };
  }
  if (request.kind === "put") return { item: request.item };
  if (request.kind === "delete") return { item: null };
  const updated = applyUpdate(before, keyOf(table, request.key), request.actions);
  return updated.kind === "ok" ? { item: updated.item } : refused("invalid", updated.message);
}

function conditionHolds(condition: Condition | undefined, item: Item | null): boolean {
  return condition === undefined || holds(condition, item);
}
