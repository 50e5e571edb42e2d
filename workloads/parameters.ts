/**
 * Reading a workload's parameters. They come from experiment files and from the command line (`--set`), so each value is
 * looked at, and a mistake names the parameter, what was got, what is expected and what to write instead.
 */
import type { CapacitySpec, MergeRule, Replication, TableSpec } from "../backend/api.ts";

/** A parameter that is unknown or does not fit. Its message has the four parts that the command line prints on four lines. */
export class ParameterError extends Error {
  readonly code = "WAVETANK_PARAMETER";

  constructor(mistake: { what: string; got: unknown; expected: string; fix: string }) {
    super(`${mistake.what}; got ${shown(mistake.got)}; expected ${mistake.expected}; fix: ${mistake.fix}`);
    this.name = "ParameterError";
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? value || "an empty text" : (JSON.stringify(value) ?? String(value));
}

export type Raw = Readonly<Record<string, unknown>>;

/** The parameters of one workload: the defaults, overridden by what was given. */
export class Parameters {
  private readonly workload: string;
  private readonly values: Raw;

  constructor(workload: string, defaults: object, given: Raw) {
    this.workload = workload;
    refuseUnknown(`the ${workload} workload`, Object.keys(defaults), given);
    this.values = { ...defaults, ...withoutUndefined(given) };
  }

  raw(name: string): unknown {
    return this.values[name];
  }

  /** A number within [from, to]. */
  number(name: string, from: number, to: number): number {
    const value = this.values[name];
    if (typeof value === "number" && value >= from && value <= to) return value;
    const range = to === Infinity ? `a number, at least ${from}` : `a number from ${from} to ${to}`;
    throw this.mistake(name, value, range, `${from}`);
  }

  whole(name: string, from: number, to: number): number {
    const value = this.values[name];
    if (Number.isSafeInteger(value) && (value as number) >= from && (value as number) <= to) return value as number;
    const range = to === Infinity ? `a whole number, at least ${from}` : `a whole number from ${from} to ${to}`;
    throw this.mistake(name, value, range, `${from}`);
  }

  /** Two whole numbers, the first not above the second. */
  range(name: string, from: number): readonly [number, number] {
    const value = this.values[name];
    if (Array.isArray(value) && value.length === 2 && value.every((end) => Number.isSafeInteger(end))) {
      const [low, high] = value as [number, number];
      if (low >= from && low <= high) return [low, high];
    }
    throw this.mistake(name, value, `[lowest, highest], whole numbers from ${from} on`, `[${from}, ${from + 3}]`);
  }

  boolean(name: string): boolean {
    const value = this.values[name];
    if (typeof value === "boolean") return value;
    throw this.mistake(name, value, "true or false", "true");
  }

  text(name: string): string {
    const value = this.values[name];
    if (typeof value === "string") return value;
    throw this.mistake(name, value, "a text", '""');
  }

  mistake(name: string, got: unknown, expected: string, example: string): ParameterError {
    const what = `parameter ${name} of the ${this.workload} workload does not fit`;
    return new ParameterError({ what, got, expected, fix: `write ${name}: ${example}` });
  }
}

/** `undefined` given is nothing given. */
function withoutUndefined(given: Raw): Raw {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function refuseUnknown(owner: string, known: readonly string[], given: Raw): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const what = `${owner} has no parameter of that name`;
    throw new ParameterError({ what, got: name, expected: `one of ${known.join(", ")}`, fix: `leave ${name} out` });
  }
}

/** How a workload's table is made; what is absent keeps the workload's default. */
export interface TableOptions {
  readonly name?: string;
  readonly merge?: MergeRule;
  readonly replication?: Replication;
  readonly capacity?: CapacitySpec;
  readonly partitions?: number;
}

const tableDefaults = {
  merge: "last-writer-wins",
  replication: { n: 3, r: 2, w: 2, sloppy: false },
  capacity: { kind: "unlimited" },
  partitions: 8,
} as const;

const mergeRules: readonly unknown[] = ["union", "last-writer-wins", "siblings"] satisfies MergeRule[];
const capacityKinds: readonly unknown[] = [
  "unlimited",
  "fixed",
  "burst",
  "adaptive",
  "on-demand",
] satisfies CapacitySpec["kind"][];

/** A table with a text hash key, from options in a parameter. `name` and what `base` says are the workload's own defaults. */
export function tableOf(
  owner: string,
  hashKey: string,
  base: TableOptions & { name: string },
  raw: unknown,
): TableSpec {
  const given = asRecord(owner, raw);
  refuseUnknown(owner, ["name", ...Object.keys(tableDefaults)], given);
  const table = { ...tableDefaults, ...base, ...withoutUndefined(given) };
  const { name, merge, capacity, partitions, replication } = table;
  const check = (fits: boolean, part: string, got: unknown, expected: string, fix: string): void => {
    if (!fits) throw new ParameterError({ what: `${owner}: ${part} does not fit`, got, expected, fix });
  };
  check(typeof name === "string" && name !== "", "name", name, "a text", 'write name: "carts"');
  check(mergeRules.includes(merge), "merge", merge, `one of ${mergeRules.join(", ")}`, 'write merge: "union"');
  check(
    capacityKinds.includes(capacity?.kind),
    "capacity",
    capacity,
    `a kind of ${capacityKinds.join(", ")}`,
    'write capacity: { kind: "unlimited" }',
  );
  check(
    Number.isSafeInteger(partitions) && partitions >= 0,
    "partitions",
    partitions,
    "a whole number, at least 0",
    "write partitions: 8",
  );
  check(
    fitsReplication(replication),
    "replication",
    replication,
    "n >= r >= 1, n >= w >= 1 and sloppy",
    "write replication: { n: 3, r: 2, w: 2, sloppy: false }",
  );
  return { name, hashKey: { name: hashKey, type: "S" }, merge, replication, capacity, partitions };
}

function fitsReplication(value: Replication): boolean {
  const { n, r, w, sloppy } = value;
  return (
    [n, r, w].every((count) => Number.isSafeInteger(count) && count >= 1) &&
    r <= n &&
    w <= n &&
    typeof sloppy === "boolean"
  );
}

function asRecord(owner: string, raw: unknown): Raw {
  if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return raw as Raw;
  throw new ParameterError({
    what: `${owner} is no table`,
    got: raw,
    expected: "an object with name, merge, replication, capacity, partitions",
    fix: "write {} for the defaults",
  });
}
