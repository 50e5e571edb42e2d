/**
 * Dotted version vectors: which versions of a key are known, and which of them are still current.
 *
 *     clock     a:3 b:1          every write a:1..a:3 and b:1 is known here
 *     siblings  a:3 = {...}      ... and of those only these two are not superseded
 *               b:1 = {...}
 *
 * A write gets one *dot* (actor, counter) and replaces exactly the dots in the context it was read with. A plain version vector
 * cannot say "I am new, but I have not seen a:3": it must either swallow a concurrent write or keep both for ever. The dot says
 * it, so siblings never outnumber the concurrent writers (Preguiça et al., "Dotted Version Vectors", 2010; Almeida et al.,
 * "Scalable and Accurate Causality Tracking for Eventually Consistent Stores", DAIS 2014).
 *
 * Honesty invariant: whoever holds a set knows every dot its clock covers, as a sibling or as superseded. It holds because sets
 * only ever travel whole, and because an actor mints its next dot only from the set that has all its earlier ones.
 */
import type { Item } from "../../api.ts";
import type { Micros } from "../../kernel/units.ts";

/**
 * Names one life of a minting node: "<node>.<random>". A node that crashed or lost its disk is a new actor, since it may have
 * forgotten which dots it gave away.
 */
export type Actor = string;

/** Sorted by actor; counters from 1. [actor, counter] covers all of the actor's dots up to that counter. */
export type Clock = readonly (readonly [Actor, number])[];

export interface Sibling {
  readonly actor: Actor;
  readonly counter: number;
  /** Wall clock of the coordinator, for last writer wins. */
  readonly stamp: Micros;
  /** Null marks a deletion. */
  readonly item: Item | null;
}

export interface Versions {
  readonly clock: Clock;
  /** Pairwise concurrent. */
  readonly siblings: readonly Sibling[];
}

export const noVersions: Versions = { clock: [], siblings: [] };

export function counterOf(clock: Clock, actor: Actor): number {
  for (const [name, counter] of clock) if (name === actor) return counter;
  return 0;
}

/** Pointwise maximum; one of the two where it covers the other. */
export function joinClocks(a: Clock, b: Clock): Clock {
  if (dominates(b, a)) return b;
  if (b.length === 0) return a;
  const joined: (readonly [Actor, number])[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (j === b.length || (i < a.length && a[i][0] < b[j][0])) joined.push(a[i++]);
    else if (i === a.length || b[j][0] < a[i][0]) joined.push(b[j++]);
    else {
      joined.push(a[i][1] >= b[j][1] ? a[i] : b[j]);
      i++;
      j++;
    }
  }
  return joined;
}

/** True when `a` covers every dot that `b` covers. */
export function dominates(a: Clock, b: Clock): boolean {
  for (const [actor, counter] of b) if (counterOf(a, actor) < counter) return false;
  return true;
}

export function sameClock(a: Clock, b: Clock): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i][0] !== b[i][0] || a[i][1] !== b[i][1]) return false;
  return true;
}

export function sameVersions(a: Versions, b: Versions): boolean {
  if (!sameClock(a.clock, b.clock) || a.siblings.length !== b.siblings.length) return false;
  return a.siblings.every((sibling) => holdsDot(b, sibling));
}

/**
 * Everything either set knows: a sibling survives unless the other set knows its dot and no longer holds it. Most merges replace
 * an older write by one that has seen it: the result is then `b` itself, which the replicas of a process can share.
 */
export function mergeVersions(a: Versions, b: Versions): Versions {
  if (replaces(b, a)) return b;
  const siblings: Sibling[] = [];
  for (const sibling of a.siblings) {
    if (holdsDot(b, sibling) || !covers(b.clock, sibling)) siblings.push(sibling);
  }
  for (const sibling of b.siblings) {
    if (!holdsDot(a, sibling) && !covers(a.clock, sibling)) siblings.push(sibling);
  }
  return { clock: joinClocks(a.clock, b.clock), siblings };
}

/**
 * A new write by `actor` over what it holds, replacing the dots in `context`. The caller stores the result in the same turn, or
 * the dot could be minted twice.
 */
export function mint(held: Versions, context: Clock, actor: Actor, stamp: Micros, item: Item | null): Versions {
  const known = joinClocks(held.clock, context);
  const counter = counterOf(known, actor) + 1;
  const kept = held.siblings.filter((sibling) => !covers(context, sibling));
  const siblings = [...kept, { actor, counter, stamp, item }];
  return { clock: joinClocks(known, [[actor, counter]]), siblings };
}

export function latestStamp(versions: Versions): Micros {
  let latest = 0;
  for (const { stamp } of versions.siblings) if (stamp > latest) latest = stamp;
  return latest;
}

/** The opaque token a client carries from a read to the write that follows from it: "0.k3f:12 2.9ab:1". */
export function encodeContext(clock: Clock): string {
  let text = "";
  for (const [actor, counter] of clock) text += `${text === "" ? "" : " "}${actor}:${counter}`;
  return text;
}

/** Null when the token was not made by `encodeContext`. */
export function decodeContext(token: string): Clock | null {
  if (token === "") return [];
  const clock: [Actor, number][] = [];
  for (const part of token.split(" ")) {
    const match = /^([0-9a-z.]+):([1-9][0-9]*)$/.exec(part);
    // Past the safe integers counter + 1 is counter: a dot would be minted twice.
    if (match === null || !(Number(match[2]) < Number.MAX_SAFE_INTEGER)) return null;
    clock.push([match[1], Number(match[2])]);
  }
  clock.sort(([a], [b]) => (a < b ? -1 : 1));
  return clock.some(([actor], i) => i > 0 && actor === clock[i - 1][0]) ? null : clock;
}

/** One version or none, that knows all of `held` and is not superseded there: merging the two gives it unchanged. */
function replaces(given: Versions, held: Versions): boolean {
  if (held.siblings.length === 0 && held.clock.length === 0) return true;
  if (given.siblings.length > 1 || !dominates(given.clock, held.clock)) return false;
  return given.siblings.every((sibling) => holdsDot(held, sibling) || !covers(held.clock, sibling));
}

function covers(clock: Clock, { actor, counter }: Sibling): boolean {
  return counterOf(clock, actor) >= counter;
}

function holdsDot(versions: Versions, { actor, counter }: Sibling): boolean {
  for (const sibling of versions.siblings) {
    if (sibling.counter === counter && sibling.actor === actor) return true;
  }
  return false;
}
