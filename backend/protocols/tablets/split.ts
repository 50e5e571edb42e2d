/**
 * How a range changes hands: what whoever leads a tablet has to do next, from what the directory says is under way and what the tablet's
 * own log has made of it so far. A pure function of the two, asked again and again, so that it does not matter who asked before.
 *
 *     split of t at k into c                                    merge of l with its right neighbour r
 *
 *     directory   split-begin: t splits at k into c             directory   merge-begin: l and r merge
 *         │           (c is a number nobody had)                    │
 *     log of t    split ── slot s decides:                      log of r    seal ── slot s decides: r changes no more
 *         │         before s    all of t's                          │         after s     refused
 *         │         after s     keys from k on refused:         log of l    absorb, with all of r's rows ── slot q decides:
 *         │                     "moved, c has them"                 │         after q     l has the keys of both
 *         ├──────── each replica that applies s has a           directory   merge-finish
 *         │         replica of c then and there: same rows,         │
 *         │         where they are, log from slot 1             each node   gives r up when the directory no longer names it
 *     log of c    elects a leader, who serves
 *         │
 *     directory   split-finish
 *
 * Invariants
 *   - A key is owned by one tablet or, between seal and absorb, by none; never by two. (Decided in one log at a time.)
 *   - What was acknowledged before s is in what c, or l, begins with: it is the state as of slot s, whoever has it.
 *   - Versions on a key only rise, so whoever was refused can tell the newer of two claims.
 *
 * A crash
 *   before split-begin is chosen             nothing has begun
 *   of t's leader before s                   the next one finds the intent in the directory and proposes again; the second copy finds another
 *                                            version and does nothing
 *   of a replica around s                    what it applied and what it made of c are one turn: both are there afterwards, or neither
 *   of t's leader after s                    c has a majority of its own and needs none of t; the next leader of t finds its own version above
 *                                            the directory's and says split-finish
 *   of a replica that stays behind s         c works with a majority; the replica gets there by t's log, or t's snapshot says that the keys
 *                                            have left, and then it begins an empty replica of c that takes c's snapshot
 *   of r's leader around seal                as with split: the intent stands, the seal is there or is proposed again
 *   of l's leader around absorb              r is sealed and cannot change, so the next one reads the same rows and proposes the same
 *   of everybody                             all of the above is in logs
 *
 * A tablet that is too large to send through a log when it comes to be sealed refuses, one version up, and the merge is called off.
 * Merges are for small tablets: the rows of the right one go through the left one's log, for then a replica that is behind on one of the two
 * logs needs nothing of the other. (CockroachDB waits for all replicas instead; TiKV sends the missing entries.)
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { DirectoryCommand, DirectoryEntry } from "./directory.ts";
import type { RangeCommand, TabletMeta } from "./tablet.ts";
import { endOfKeys, entryOf, rowPrefix } from "./tablet.ts";

export type Step =
  | { readonly to: "tablet"; readonly command: RangeCommand }
  | { readonly to: "directory"; readonly command: DirectoryCommand };

export interface Rows {
  readonly keys: readonly StoreKey[];
  readonly values: readonly Value[];
}

/** All rows of a tablet, from its own store. */
export function rowsOf(store: Store): Rows {
  const keys: StoreKey[] = [];
  const values: Value[] = [];
  store.scan(rowPrefix, rowPrefix + endOfKeys, (key, value) => {
    keys.push(key.slice(rowPrefix.length));
    values.push(value);
  });
  return { keys, values };
}

export interface MergeLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
}

/** The right neighbour as it is at this node. */
export interface Neighbour {
  readonly meta: TabletMeta;
  rows(): Rows;
}

/**
 * @param entry what the directory says, of any age
 * @param meta the tablet's own state at its leader
 * @param neighbourOf another tablet's replica at the same node, as far as it is; undefined when there is none
 */
export function nextStep(
  entry: DirectoryEntry,
  meta: TabletMeta,
  neighbourOf: (tablet: number) => Neighbour | undefined,
  limits: MergeLimits,
): Step | undefined {
  const { intent, version, tablet } = entry;
  if (intent === null || meta.version < version) return undefined;
  const carriedOut = meta.version > version;
  if (intent.kind === "split") {
    if (carriedOut) return { to: "directory", command: { kind: "split-finish", tablet, version } };
    return { to: "tablet", command: { kind: "split", version, at: intent.at, child: intent.child } };
  }
  if (intent.right === tablet) {
    if (carriedOut) return { to: "directory", command: { kind: "merge-cancel", right: tablet, version } };
    if (meta.sealedInto !== 0) return undefined;
    return { to: "tablet", command: { kind: "seal", version, into: intent.left, ...limits } };
  }
  if (carriedOut) return { to: "directory", command: { kind: "merge-finish", left: tablet, version } };
  const neighbour = neighbourOf(intent.right);
  if (neighbour === undefined || neighbour.meta.sealedInto !== tablet) return undefined;
  const right = entryOf(neighbour.meta);
  return { to: "tablet", command: { kind: "absorb", version, right, ...neighbour.rows() } };
}
