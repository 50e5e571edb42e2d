/**
 * ProjectionExpression, and the part of an item that a list of paths selects: for projections and for the UPDATED_OLD and
 * UPDATED_NEW answers. What a path selects keeps its place in maps; selected list members close up, in the list's order.
 */
import { checkPaths } from "./paths.ts";
import { ExpressionCache } from "./expression-cache.ts";
import { Scanner } from "./scanner.ts";
import { parsePath, throwFault } from "./syntax.ts";
import type { Binding } from "./binding.ts";
import type { Step, TextFaults } from "./syntax.ts";
import type { AttributeValue, Item, Path } from "../../../api.ts";

const expression = "ProjectionExpression";

interface Parsed {
  readonly paths: readonly (readonly Step[])[];
  readonly faults: TextFaults;
}

const cache = new ExpressionCache(parse);

/** The paths that `text` names with the request's placeholders. Throws ValidationException. */
export function readProjection(text: string, binding: Binding): Path[] {
  const { paths, faults } = cache.get(text);
  throwFault(expression, faults.reserved);
  const bound = paths.map((steps) => binding.path(steps));
  checkPaths(bound, binding);
  binding.throwFaults(expression, ["name", "overlap", "conflict"]);
  return bound;
}

function parse(text: string): Parsed {
  const scanner = new Scanner(text, expression);
  const faults: TextFaults = {};
  const paths: Step[][] = [];
  do paths.push(parsePath(scanner, faults));
  while (scanner.take(","));
  scanner.expectEnd();
  return { paths, faults };
}

/** The part of `item` that `paths` select; paths that lead nowhere select nothing. */
export function project(item: Item, paths: readonly Path[]): Item {
  return selectMap(item, paths, 0);
}

function select(value: AttributeValue, paths: readonly Path[], depth: number): AttributeValue | undefined {
  if (paths.some((path) => path.length === depth)) return value;
  if (value.M !== undefined) {
    const selected = selectMap(value.M, paths, depth);
    return Object.keys(selected).length === 0 ? undefined : { M: selected };
  }
  if (value.L === undefined) return undefined;
  const members: AttributeValue[] = [];
  for (const [index, inner] of byStep(paths, depth)) {
    const member = typeof index === "number" ? value.L[index] : undefined;
    const selected = member === undefined ? undefined : select(member, inner, depth + 1);
    if (selected !== undefined) members[index as number] = selected;
  }
  const dense = members.filter((member) => member !== undefined);
  return dense.length === 0 ? undefined : { L: dense };
}

function selectMap(map: Item, paths: readonly Path[], depth: number): Item {
  const selected: Record<string, AttributeValue> = {};
  for (const [name, inner] of byStep(paths, depth)) {
    if (typeof name === "number" || !Object.hasOwn(map, name)) continue;
    const value = select(map[name], inner, depth + 1);
    if (value !== undefined) selected[name] = value;
  }
  return selected;
}

function byStep(paths: readonly Path[], depth: number): Map<string | number, Path[]> {
  const groups = new Map<string | number, Path[]>();
  for (const path of paths) {
    const step = path[depth];
    const group = groups.get(step);
    if (group === undefined) groups.set(step, [path]);
    else group.push(path);
  }
  return groups;
}
