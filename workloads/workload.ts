/**
 * What is asked, and what must hold afterwards.
 *
 * A workload turns arrival number i into a session: a short script of operations. It is a function of (seed, i) and of the
 * answers the session got, so any slice on any machine makes its own part and both tanks ask the same. The first operation's
 * intended start is the arrival's; each later one's is the previous intended start plus a think time drawn ahead, never later
 * because an answer was late: that is what keeps the load open.
 */
import type { Answer, Request, Result } from "../backend/api.ts";
import type { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";

/** `Q` is what is asked: a request of the reference backend, unless a workload of another service says otherwise. */
export interface Step<Q = Request> {
  /** The row of the report this operation is counted in: "view", "add" ... */
  readonly operation: string;
  readonly request: Q;
  /** From the previous step's intended start to this one's; ignored on the first step. */
  readonly thinkUs: Micros;
  /** What `check` needs to know of this step, plain data. The session may complete it when it sees the answer. */
  readonly fact?: Fact;
  /** Ask this node, when the entry matters (a client on one side of a partition); otherwise any. */
  readonly entry?: number;
}

export interface Fact {
  readonly kind: string;
  [detail: string]: unknown;
}

export interface Session<Q = Request, R = Result> {
  /** The next step, given the answer to the previous one (null before the first); null ends the session. */
  next(previous: Answer<R> | null): Step<Q> | null;
}

/** One recorded step: only steps with a fact are recorded. Times are microseconds since the load began. */
export interface HistoryEntry {
  readonly arrival: number;
  readonly step: number;
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly outcome: "ok" | "refused" | "unknown";
  /**
   * How often the request was sent; absent means once. An attempt given up on may still take effect after a later one was
   * answered, so a check trusts neither the end of an operation sent twice nor its refusal.
   */
  readonly attempts?: number;
  readonly fact: Fact;
}

/** The outcome of a check: a violated promise is a bug of the backend and fails the run; an anomaly is permitted and counted. */
export interface CheckResult {
  readonly name: string;
  readonly held: boolean;
  /** Facts examined; a check that saw none is not held. */
  readonly examined: number;
  readonly violations: readonly string[];
  /** Counted figures by name: items lost, resurrected, refused ... */
  readonly counts: Readonly<Record<string, number>>;
  /** Measures by name that do not add up over runs, or too many to be read: metrics as the counts are, and no page lists them. */
  readonly figures?: Readonly<Record<string, number>>;
}

export interface Workload {
  readonly name: string;
  /** Requests made once before the load: tables, seed data. */
  setup(): readonly Request[];
  /** `operation`: what a replayed trace says is done; a workload that chooses for itself ignores it. */
  begin(arrival: number, random: Random, operation?: string): Session;
  /** Read after the load, faults healed and replicas at rest; answers come back in the same order. */
  finalReads(history: readonly HistoryEntry[]): readonly Request[];
  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult;
}

/** A workload as data, so that it crosses thread and machine boundaries; `workloads/catalog.ts` builds the real one. */
export interface WorkloadSpec {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
