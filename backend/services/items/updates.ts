/**
 * Update expressions applied to an item. All actions see the item as it was before any of them, so they commute: they are
 * gathered into one tree of edits, by path, and a single walk down that tree builds the new item. Untouched parts are shared
 * with the old one, and nothing that was given is changed.
 *
 *     SET a.b = :x, a.c[0] = :y REMOVE d        a -- b = :x
 *                                               |    c -- 0 = :y
 *                                               d removed
 */
import { itemBytes } from "../../policies/capacity/request-units.ts";
import { addDecimals, decimalText, negate, parseDecimal, rangeError } from "../../kernel/decimal.ts";
import { hasMember, maxItemBytes, ownMember, typeOf, valueAt } from "./values.ts";
import type { AttributeValue, Item, Operand, Path, UpdateAction } from "../../api.ts";

export type Updated = { readonly kind: "ok"; readonly item: Item } | Invalid;

export interface Invalid {
  readonly kind: "invalid";
  readonly message: string;
}

type Evaluated = { readonly kind: "ok"; readonly value: AttributeValue | undefined } | Invalid;

interface Edit {
  action: UpdateAction | null;
  readonly children: Map<string | number, Edit>;
}

const badPath = invalid("The document path provided in the update expression is invalid for update");
const badType = invalid("An operand in the update expression has an incorrect data type");
const missing = invalid("The provided expression refers to an attribute that does not exist in the item");

/**
 * The item after `actions`, which have no two overlapping paths. Where there is no item, an update begins from its key.
 * Invalid updates, with DynamoDB's message, change nothing.
 */
export function applyUpdate(item: Item | null, key: Item, actions: readonly UpdateAction[]): Updated {
  const before = item ?? key;
  const root: Edit = { action: null, children: new Map() };
  for (const action of actions) {
    const failure = plant(root, action);
    if (failure !== null) return failure;
  }
  const edited = editMap(before, root, before);
  if (edited.kind === "invalid") return edited;
  const after = edited.value!.M!;
  if (itemBytes(after) > maxItemBytes) {
    return invalid("Item size to update has exceeded the maximum allowed size");
  }
  return { kind: "ok", item: after };
}

function invalid(message: string): Invalid {
  return { kind: "invalid", message };
}

function ok(value: AttributeValue | undefined): Evaluated {
  return { kind: "ok", value };
}

/** Adds one action to the tree. Two actions on one path, or one inside the other, have no defined result. */
function plant(root: Edit, action: UpdateAction): Invalid | null {
  let edit = root;
  for (const step of action.path) {
    // Assigning this one name would replace the object's prototype instead.
    if (step === "__proto__") return badPath;
    if (edit.action !== null) return overlap(action.path);
    let next = edit.children.get(step);
    if (next === undefined) {
      next = { action: null, children: new Map() };
      edit.children.set(step, next);
    }
    edit = next;
  }
  if (edit.action !== null || edit.children.size > 0 || edit === root) return overlap(action.path);
  edit.action = action;
  return null;
}

function overlap(path: Path): Invalid {
  return invalid(
    `Two document paths overlap with each other; must remove or rewrite one of these paths; path: [${path.join(", ")}]`,
  );
}

function editValue(value: AttributeValue | undefined, edit: Edit, before: Item): Evaluated {
  if (edit.action !== null) return act(edit.action, value, before);
  if (value?.M !== undefined) return editMap(value.M, edit, before);
  if (value?.L !== undefined) return editList(value.L, edit, before);
  return badPath;
}

function editMap(map: Item, edit: Edit, before: Item): Evaluated {
  const copy: Record<string, AttributeValue> = { ...map };
  for (const [name, child] of edit.children) {
    if (typeof name === "number") return badPath;
    const edited = editValue(ownMember(map, name), child, before);
    if (edited.kind === "invalid") return edited;
    if (edited.value === undefined) delete copy[name];
    else copy[name] = edited.value;
  }
  return ok({ M: copy });
}

/** Indexes mean the list as it was: removed members leave a hole until the end, members past the end are appended in order. */
function editList(list: readonly AttributeValue[], edit: Edit, before: Item): Evaluated {
  const copy: (AttributeValue | undefined)[] = [...list];
  const appended: { index: number; value: AttributeValue }[] = [];
  for (const [index, child] of edit.children) {
    if (typeof index === "string") return badPath;
    const edited = editValue(list[index], child, before);
    if (edited.kind === "invalid") return edited;
    if (index < list.length) copy[index] = edited.value;
    else if (edited.value !== undefined) appended.push({ index, value: edited.value });
  }
  appended.sort((a, b) => a.index - b.index);
  const kept = copy.filter((value) => value !== undefined);
  return ok({ L: [...kept, ...appended.map(({ value }) => value)] });
}

function act(action: UpdateAction, value: AttributeValue | undefined, before: Item): Evaluated {
  switch (action.kind) {
    case "set":
      return evaluate(action.operand, before);
    case "remove":
      return ok(undefined);
    case "add":
      return add(value, action.value);
    case "delete":
      return subtractSet(value, action.value);
  }
}

function evaluate(operand: Operand, before: Item): Evaluated {
  switch (operand.kind) {
    case "value":
      return ok(operand.value);
    case "path": {
      const value = valueAt(before, operand.path);
      return value === undefined ? missing : ok(value);
    }
    case "if-not-exists": {
      const value = valueAt(before, operand.path);
      return value === undefined ? evaluate(operand.otherwise, before) : ok(value);
    }
    default:
      return combine(operand, before);
  }
}

function combine(operand: Extract<Operand, { left: Operand }>, before: Item): Evaluated {
  const left = evaluate(operand.left, before);
  if (left.kind === "invalid") return left;
  const right = evaluate(operand.right, before);
  if (right.kind === "invalid") return right;
  const a = left.value!;
  const b = right.value!;
  if (operand.kind !== "list-append") return sum(a, b, operand.kind === "minus");
  if (a.L === undefined || b.L === undefined) return badType;
  return ok({ L: [...a.L, ...b.L] });
}

function sum(a: AttributeValue, b: AttributeValue, minus: boolean): Evaluated {
  if (a.N === undefined || b.N === undefined) return badType;
  const left = parseDecimal(a.N);
  const right = parseDecimal(b.N);
  if (left === null || right === null) return badType;
  const total = addDecimals(left, minus ? negate(right) : right);
  const failure = rangeError(total);
  return failure === null ? ok({ N: decimalText(total) }) : invalid(failure);
}

function add(value: AttributeValue | undefined, addend: AttributeValue): Evaluated {
  const type = typeOf(addend);
  if (type === "N") return value === undefined ? ok(addend) : sum(value, addend, false);
  if (type !== "SS" && type !== "NS" && type !== "BS") return badType;
  if (value === undefined) return ok(addend);
  const set = value[type];
  if (set === undefined) return badType;
  const fresh = addend[type]!.filter((member) => !hasMember(set, member, type === "NS"));
  return ok({ [type]: [...set, ...fresh] });
}

/** A set that loses its last member is no longer there: DynamoDB has no empty sets. */
function subtractSet(value: AttributeValue | undefined, removed: AttributeValue): Evaluated {
  const type = typeOf(removed);
  if (type !== "SS" && type !== "NS" && type !== "BS") return badType;
  if (value === undefined) return ok(undefined);
  const set = value[type];
  if (set === undefined) return badType;
  const left = set.filter((member) => !hasMember(removed[type]!, member, type === "NS"));
  return ok(left.length === 0 ? undefined : { [type]: left });
}
