/**
 * Workloads by name: what turns a workload's description, which crosses threads and machines, back into the workload. A new
 * workload is a file beside this one and a line in the table below.
 */
import { Balances } from "./balances.ts";
import { Cache } from "./cache.ts";
import { CacheTrace } from "./cache-trace.ts";
import { CartConflict } from "./cart-conflict.ts";
import { Charges } from "./charges.ts";
import { Checkout } from "./checkout.ts";
import { Dispatch } from "./dispatch.ts";
import { FanOut } from "./fan-out.ts";
import { Herd } from "./herd.ts";
import { Items } from "./items.ts";
import { Members } from "./members.ts";
import { ParameterError } from "./parameters.ts";
import { Registers } from "./registers.ts";
import { Rows } from "./rows.ts";
import { Transactions } from "./transactions.ts";
import { Work } from "./work.ts";
import type { Workload, WorkloadSpec } from "./workload.ts";

type Parameters = WorkloadSpec["parameters"];

const makers: Readonly<Record<string, (parameters: Parameters) => Workload>> = {
  balances: (parameters) => new Balances(parameters),
  cache: (parameters) => new Cache(parameters),
  "cache-trace": (parameters) => new CacheTrace(parameters),
  "cart-conflict": (parameters) => new CartConflict(parameters),
  charges: (parameters) => new Charges(parameters),
  checkout: (parameters) => new Checkout(parameters),
  dispatch: (parameters) => new Dispatch(parameters),
  "fan-out": (parameters) => new FanOut(parameters),
  herd: (parameters) => new Herd(parameters),
  items: (parameters) => new Items(parameters),
  members: (parameters) => new Members(parameters),
  registers: (parameters) => new Registers(parameters),
  rows: (parameters) => new Rows(parameters),
  transactions: (parameters) => new Transactions(parameters),
  work: (parameters) => new Work(parameters),
};

export const workloadNames: readonly string[] = Object.keys(makers);

/** Throws ParameterError on an unknown workload, an unknown parameter or a value that does not fit. */
export function createWorkload(spec: WorkloadSpec): Workload {
  if (Object.hasOwn(makers, spec.name)) return makers[spec.name](spec.parameters);
  throw new ParameterError({
    what: "there is no workload of that name",
    got: spec.name,
    expected: `one of ${workloadNames.join(", ")}`,
    fix: "use one of them, or add yours to workloads/catalog.ts",
  });
}
