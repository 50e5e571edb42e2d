/**
 * ConditionExpression, by recursive descent. Precedence as in the service: NOT binds before AND, AND before OR.
 *
 *     or      = and { OR and }            not     = NOT not | "(" or ")" | test
 *     and     = not { AND not }           test    = operand comparator operand | function "(" path ")"
 *
 * A test compares a path with a value, either way round. BETWEEN, IN, size, contains, begins_with, attribute_type and
 * comparisons of two paths are recognised and refused by name.
 */
import { ExpressionCache } from "./expression-cache.ts";
import { Scanner } from "./scanner.ts";
import { parseOperand, throwFault } from "./syntax.ts";
import type { Binding } from "./binding.ts";
import type { OperandSyntax, TextFaults } from "./syntax.ts";
import type { Condition } from "../../../api.ts";

const expression = "ConditionExpression";

type Comparator = Extract<Condition, { kind: "compare" }>["operator"];

type ConditionSyntax =
  | { readonly kind: "and" | "or"; readonly left: ConditionSyntax; readonly right: ConditionSyntax }
  | { readonly kind: "not"; readonly inner: ConditionSyntax }
  | {
      readonly kind: "compare";
      readonly operator: Comparator;
      readonly left: OperandSyntax;
      readonly right: OperandSyntax;
    }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly OperandSyntax[] };

interface Parsed {
  readonly root: ConditionSyntax;
  readonly faults: TextFaults;
}

const comparators: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);
const flipped: Record<Comparator, Comparator> = { "=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

/** Operands of each function, of this backend and (false) of the service only. */
const functions = new Map([
  ["attribute_exists", { operands: 1, supported: true }],
  ["attribute_not_exists", { operands: 1, supported: true }],
  ["attribute_type", { operands: 2, supported: false }],
  ["begins_with", { operands: 2, supported: false }],
  ["contains", { operands: 2, supported: false }],
  ["size", { operands: 1, supported: false }],
]);

const cache = new ExpressionCache(parse);

/** The condition that `text` means with the request's placeholders. Throws ValidationException. */
export function readCondition(text: string, binding: Binding): Condition {
  const { root, faults } = cache.get(text);
  throwFault(expression, faults.parentheses);
  const condition = bind(root, binding);
  binding.throwFaults(expression, ["unknown-function", "misused"]);
  throwFault(expression, faults.reserved);
  binding.throwFaults(expression, ["name", "value", "operand", "function"]);
  return condition;
}

function parse(text: string): Parsed {
  const scanner = new Scanner(text, expression);
  const faults: TextFaults = {};
  const root = parseOr(scanner, faults);
  scanner.expectEnd();
  return { root, faults };
}

function parseOr(scanner: Scanner, faults: TextFaults): ConditionSyntax {
  let left = parseAnd(scanner, faults);
  while (scanner.takeWord("OR")) left = { kind: "or", left, right: parseAnd(scanner, faults) };
  return left;
}

function parseAnd(scanner: Scanner, faults: TextFaults): ConditionSyntax {
  let left = parseNot(scanner, faults);
  while (scanner.takeWord("AND")) left = { kind: "and", left, right: parseNot(scanner, faults) };
  return left;
}

function parseNot(scanner: Scanner, faults: TextFaults): ConditionSyntax {
  if (scanner.takeWord("NOT")) return { kind: "not", inner: scanner.nested(() => parseNot(scanner, faults)) };
  if (!scanner.take("(")) return parseTest(scanner, faults);
  const inner = scanner.group(() => parseOr(scanner, faults));
  if (scanner.groupIsRedundant) faults.parentheses ??= "The expression has redundant parentheses;";
  return inner;
}

function parseTest(scanner: Scanner, faults: TextFaults): ConditionSyntax {
  const left = parseOperand(scanner, faults);
  const token = scanner.peek();
  if (token.kind === "symbol" && comparators.has(token.text)) {
    scanner.next();
    return { kind: "compare", operator: token.text as Comparator, left, right: parseOperand(scanner, faults) };
  }
  for (const word of ["BETWEEN", "IN"]) {
    if (scanner.atWord(word)) throw scanner.invalid(unsupported(`the ${word} operator`));
  }
  if (left.kind !== "call") throw scanner.syntax();
  return { kind: "call", name: left.name, args: left.args };
}

function unsupported(what: string): string {
  return (
    `This backend does not support ${what}; supported: attribute_exists, attribute_not_exists, ` +
    "comparisons of an attribute with a value, AND, OR, NOT"
  );
}

function bind(syntax: ConditionSyntax, binding: Binding): Condition {
  switch (syntax.kind) {
    case "and":
    case "or":
      return { kind: syntax.kind, left: bind(syntax.left, binding), right: bind(syntax.right, binding) };
    case "not":
      return { kind: "not", inner: bind(syntax.inner, binding) };
    case "compare":
      return bindComparison(syntax, binding);
    case "call":
      return bindCall(syntax, binding);
  }
}

function bindComparison(syntax: Extract<ConditionSyntax, { kind: "compare" }>, binding: Binding): Condition {
  const { left, right, operator } = syntax;
  for (const side of [left, right]) if (side.kind === "call") rejectNestedCall(side, binding);
  if (left.kind === "path" && right.kind === "value") {
    return { kind: "compare", operator, path: binding.path(left.steps), value: binding.value(right.placeholder) };
  }
  if (left.kind === "value" && right.kind === "path") {
    const value = binding.value(left.placeholder);
    return { kind: "compare", operator: flipped[operator], path: binding.path(right.steps), value };
  }
  touch([left, right], binding);
  const what = left.kind === "path" ? "comparing two attributes" : "comparing two values";
  binding.fault("function", unsupported(what));
  return { kind: "exists", path: [] };
}

/** Resolves placeholders of what is refused anyway, so that an undefined one is reported first, as in the service. */
function touch(operands: readonly OperandSyntax[], binding: Binding): void {
  for (const operand of operands) {
    if (operand.kind === "path") binding.path(operand.steps);
    if (operand.kind === "value") binding.value(operand.placeholder);
  }
}

function rejectNestedCall(call: Extract<OperandSyntax, { kind: "call" }>, binding: Binding): void {
  if (!functions.has(call.name)) binding.fault("unknown-function", `Invalid function name; function: ${call.name}`);
  else if (call.name !== "size") {
    binding.fault(
      "misused",
      `The function is not allowed to be used this way in an expression; function: ${call.name}`,
    );
  } else binding.fault("function", unsupported("the function size"));
  touch(call.args, binding);
}

function bindCall(syntax: Extract<ConditionSyntax, { kind: "call" }>, binding: Binding): Condition {
  const { name, args } = syntax;
  const nothing: Condition = { kind: "exists", path: [] };
  const known = functions.get(name);
  for (const arg of args) if (arg.kind === "call") rejectNestedCall(arg, binding);
  const first = args[0];
  if (known?.supported && args.length === 1 && first.kind === "path") {
    return { kind: name === "attribute_exists" ? "exists" : "not-exists", path: binding.path(first.steps) };
  }
  touch(args, binding);
  if (known === undefined) binding.fault("unknown-function", `Invalid function name; function: ${name}`);
  else if (name === "size") {
    binding.fault("misused", `The function is not allowed to be used this way in an expression; function: ${name}`);
  } else if (args.length !== known.operands) {
    const what = `operator or function: ${name}, number of operands: ${args.length}`;
    binding.fault("operand", `Incorrect number of operands for operator or function; ${what}`);
  } else if (known.supported) {
    binding.fault("function", `Operator or function requires a document path; operator or function: ${name}`);
  } else binding.fault("function", unsupported(`the function ${name}`));
  return nothing;
}
