/**
 * What the nodes of a zoned cache say to one another. Nothing here promises that anything is kept, so all of it leaves at the end of its turn.
 *
 * `sentAt`: the sender's earliest idea of the true time. By it a node tells what is too old to be carried out.
 */
import type { CacheGet, CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { Answer } from "../../api.ts";
import type { Env } from "../../kernel/env.ts";
import type { StoreKey } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";

/** An item as one node gives it to another. */
export interface Copy {
  readonly key: StoreKey;
  readonly value: Uint8Array;
  readonly flags: number;
  readonly ttlS: number;
  readonly cas: number;
}

/** What one region tells another of a write. */
export type Change = Exclude<CacheOperation, CacheGet | { readonly kind: "stats" }>;

export type ZonesMessage =
  | { readonly kind: "read"; readonly call: number; readonly operation: CacheOperation }
  /** `call` is the CAS value that the item gets, and so the name of this write for ever. */
  | { readonly kind: "write"; readonly call: number; readonly operation: CacheOperation; readonly sentAt: Micros }
  | { readonly kind: "outcome"; readonly call: number; readonly outcome: CacheOutcome }
  /** You missed this, and another zone had it when it was asked at `sentAt`. */
  | { readonly kind: "fill"; readonly copy: Copy; readonly sentAt: Micros }
  /** Which of your items are mine in my zone, from `cursor` on? */
  | { readonly kind: "copy"; readonly page: number; readonly cursor: number; readonly items: number }
  /** `next` below 0: that was all. */
  | { readonly kind: "copied"; readonly page: number; readonly next: number; readonly copies: readonly Copy[] }
  /** Changes number `first` and on of this life of the sender, in order. */
  | {
      readonly kind: "changes";
      readonly epoch: number;
      readonly first: number;
      readonly changes: readonly Change[];
      readonly sentAt: Micros;
    }
  /** I have all below `next`. */
  | { readonly kind: "changed"; readonly epoch: number; readonly next: number };

export type ZonesTimer = "reads" | "writes" | "copy" | "regions";

export type ZonesEnv = Env<ZonesMessage, ZonesTimer, Answer>;
