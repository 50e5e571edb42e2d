/**
 * What can be asked of the replicated key-value store and what it answers: etcd's v3 model, as types. One revision counts every change of
 * the whole store; a key's version counts its own since it was created. Keys are byte strings (`byteKey`, one character a byte), so that
 * their order is byte order; values are base64 text, which nobody between the client and the disk looks into.
 */
import type { Micros } from "./kernel/units.ts";

/** [key, end) in byte order. `end` absent: the one key. `end` "\0": every key from `key` on. Both "\0": all keys. */
export interface KeyRange {
  readonly key: string;
  readonly end?: string;
}

/** One key as it was at some revision. */
export interface KeyValue {
  readonly key: string;
  /** Base64. */
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Changes since it was created; 1 is the first. */
  readonly version: number;
  /** Lease it ends with; 0: none. */
  readonly lease: number;
}

export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeQuery extends KeyRange {
  /** At this revision; 0 or absent: now. */
  readonly revision?: number;
  /** At most so many; 0 or absent: all. */
  readonly limit?: number;
  readonly sort?: { readonly by: SortTarget; readonly descending: boolean };
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

export interface PutChange {
  readonly key: string;
  readonly value: string;
  readonly lease?: number;
  readonly returnBefore?: boolean;
  /** Keep the value or the lease that is there; refused when the key does not exist. */
  readonly keepValue?: boolean;
  readonly keepLease?: boolean;
}

export interface DeleteChange extends KeyRange {
  readonly returnBefore?: boolean;
}

export type TxnStep =
  | ({ readonly kind: "range" } & RangeQuery)
  | ({ readonly kind: "put" } & PutChange)
  | ({ readonly kind: "delete-range" } & DeleteChange)
  | ({ readonly kind: "txn" } & Txn);

/** Holds when every key of the range satisfies it. A key that does not exist has version, revisions and lease 0. */
export interface Comparison extends KeyRange {
  readonly target: "version" | "create" | "mod" | "value" | "lease";
  readonly operator: "=" | "!=" | "<" | ">";
  /** A number, or base64 when the target is the value. */
  readonly operand: number | string;
}

export interface Txn {
  readonly compare: readonly Comparison[];
  readonly success: readonly TxnStep[];
  readonly failure: readonly TxnStep[];
}

/** What changes the store: an entry of its log. */
export type KeysCommand =
  | ({ readonly kind: "key-put" } & PutChange)
  | ({ readonly kind: "key-delete-range" } & DeleteChange)
  | ({ readonly kind: "key-txn" } & Txn)
  /** Forgets what every key was before `revision`. */
  | { readonly kind: "key-compact"; readonly revision: number }
  /** `id` 0: the store draws one. `ttlS` seconds. */
  | { readonly kind: "lease-grant"; readonly id: number; readonly ttlS: number }
  | { readonly kind: "lease-revoke"; readonly id: number }
  | { readonly kind: "lease-keep-alive"; readonly id: number }
  /** The leader's own: deletes what leases of the past held. Nothing a client may ask. */
  | { readonly kind: "lease-expire" };

/** What only looks. `serializable`: any replica may answer, from whatever it has applied. */
export type KeysQuery =
  | ({
      readonly kind: "key-range";
      readonly serializable?: boolean;
      /** Any replica may answer that has everything which was answered this long ago. */
      readonly maxAgeUs?: Micros;
    } & RangeQuery)
  | { readonly kind: "lease-time-to-live"; readonly id: number; readonly keys: boolean }
  | { readonly kind: "lease-list" }
  /**
   * Changes of keys in the range with a revision of `fromRevision` or later, in order; answered as soon as there are any, and with none
   * after `waitUs`. At most `limit` changes a time, those of one revision never split. Any replica answers.
   */
  | ({
      readonly kind: "key-watch";
      readonly fromRevision: number;
      readonly limit: number;
      readonly waitUs: Micros;
      readonly returnBefore?: boolean;
    } & KeyRange)
  | { readonly kind: "log-status" };

/** About the log itself, whatever it is the log of. Both are answered with its status when it is so. */
export type LogRequest =
  /** Replicas shall be on these nodes: members change one at a time, newcomers catch up before they vote. */
  | { readonly kind: "log-place"; readonly nodes: readonly number[] }
  /** That replica shall lead, and need not wait for the lease to run out. */
  | { readonly kind: "log-hand-over"; readonly to: number };

export type KeysRequest = (KeysCommand | KeysQuery | LogRequest) & { readonly timeoutUs?: Micros };

/** `put`: key as it became. `delete`: only key and modRevision mean anything. */
export interface KeyEvent {
  readonly kind: "put" | "delete";
  readonly entry: KeyValue;
  /** As it was before, when that was asked for and it is not compacted. */
  readonly before?: KeyValue;
}

export interface RangeResult {
  readonly entries: readonly KeyValue[];
  /** More than `limit` keys are in the range. */
  readonly more: boolean;
  /** Keys in the range, whatever the limit. */
  readonly count: number;
}

export type TxnStepResult =
  | ({ readonly kind: "range" } & RangeResult)
  | { readonly kind: "put"; readonly before: KeyValue | null }
  | { readonly kind: "delete-range"; readonly deleted: number; readonly before: readonly KeyValue[] }
  | { readonly kind: "txn"; readonly succeeded: boolean; readonly results: readonly TxnStepResult[] };

/** `revision`: of the store when this was answered. */
export type KeysResult = { readonly revision: number } & (
  | ({ readonly kind: "key-range" } & RangeResult)
  | { readonly kind: "key-put"; readonly before: KeyValue | null }
  | { readonly kind: "key-deleted"; readonly deleted: number; readonly before: readonly KeyValue[] }
  | { readonly kind: "key-txn"; readonly succeeded: boolean; readonly results: readonly TxnStepResult[] }
  | { readonly kind: "key-compacted" }
  /** `ttlS` what is left, -1 when there is no such lease; `grantedS` what it was granted for. */
  | {
      readonly kind: "lease";
      readonly id: number;
      readonly ttlS: number;
      readonly grantedS: number;
      readonly keys: readonly string[];
    }
  | { readonly kind: "leases"; readonly ids: readonly number[] }
  /** The next watch continues from `revision` + 1. `compactedTo` above 0: `fromRevision` is gone, nothing was delivered. */
  | { readonly kind: "key-events"; readonly events: readonly KeyEvent[]; readonly compactedTo: number }
  | {
      readonly kind: "log-status";
      readonly node: number;
      /** -1: nobody is known to lead. */
      readonly leader: number;
      readonly ballot: number;
      readonly applied: number;
      readonly chosen: number;
      readonly storeBytes: number;
    }
);
