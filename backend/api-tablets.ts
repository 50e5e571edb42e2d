/**
 * What can be asked of the store of rows whose tablets split and merge, and what it answers, as types. Keys are byte strings (`byteKey`),
 * from 1 to 1,024 bytes; each tablet keeps the rows of one range of them on a replicated log of its own.
 */
import type { Micros } from "./kernel/units.ts";

/** `timeoutUs`: how much longer the client will wait. */
export type RowsRequest = (
  | {
      readonly kind: "row-get";
      readonly key: string;
      /** Any replica may answer that has everything which was answered this long ago. */
      readonly maxAgeUs?: Micros;
    }
  | { readonly kind: "row-put"; readonly key: string; readonly value: string }
  /** Puts `value` if the row is `expected`, null standing for none; else refused, condition-failed. */
  | { readonly kind: "row-swap"; readonly key: string; readonly expected: string | null; readonly value: string }
  /** A database answers with the map as it is known at the node that is asked, which may be a moment old. */
  | { readonly kind: "tablet-map" }
  /** The tablet that owns `at` shall split there. Answered when that is under way, which the map then says. */
  | { readonly kind: "tablet-split"; readonly at: string }
  /** The tablet that owns `at` and the one that follows it shall become one. */
  | { readonly kind: "tablet-merge"; readonly at: string }
  /** The replica at `node` shall lead the tablet that owns `at`. */
  | { readonly kind: "tablet-lead"; readonly at: string; readonly node: number }
) & { readonly timeoutUs?: Micros };

export interface TabletPlace {
  readonly tablet: number;
  readonly version: number;
  /** [from, to); the last one's `to` is above every key. */
  readonly from: string;
  readonly to: string;
  readonly replicas: readonly number[];
  readonly underWay: "split" | "merge" | null;
}

export type RowsResult =
  | { readonly kind: "row"; readonly value: string | null }
  | { readonly kind: "row-written" }
  /** `version` is raised by every change. After a split or merge request only the tablets that it touches are told. */
  | { readonly kind: "tablet-map"; readonly version: number; readonly tablets: readonly TabletPlace[] };

/** When tablets split, merge and change leaders by themselves. */
export interface TabletRules {
  readonly splitAboveRows?: number;
  readonly splitAboveBytes?: number;
  readonly splitAbovePerSecond?: number;
  /** Of two neighbours together; at most a third of `splitAbovePerSecond`. */
  readonly mergeBelowPerSecond?: number;
  readonly mergeMaxRows?: number;
  readonly mergeMaxBytes?: number;
  /** A state counts when it has lasted so long. */
  readonly patienceUs?: Micros;
  /** A tablet that changed is left alone for so long. */
  readonly restUs?: Micros;
  /** False: leaders stay where they are. True by default. */
  readonly spreadLeaders?: boolean;
}
