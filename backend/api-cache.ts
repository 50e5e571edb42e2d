/**
 * What can be asked of a cache and what it answers: the primitives that memcached's text, meta and binary protocols are made of (memcached 1.6,
 * doc/protocol.txt), as plain data, so that nodes send each other the same operations that doors send to nodes.
 *
 * A cache promises no durability and may forget any item at any time. What it promises is that an item is whole, that each operation is atomic, and that a CAS
 * value names one version of one item: every change of an item's value gives it a greater one.
 *
 * Keys are byte strings (kernel/store.ts) of 1 to 250 bytes. Whoever hands on a value gives it away. Times to live are seconds from when the
 * operation is executed: `Infinity` for ever, 0 or less expired at once; like memcached's they are counted in whole seconds.
 */
import type { StoreKey } from "./kernel/store.ts";
import type { Micros } from "./kernel/units.ts";

/** Bytes in a key at most. */
export const maxCacheKeyBytes = 250;

/** After so many bytes of values in one answer the rest of its operations is deferred. */
export const maxCacheAnswerBytes = 1_048_576;

export type StoreMode =
  | "set"
  /** Only if there is none. */
  | "add"
  /** Only if there is one. */
  | "replace"
  /** Behind the value that is there, whose flags and expiry stay. */
  | "append"
  | "prepend";

export interface CacheGet {
  readonly kind: "get";
  readonly key: StoreKey;
  /** The value is not wanted; the hit's is empty. */
  readonly omitValue?: boolean;
  /** Its time to live shall be this from now on ("gat", T). */
  readonly touchS?: number;
  /** On a miss an empty item that lives so long is made, and whoever made it has won (N). */
  readonly vivifyS?: number;
  /** Who finds an item with less than this left to live, and is the first, has won (R). */
  readonly recacheS?: number;
  /** Who asks is ready to recompute: the first to find a stale item has won. Goes without saying with the two above. */
  readonly wins?: boolean;
  /** Does not count as an access ("u"). */
  readonly quietly?: boolean;
  /** CAS value of an item that is vivified (E). */
  readonly newCas?: number;
}

export interface CacheStoring {
  readonly kind: "store";
  readonly mode: StoreMode;
  readonly key: StoreKey;
  readonly value: Uint8Array;
  /** The client's own, 32 bits. */
  readonly flags: number;
  readonly ttlS: number;
  /** Only if the item has this CAS value ("cas", C). With "set" and "replace" there must be such an item. */
  readonly compareCas?: number;
  /** With a `compareCas` below the item's: stored all the same, and marked as stale (I). */
  readonly invalidate?: boolean;
  /** Append and prepend: on a miss it is stored with this time to live (N). */
  readonly vivifyS?: number;
  /** CAS value that it gets (E); absent: the next of this node. */
  readonly newCas?: number;
  /** The client wrote the key in base64, and so will whoever is told the key (b). */
  readonly keyEncoded?: boolean;
}

export interface CacheArithmetic {
  readonly kind: "arithmetic";
  readonly key: StoreKey;
  /** Below 2^64. */
  readonly delta: bigint;
  /** Decrements stop at 0; increments wrap at 2^64. */
  readonly decrement: boolean;
  /** On a miss `initial` is stored with this time to live (N, J). */
  readonly vivifyS?: number;
  readonly initial?: bigint;
  readonly touchS?: number;
  readonly compareCas?: number;
  readonly newCas?: number;
}

export interface CacheDelete {
  readonly kind: "delete";
  readonly key: StoreKey;
  /** Only if the item has this CAS value (C). */
  readonly compareCas?: number;
  /** It stays and is stale: the next to get it wins (I). */
  readonly invalidate?: boolean;
  /** With `invalidate`: how long it stays. */
  readonly touchS?: number;
  /** With `invalidate`: the CAS value that it gets (E). */
  readonly newCas?: number;
}

export type CacheOperation =
  | CacheGet
  | CacheStoring
  | CacheArithmetic
  | CacheDelete
  | { readonly kind: "touch"; readonly key: StoreKey; readonly ttlS: number }
  /** What was stored until `delayS` from now is gone then. At every node. */
  | { readonly kind: "flush"; readonly delayS: number }
  /** Of the node that is asked. */
  | { readonly kind: "stats"; readonly reset?: boolean };

export interface CacheHit {
  readonly kind: "hit";
  /** Valid for ever: a copy. */
  readonly value: Uint8Array;
  /** Of the value, whether it was wanted or not. */
  readonly bytes: number;
  readonly flags: number;
  readonly cas: number;
  /** What is left, after a touch; Infinity: for ever. */
  readonly ttlS: number;
  /** What was left before it was touched or made. */
  readonly ttlBeforeS: number;
  /** Somebody had got it before. */
  readonly fetched: boolean;
  /** Since it was last accessed, before this. */
  readonly idleS: number;
  /** Marked by an `invalidate` (X). */
  readonly stale: boolean;
  /** This client is the one that shall recompute it (W). */
  readonly won: boolean;
  /** Another client is (Z). */
  readonly taken: boolean;
  /** As the client that stored it said. */
  readonly keyEncoded: boolean;
}

export type CacheOutcome =
  | CacheHit
  /** Nothing there: of a get, a touch, a delete, an arithmetic without `vivifyS`, or a store that needed one to compare with. */
  | { readonly kind: "missing" }
  | { readonly kind: "stored"; readonly cas: number }
  /** The condition of its mode was not met. */
  | { readonly kind: "not-stored" }
  /** The item has another CAS value than `compareCas`. */
  | { readonly kind: "changed" }
  /** `ttlBeforeS`: what was left before it was touched or made; `made`: by `vivifyS`. */
  | {
      readonly kind: "counted";
      readonly value: bigint;
      readonly cas: number;
      readonly ttlBeforeS: number;
      readonly made: boolean;
    }
  /** Arithmetic on what is no decimal number below 2^64. */
  | { readonly kind: "not-a-number" }
  /** Above the node's `maxItemBytes`. What was under the key before a set is gone. */
  | { readonly kind: "too-large" }
  | { readonly kind: "deleted" }
  | { readonly kind: "touched" }
  | { readonly kind: "flushed" }
  | { readonly kind: "stats"; readonly stats: Readonly<Record<string, number>> }
  /** Not executed, nor was what came after it for the same node: the answer is long enough already. Ask again. */
  | { readonly kind: "deferred" }
  /** The node that owns the key did not answer: `happened` says what is known. */
  | { readonly kind: "failed"; readonly happened: "no" | "unknown"; readonly message: string };

/** Executed in order where they are for the same key; outcomes stand in the order of the operations. */
export interface CacheRequest {
  readonly kind: "cache";
  readonly operations: readonly CacheOperation[];
  readonly timeoutUs?: Micros;
}

export interface CacheResult {
  readonly kind: "cached";
  readonly outcomes: readonly CacheOutcome[];
}

/** How a full cache chooses what to forget. */
export const evictionPolicies = ["lru", "segmented-lru", "s3-fifo", "w-tinylfu"] as const;
export type EvictionPolicy = (typeof evictionPolicies)[number];

/** A cache. With several nodes each owns a share of the keys, by consistent hashing, and hands on what is not its own. */
export interface CacheService {
  readonly kind: "cache";
  /** What each node may use for items, their keys and the index over them. */
  readonly memoryBytes: number;
  /** Key and value of one item; 1 MiB by default. */
  readonly maxItemBytes?: number;
  readonly policy?: EvictionPolicy;
  /** Points on the ring a node; 150 by default. */
  readonly virtualNodes?: number;
  /** How long a node waits for the owner of a key; 1 s by default. */
  readonly forwardTimeoutUs?: Micros;
  /** Up to so many bytes of what was accessed last outlive a restart, as they were some seconds before. None by default. */
  readonly warmBytes?: number;
}
