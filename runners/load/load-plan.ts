/**
 * What `wavetank load` is asked to do, as plain data: it crosses threads, and the report prints it. The same plan and seed make the
 * same requests at the same instants, whatever the number of slices.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import type { HttpCall } from "../../workloads/http.ts";
import type { LoadShape } from "../experiment.ts";

/** What is asked: one call again and again, or the operations of a workload file. */
export type LoadSource =
  | { readonly kind: "call"; readonly call: HttpCall }
  /** Absolute path of a module that exports `workload`. */
  | { readonly kind: "file"; readonly path: string };

/** What an answer must be like. */
export type ReplyCheck =
  /** Inclusive. */
  | { readonly kind: "status"; readonly text: string; readonly from: number; readonly to: number }
  /** Absent `pattern`: the header must be there. */
  | { readonly kind: "header"; readonly text: string; readonly name: string; readonly pattern?: Pattern }
  | { readonly kind: "body"; readonly text: string; readonly pattern: Pattern }
  /** Members and indices that lead to a value; absent `pattern`: there must be one. */
  | { readonly kind: "json"; readonly text: string; readonly path: readonly string[]; readonly pattern?: Pattern };

export type Pattern = { readonly equals: string } | { readonly matches: string };

/** Where and how requests are sent; every slice has connections of its own. */
export interface HttpEndpoint {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly connections: number;
  readonly pipelining: number;
  readonly timeoutUs: Micros;
  /** Takes a certificate that nobody vouches for. */
  readonly insecure: boolean;
}

/** What one generator worker needs besides the schedule. */
export interface HttpLoad {
  readonly endpoint: HttpEndpoint;
  readonly source: LoadSource;
  readonly checks: readonly ReplyCheck[];
  /** Of the workload file's `setup`. */
  readonly shared: unknown;
}

export interface LoadPlan {
  readonly endpoint: HttpEndpoint;
  readonly source: LoadSource;
  readonly checks: readonly ReplyCheck[];
  readonly load: LoadShape;
  readonly forUs: Micros;
  readonly warmUpUs: Micros;
  /** An operation that takes longer from its intended start is ok and not good. */
  readonly goodWithinUs?: Micros;
  readonly rounds: number;
  readonly slices: number;
  readonly seed: number;
}
