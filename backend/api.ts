/**
 * What can be asked of a backend and what it may answer, as types. Servers translate wire protocols into these, services
 * implement them, workloads are written in them. Items keep DynamoDB's own JSON form, so a door copies nothing it need not.
 */
import type { TimeSpec } from "./kernel/time-spec.ts";
import type { CacheRequest, CacheResult, CacheService } from "./api-cache.ts";
import type { ChargesRequest, ChargesResult } from "./api-charges.ts";
import type { DispatchRequest, DispatchResult, DispatchService } from "./api-dispatch.ts";
import type { KeysRequest, KeysResult } from "./api-coordination.ts";
import type { DatabaseRequest, DatabaseResult } from "./api-database.ts";
import type { MembersRequest, MembersResult, MembersService } from "./api-members.ts";
import type { RowsRequest, RowsResult, TabletRules } from "./api-tablets.ts";
import type { FanOutSpec, HedgeSpec } from "./api-tails.ts";
import type { ZonesService } from "./api-zones.ts";
import type { Topology } from "./kernel/topology.ts";
import type { Micros } from "./kernel/units.ts";

/* ---- answers ------------------------------------------------------------------------------------------------------------ */

/**
 * Three outcomes that are never folded into one another. *Refused* promises that nothing happened; *unknown* promises nothing:
 * the operation may have happened, may still happen, or may never.
 */
export type Answer<R = Result> =
  | { readonly kind: "ok"; readonly result: R }
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly message: string; readonly item?: Item }
  | { readonly kind: "unknown"; readonly code: UnknownCode; readonly message: string };

export type OutcomeKind = Answer["kind"];

export type RefusalCode =
  | "throttled" /** the partition or the table is over its capacity */
  | "overloaded" /** shed by a server, or a queue was full */
  | "unavailable" /** too few replicas reachable to begin */
  | "condition-failed"
  | "not-found" /** no such table */
  | "exists" /** the table, or the lease, exists */
  | "compacted" /** the revision asked for is forgotten */
  | "future-revision" /** the revision asked for is yet to come */
  | "invalid" /** the request breaks a rule of the interface */
  | "breaker-open" /** refused by the client's own breaker: never left the client */
  | "expired"; /** the deadline had passed before work began */

export type UnknownCode =
  | "timeout"
  | "connection-lost"
  | "quorum-lost"
  | "server-error" /** the service says that it failed, and not whether it had begun */
  | "check-failed"; /** an answer came, and it is not what was asked for */

/* ---- items -------------------------------------------------------------------------------------------------------------- */

/** One attribute in DynamoDB's JSON: exactly one member is present. Numbers are decimal strings, binary is base64. */
export interface AttributeValue {
  readonly S?: string;
  readonly N?: string;
  readonly B?: string;
  readonly BOOL?: boolean;
  readonly NULL?: true;
  readonly M?: Item;
  readonly L?: readonly AttributeValue[];
  readonly SS?: readonly string[];
  readonly NS?: readonly string[];
  readonly BS?: readonly string[];
}

export interface Item {
  readonly [attribute: string]: AttributeValue;
}

/** A document path: attribute names and list indexes, outermost first. */
export type Path = readonly (string | number)[];

/** The boolean expressions a write may be conditional on. */
export type Condition =
  | { readonly kind: "exists"; readonly path: Path }
  | { readonly kind: "not-exists"; readonly path: Path }
  | {
      readonly kind: "compare";
      readonly operator: "=" | "<>" | "<" | "<=" | ">" | ">=";
      readonly path: Path;
      readonly value: AttributeValue;
    }
  | { readonly kind: "and" | "or"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "not"; readonly inner: Condition };

/** The right-hand side of a SET. */
export type Operand =
  | { readonly kind: "value"; readonly value: AttributeValue }
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "if-not-exists"; readonly path: Path; readonly otherwise: Operand }
  | { readonly kind: "list-append"; readonly left: Operand; readonly right: Operand }
  | { readonly kind: "plus" | "minus"; readonly left: Operand; readonly right: Operand };

export type UpdateAction =
  | { readonly kind: "set"; readonly path: Path; readonly operand: Operand }
  | { readonly kind: "remove"; readonly path: Path }
  | { readonly kind: "add"; readonly path: Path; readonly value: AttributeValue }
  | { readonly kind: "delete"; readonly path: Path; readonly value: AttributeValue };

/* ---- tables ------------------------------------------------------------------------------------------------------------- */

/** How concurrent versions of one item become one answer. */
export type MergeRule =
  /** Attributes united: sets and maps by union, everything else by the later write. Nothing added is ever lost. */
  | "union"
  | "last-writer-wins"
  /** All concurrent versions are handed to the client, which writes back their merge with the context it was given. */
  | "siblings";

export interface Replication {
  /** Replicas of each item. */
  readonly n: number;
  /** Replicas that must answer a consistent read. */
  readonly r: number;
  /** Replicas that must have stored a write durably. */
  readonly w: number;
  /** Sloppy: the first n *reachable* nodes count, with hints for those they stand in for. Strict: only the n replicas. */
  readonly sloppy: boolean;
}

/** Capacity units a second, as DynamoDB counts them. */
export interface Units {
  readonly read: number;
  readonly write: number;
}

/** `savedSeconds`: of unused share that each partition of a new table starts with; 300, as if idle for so long, when absent. */
export type CapacitySpec =
  | { readonly kind: "unlimited" }
  /** Each partition gets an equal, static share of what the table bought. */
  | { readonly kind: "fixed"; readonly provisioned: Units }
  /** As fixed, and a partition may spend up to 300 s of its unused share. */
  | { readonly kind: "burst"; readonly provisioned: Units; readonly savedSeconds?: number }
  /** As burst, and a controller boosts throttled partitions while the table as a whole is under its provision. */
  | { readonly kind: "adaptive"; readonly provisioned: Units; readonly savedSeconds?: number }
  /** The table takes up to twice its previous peak at once; partitions only know their cap. */
  | { readonly kind: "on-demand"; readonly initialPeak: Units };

export interface KeyAttribute {
  readonly name: string;
  readonly type: "S" | "N" | "B";
}

export interface TableSpec {
  readonly name: string;
  readonly hashKey: KeyAttribute;
  readonly rangeKey?: KeyAttribute;
  readonly merge: MergeRule;
  readonly replication: Replication;
  readonly capacity: CapacitySpec;
  /** Key ranges of equal width that capacity and placement are counted in. */
  readonly partitions: number;
}

export interface TableDescription extends TableSpec {
  readonly status: "ACTIVE";
  /** Microseconds on the nodes' wall clocks: Unix time on the threads, since the run began in the simulation. */
  readonly createdAt: Micros;
  readonly id: string;
}

/* ---- requests ----------------------------------------------------------------------------------------------------------- */

/**
 * `timeoutUs`: how much longer the client will wait. Every hop passes on what is left, and work whose time is up is not begun.
 * `context`: the opaque causality token of the read this write follows from; without one a write to a union or siblings table is
 * concurrent with everything it did not see.
 */
export type TableRequest =
  | { readonly kind: "create-table"; readonly table: TableSpec }
  | { readonly kind: "describe-table"; readonly table: string }
  | { readonly kind: "list-tables"; readonly after?: string; readonly limit: number }
  | { readonly kind: "delete-table"; readonly table: string }
  | {
      readonly kind: "get";
      readonly table: string;
      readonly key: Item;
      readonly consistent: boolean;
      readonly timeoutUs?: Micros;
    }
  | {
      readonly kind: "put";
      readonly table: string;
      readonly item: Item;
      readonly condition?: Condition;
      readonly context?: string;
      /** The answer's `before` is wanted: costs a read first, as a condition does. */
      readonly returnBefore?: boolean;
      readonly timeoutUs?: Micros;
    }
  | {
      readonly kind: "update";
      readonly table: string;
      readonly key: Item;
      readonly actions: readonly UpdateAction[];
      readonly condition?: Condition;
      readonly timeoutUs?: Micros;
    }
  | {
      readonly kind: "delete";
      readonly table: string;
      readonly key: Item;
      readonly condition?: Condition;
      readonly context?: string;
      /** The answer's `before` is wanted: costs a read first, as a condition does. */
      readonly returnBefore?: boolean;
      readonly timeoutUs?: Micros;
    };

/** One unit of work at a station: a server with a queue and a known service time. */
export interface WorkRequest {
  readonly kind: "work";
  /** How long it is served; absent: the station draws it. */
  readonly serviceUs?: Micros;
  /** Distinguishes attempts in traces. */
  readonly operation: number;
  /** Stations with `fanOut`: into how many parts it is cut; what they say when absent. */
  readonly parts?: number;
  /** Stations with `fanOut`: it changes something, so it must not be done twice. */
  readonly write?: boolean;
  readonly timeoutUs?: Micros;
}

export type Request =
  | TableRequest
  | WorkRequest
  | KeysRequest
  | ChargesRequest
  | DatabaseRequest
  | RowsRequest
  | MembersRequest
  | CacheRequest
  | DispatchRequest;

export type Result =
  | { readonly kind: "table"; readonly table: TableDescription }
  | { readonly kind: "tables"; readonly names: readonly string[]; readonly more: boolean }
  /** `item` is null when nothing is stored. `siblings` has one entry unless the table hands siblings to its clients. */
  | {
      readonly kind: "item";
      readonly item: Item | null;
      readonly siblings: readonly Item[];
      readonly context: string;
      /** Capacity units this request was charged. */
      readonly units: number;
      /** The table's rule, from which a door tells how to present the item. Absent means last-writer-wins. */
      readonly merge?: MergeRule;
    }
  | {
      readonly kind: "written";
      readonly before: Item | null;
      readonly after: Item | null;
      readonly context: string;
      readonly units: number;
    }
  | { readonly kind: "worked"; readonly queuedUs: Micros }
  | KeysResult
  | MembersResult
  | ChargesResult
  | DatabaseResult
  | RowsResult
  | CacheResult
  | DispatchResult;

/* ---- deployments -------------------------------------------------------------------------------------------------------- */

export interface TablesService {
  readonly kind: "tables";
  /** Points on the ring a node. */
  readonly virtualNodes: number;
  /** Relative capacity of each node, by NodeId; 1 where absent. */
  readonly weights?: readonly number[];
  /** How long a coordinator waits for its quorum before the outcome is unknown. */
  readonly quorumTimeoutUs: Micros;
  /** When a read asks a further replica than it needs. Absent: all others after 30 ms. "never": none, however late an answer is. */
  readonly hedge?: HedgeSpec | "never";
  /** Tables that exist from the start. */
  readonly tables?: readonly TableSpec[];
}

/** A queueing station a node: `servers` in parallel, exponential or fixed service, and a discipline. */
export interface StationService {
  readonly kind: "station";
  readonly servers: number;
  readonly serviceUs: Micros;
  readonly service: "fixed" | "exponential";
  readonly discipline: "fifo" | "lifo";
  /** Waiting places; a request that finds none is refused. */
  readonly queueLimit: number;
  /** Skip work whose client has given up already. Without it abandoned work is still executed. */
  readonly dropExpired: boolean;
  /** The stations answer together. Absent: each serves what enters at its node. */
  readonly fanOut?: FanOutSpec;
}

/** How a replicated log is kept. Times are the design: what a leader's death costs follows from them. */
export interface LogSpec {
  /** Nodes that vote, in the order in which they are asked to lead. */
  readonly replicas: readonly number[];
  /** How long a leader's lease holds from its last renewal; 2 s by default. Spanner: 10 s. */
  readonly leaseUs?: Micros;
  /** How often it is renewed, and followers hear what is chosen; a tenth of the lease by default. */
  readonly heartbeatUs?: Micros;
  /** Slots that may be proposed and not yet chosen; 16 by default. */
  readonly window?: number;
  /** Commands in one slot; 512 by default. */
  readonly batch?: number;
  /** Chosen slots that are kept for replicas that lag; 1,024 by default. Who lags further gets a snapshot. */
  readonly keepSlots?: number;
  /** How linearizable reads are made sure of: by the leader's lease, or by asking a majority each time. Lease by default. */
  readonly reads?: "lease" | "quorum";
}

/** etcd's key-value store on a replicated log. */
export interface KeysService {
  readonly kind: "keys";
  readonly log: LogSpec;
}

/** Stripe's charges on a replicated log. */
export interface ChargesService {
  readonly kind: "charges";
  readonly log: LogSpec;
  /** False: keys are ignored, as by a service without them. True by default. */
  readonly idempotency?: boolean;
  /** Where events go. Absent: nowhere; they stay in the outbox until somebody outside reads it. */
  readonly events?: EventsSpec;
  /** The card network is asked outside the log and takes so long to answer. Absent: it is embedded in the command, and asks nobody. */
  readonly network?: { readonly answerUs: Micros };
}

/** How what a charge service does becomes known to others. */
export interface EventsSpec {
  /** Node that keeps the list of deliveries in its own store. */
  readonly sink: number;
  /**
   * "outbox": a relay brings the outbox to the sink. The others have none: the node where a request entered tells the sink, once, "before" it asks
   * for the change or "after" it has been made.
   */
  readonly by: "outbox" | "before" | "after";
}

/** Keys from `from` on, up to where the next tablet begins, kept by one group of replicas. */
export interface TabletSpec {
  readonly from: string;
  /** In the order in which they are asked to lead. */
  readonly replicas: readonly number[];
}

/** Spanner's transactions over many replicated logs. */
export interface DatabaseService {
  readonly kind: "database";
  /** How the log of each tablet is kept. */
  readonly log: Omit<LogSpec, "replicas">;
  /** In the order of their keys; the first begins at "". */
  readonly tablets: readonly TabletSpec[];
  /** False: answers do not wait until their timestamp has passed. True by default. */
  readonly commitWait?: boolean;
  /** How long a version is kept after another has replaced it; an hour by default. */
  readonly versionsKeptUs?: Micros;
  /** Tablets split, merge and change leaders. Absent: they stay as they are. */
  readonly moves?: TabletMoves;
}

export interface TabletMoves {
  /** Nodes that keep the directory of tablets. */
  readonly keepers: readonly number[];
  /** Absent: tablets change when somebody says so ("tablet-split", "tablet-merge", "tablet-lead"). */
  readonly balance?: TabletRules;
}

/** Rows in tablets that split, merge and change leaders, each on a replicated log of its own. */
export interface TabletsService {
  readonly kind: "tablets";
  /** How the logs of the directory and of every tablet are kept, and where. */
  readonly log: LogSpec;
  /** Keys, in order, at which further tablets begin at the start. Absent: one tablet has them all. */
  readonly bounds?: readonly string[];
  /** Absent: tablets split, merge and change leaders when somebody says so. */
  readonly balance?: TabletRules;
}

export type ServiceSpec =
  | TablesService
  | StationService
  | KeysService
  | ChargesService
  | DatabaseService
  | TabletsService
  | MembersService
  | CacheService
  | DispatchService
  | ZonesService;

export interface Deployment {
  readonly topology: Topology;
  readonly service: ServiceSpec;
  /**
   * "log": a turn's effects leave the node when its writes are on stable storage. "none": at once, and a report that uses it
   * says so.
   */
  readonly durability: "log" | "none";
  /** Time one turn occupies its node's processor in the simulation; the threads cost what they cost. */
  readonly turnUs?: Micros;
  /**
   * The clocks of the simulation; perfect ones that claim a constant error when absent. The threads read this machine's clock
   * whatever this says, and claim the error of fixed ones.
   */
  readonly time?: TimeSpec;
  /** Name of a planted bug (backend/mutants.ts), for proving that the checkers can fail. Never set outside tests. */
  readonly plant?: string;
}
