/**
 * Form-encoded parameters, as bodies and query strings carry them:
 *
 *     amount=2000&metadata[order]=6735&expand[]=customer
 *
 * A name has at most one pair of brackets here, because nothing this door knows has more. Of a parameter that is given twice the last counts,
 * as at Stripe.
 */
import { invalid } from "./stripe-error.ts";

export interface Form {
  /** `a=b`, by name. */
  readonly scalars: ReadonlyMap<string, string>;
  /** `a[b]=c`, by name and by what stands in brackets. */
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

const maxParameters = 1_000;

/** @throws StripeError for what cannot be decoded */
export function parseForm(text: string): Form {
  const scalars = new Map<string, string>();
  const maps = new Map<string, Map<string, string>>();
  if (text === "") return { scalars, maps };
  const pairs = text.split("&", maxParameters + 1);
  if (pairs.length > maxParameters) throw invalid(`Invalid request: more than ${maxParameters} parameters.`);
  for (const pair of pairs) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
    const bracket = name.indexOf("[");
    if (bracket < 0) scalars.set(name, value);
    else setInMap(maps, name, bracket, value);
  }
  return { scalars, maps };
}

function setInMap(maps: Map<string, Map<string, string>>, name: string, bracket: number, value: string): void {
  const outer = name.slice(0, bracket);
  const inner = name.slice(bracket + 1, -1);
  // What should be expanded may be nested, and is ignored.
  if (outer === "expand") return;
  if (bracket === 0 || !name.endsWith("]") || inner.includes("[") || inner.includes("]")) {
    throw invalid(`Invalid parameter name: ${name}`, { param: name });
  }
  const map = maps.get(outer);
  if (map === undefined) maps.set(outer, new Map([[inner, value]]));
  else map.set(inner, value);
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw invalid("Invalid request (check that your parameters are form-encoded UTF-8 with percent signs escaped).");
  }
}

/** The same text for the same parameters, in whatever order and encoding they came. */
export function canonicalText({ scalars, maps }: Form): string {
  const pairs = [...scalars].filter(([name]) => name !== "expand");
  for (const [outer, map] of maps) for (const [inner, value] of map) pairs.push([`${outer}[${inner}]`, value]);
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return JSON.stringify(pairs);
}
