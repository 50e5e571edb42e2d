/**
 * Expressions as parsed, before their placeholders are resolved: this depends on the text alone, so it is what the cache
 * keeps. Paths and operands, which all expressions share, are parsed here.
 */
import { isReserved } from "./reserved-words.ts";
import { validation } from "../service-error.ts";
import type { Scanner } from "./scanner.ts";

/** A step of a path: a name, a `#placeholder` or a list index. */
export type Step = string | number;

export type OperandSyntax =
  | { readonly kind: "path"; readonly steps: readonly Step[] }
  | { readonly kind: "value"; readonly placeholder: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly OperandSyntax[] }
  | { readonly kind: "sum"; readonly operator: "+" | "-"; readonly left: OperandSyntax; readonly right: OperandSyntax };

/** Faults that only the text decides, found in passing and reported in the service's order of precedence, not of place. */
export interface TextFaults {
  parentheses?: string;
  reserved?: string;
  section?: string;
}

export function throwFault(expression: string, message: string | undefined): void {
  if (message !== undefined) throw validation(`Invalid ${expression}: ${message}`);
}

export function parsePath(scanner: Scanner, faults: TextFaults): Step[] {
  const steps: Step[] = [parseName(scanner, faults)];
  for (;;) {
    if (scanner.take(".")) steps.push(parseName(scanner, faults));
    else if (scanner.take("[")) {
      const index = scanner.peek();
      if (index.kind !== "number") throw scanner.syntax();
      scanner.next();
      scanner.expect("]");
      steps.push(Number(index.text));
    } else return steps;
  }
}

function parseName(scanner: Scanner, faults: TextFaults): string {
  const token = scanner.peek();
  if (token.kind !== "word" && token.kind !== "name") throw scanner.syntax();
  scanner.next();
  if (token.kind === "word" && isReserved(token.text)) {
    faults.reserved ??= `Attribute name is a reserved keyword; reserved keyword: ${token.text}`;
  }
  return token.text;
}

/** A value placeholder, a function call or a path. */
export function parseOperand(scanner: Scanner, faults: TextFaults): OperandSyntax {
  const token = scanner.peek();
  if (token.kind === "value") {
    scanner.next();
    return { kind: "value", placeholder: token.text };
  }
  const after = scanner.peek(1);
  if (token.kind === "word" && after.kind === "symbol" && after.text === "(") {
    scanner.next();
    scanner.next();
    const args: OperandSyntax[] = [scanner.nested(() => parseOperand(scanner, faults))];
    while (scanner.take(",")) args.push(scanner.nested(() => parseOperand(scanner, faults)));
    scanner.expect(")");
    return { kind: "call", name: token.text, args };
  }
  return { kind: "path", steps: parsePath(scanner, faults) };
}
