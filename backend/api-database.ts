/**
 * What can be asked of the transactional database and what it answers, as types: Spanner's model (OSDI 2012, section 4). A transaction is
 * one shot, as in Sinfonia (SOSP 2007): the keys it reads, the conditions that must hold and the writes to make are told at once, and all of
 * it happens at one timestamp or not at all. Every version of a key is kept under the timestamp of the transaction that wrote it, so reads
 * at a timestamp take no lock.
 */
import type { Micros } from "./kernel/units.ts";

/** A finite number or a text. */
export type DatabaseValue = string | number;

/** Keys are byte strings (`byteKey`) without U+0000, from 1 to 1,024 bytes. Each key is written at most once in a transaction. */
export type DatabaseWrite =
  | { readonly kind: "set"; readonly key: string; readonly value: DatabaseValue }
  /** To the number that is there, 0 when there is none. Refused when a text is there. */
  | { readonly kind: "add"; readonly key: string; readonly delta: number }
  | { readonly kind: "delete"; readonly key: string };

/** About a key as it was before the transaction's writes. */
export type DatabaseCondition =
  /** null: nothing is there. */
  | { readonly kind: "equals"; readonly key: string; readonly value: DatabaseValue | null }
  /** A number, at least that; nothing counts as 0. */
  | { readonly kind: "at-least"; readonly key: string; readonly value: number };

export type ReadAt =
  /** Everything that was answered before the read was asked for. */
  | { readonly kind: "strong" }
  /** As of that timestamp; waits until it has passed and every write at or below it is known. */
  | { readonly kind: "exact"; readonly timestamp: Micros }
  /** As of a timestamp at most so long ago: at the nearest replica that is no older. */
  | { readonly kind: "max-staleness"; readonly us: Micros };

/** `timeoutUs`: how much longer the client will wait. */
export type DatabaseRequest = (
  | {
      readonly kind: "transact";
      readonly reads: readonly string[];
      readonly writes: readonly DatabaseWrite[];
      readonly conditions?: readonly DatabaseCondition[];
    }
  | { readonly kind: "snapshot-read"; readonly keys: readonly string[]; readonly at: ReadAt }
) & { readonly timeoutUs?: Micros };

export interface VersionedValue {
  readonly key: string;
  readonly value: DatabaseValue | null;
  /** Of the transaction that wrote or deleted it; 0: it was never written. */
  readonly timestamp: Micros;
}

export type DatabaseResult =
  /** `timestamp`: the place of the transaction in the order of all. `values`: of `reads`, before its own writes. */
  | {
      readonly kind: "transacted";
      readonly timestamp: Micros;
      readonly values: readonly VersionedValue[];
      /** Group whose leader chose the timestamp, different from every other that a leader of it chose; -1: nothing was written. */
      readonly group: number;
      /** Times it was begun: an older transaction may have wounded it. */
      readonly attempts: number;
    }
  /** `timestamp`: of the state that was read. */
  | { readonly kind: "snapshot"; readonly timestamp: Micros; readonly values: readonly VersionedValue[] };
