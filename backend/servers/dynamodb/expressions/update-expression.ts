/**
 * UpdateExpression, by recursive descent.
 *
 *     update = section { section }                     each of the four at most once
 *     section = SET set {, set} | REMOVE path {, path} | ADD change {, change} | DELETE change {, change}
 *     set = path = operand [ (+ | -) operand ]          change = path value
 *     operand = value | path | if_not_exists(path, operand) | list_append(operand, operand)
 */
import { checkPaths } from "./paths.ts";
import { ExpressionCache } from "./expression-cache.ts";
import { Scanner } from "./scanner.ts";
import { parseOperand, parsePath, throwFault } from "./syntax.ts";
import type { Binding } from "./binding.ts";
import type { OperandSyntax, Step, TextFaults } from "./syntax.ts";
import type { Operand, UpdateAction } from "../../../api.ts";

const expression = "UpdateExpression";

type ActionSyntax =
  | { readonly kind: "set"; readonly steps: readonly Step[]; readonly operand: OperandSyntax }
  | { readonly kind: "remove"; readonly steps: readonly Step[] }
  | { readonly kind: "add" | "delete"; readonly steps: readonly Step[]; readonly placeholder: string };

interface Parsed {
  readonly actions: readonly ActionSyntax[];
  readonly faults: TextFaults;
}

const cache = new ExpressionCache(parse);

/** The actions that `text` means with the request's placeholders. Throws ValidationException. */
export function readUpdate(text: string, binding: Binding): UpdateAction[] {
  const { actions, faults } = cache.get(text);
  throwFault(expression, faults.reserved);
  const bound = actions.map((action) => bind(action, binding));
  binding.throwFaults(expression, ["unknown-function"]);
  throwFault(expression, faults.section);
  checkPaths(
    bound.map(({ path }) => path),
    binding,
  );
  binding.throwFaults(expression, ["name", "value", "overlap", "conflict", "operand", "function"]);
  return bound;
}

function parse(text: string): Parsed {
  const scanner = new Scanner(text, expression);
  const faults: TextFaults = {};
  const actions: ActionSyntax[] = [];
  const seen = new Set<string>();
  do {
    const token = scanner.next();
    const section = token.kind === "word" ? token.text.toUpperCase() : "";
    if (section !== "SET" && section !== "REMOVE" && section !== "ADD" && section !== "DELETE")
      throw scanner.syntax(token);
    if (seen.has(section)) faults.section ??= `The "${section}" section can only be used once in an update expression;`;
    seen.add(section);
    do actions.push(parseAction(section, scanner, faults));
    while (scanner.take(","));
  } while (scanner.peek().kind !== "end");
  return { actions, faults };
}

function parseAction(section: "SET" | "REMOVE" | "ADD" | "DELETE", scanner: Scanner, faults: TextFaults): ActionSyntax {
  const steps = parsePath(scanner, faults);
  if (section === "REMOVE") return { kind: "remove", steps };
  if (section === "SET") {
    scanner.expect("=");
    return { kind: "set", steps, operand: parseSum(scanner, faults) };
  }
  const token = scanner.next();
  if (token.kind !== "value") throw scanner.syntax(token);
  return { kind: section === "ADD" ? "add" : "delete", steps, placeholder: token.text };
}

function parseSum(scanner: Scanner, faults: TextFaults): OperandSyntax {
  const left = parseOperand(scanner, faults);
  for (const operator of ["+", "-"] as const) {
    if (scanner.take(operator)) return { kind: "sum", operator, left, right: parseOperand(scanner, faults) };
  }
  return left;
}

function bind(action: ActionSyntax, binding: Binding): UpdateAction {
  const path = binding.path(action.steps);
  switch (action.kind) {
    case "set":
      return { kind: "set", path, operand: bindOperand(action.operand, binding) };
    case "remove":
      return { kind: "remove", path };
    case "add":
    case "delete":
      checkChange(action, binding);
      return { kind: action.kind, path, value: binding.value(action.placeholder) };
  }
}

const typeNames = new Map([
  ["S", "STRING"],
  ["N", "NUMBER"],
  ["B", "BINARY"],
  ["NULL", "NULL"],
  ["BOOL", "BOOLEAN"],
  ["L", "LIST"],
  ["M", "MAP"],
]);

/** ADD takes a number or a set, DELETE a set. */
function checkChange(action: Extract<ActionSyntax, { kind: "add" | "delete" }>, binding: Binding): void {
  const type = binding.typeOf({ kind: "value", placeholder: action.placeholder });
  const name = type === undefined ? undefined : typeNames.get(type);
  if (name === undefined || (action.kind === "add" && type === "N")) return;
  const what = `operator: ${action.kind.toUpperCase()}, operand type: ${name}`;
  binding.fault("operand", `Incorrect operand type for operator or function; ${what}`);
}

function bindOperand(operand: OperandSyntax, binding: Binding): Operand {
  switch (operand.kind) {
    case "path":
      return { kind: "path", path: binding.path(operand.steps) };
    case "value":
      return { kind: "value", value: binding.value(operand.placeholder) };
    case "sum":
      for (const side of [operand.left, operand.right]) checkType(operand.operator, side, "N", binding);
      return {
        kind: operand.operator === "+" ? "plus" : "minus",
        left: bindOperand(operand.left, binding),
        right: bindOperand(operand.right, binding),
      };
    case "call":
      return bindCall(operand, binding);
  }
}

function bindCall(call: Extract<OperandSyntax, { kind: "call" }>, binding: Binding): Operand {
  const { name, args } = call;
  const bound = args.map((arg) => bindOperand(arg, binding));
  const [first, second] = bound;
  if (name !== "if_not_exists" && name !== "list_append") {
    binding.fault("unknown-function", `Invalid function name; function: ${name}`);
  } else if (args.length !== 2) {
    const what = `operator or function: ${name}, number of operands: ${args.length}`;
    binding.fault("function", `Incorrect number of operands for operator or function; ${what}`);
  } else if (name === "list_append") {
    for (const arg of args) checkType(name, arg, "L", binding);
    return { kind: "list-append", left: first, right: second };
  } else if (first.kind === "path") {
    return { kind: "if-not-exists", path: first.path, otherwise: second };
  } else {
    binding.fault("function", `Operator or function requires a document path; operator or function: ${name}`);
  }
  return first;
}

function checkType(name: string, operand: OperandSyntax, expected: string, binding: Binding): void {
  const type = binding.typeOf(operand);
  if (type === undefined || type === expected) return;
  const what = `operator or function: ${name}, operand type: ${type}`;
  binding.fault("function", `Incorrect operand type for operator or function; ${what}`);
}
