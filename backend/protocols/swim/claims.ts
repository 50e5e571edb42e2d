/**
 * What is said about a member, and whose word counts (SWIM, DSN 2002, section 4.2). A claim is a standing at an incarnation, and claims
 * about one member are totally ordered: the higher incarnation wins and, within one, alive < suspect < dead < left. So a claim is one
 * number, its *version*, and whoever has heard the same claims in whatever order holds the same.
 *
 *     version = 4 x incarnation + rank        alive 0, suspect 1, dead 2, left 3;  version 0: nothing is known
 *
 * Only the member itself raises its incarnation, and does so to contradict what is said about it.
 *
 * SWIM's "confirm" outranks every incarnation, so that a member once declared dead needs another name to return. Here, as in Ringpop, it
 * returns under a higher incarnation.
 */
import type { NodeId } from "../../kernel/units.ts";

export type Standing = "unknown" | "alive" | "suspect" | "dead" | "left";

/** A standing at an incarnation as one number: the greater one wins. */
export type Version = number;

/** Claims in a row, three numbers each: member, version, and who said so first. */
export type Claims = readonly number[];

export const claimWidth = 3;

/** So that four times an incarnation is an exact number: as milliseconds, the year 73,000. */
export const maxIncarnation = 2_251_799_813_685_247;

const ranked = ["alive", "suspect", "dead", "left"] as const;

/** @param incarnation a whole number from 1 to `maxIncarnation` */
export function versionOf(standing: Exclude<Standing, "unknown">, incarnation: number): Version {
  return incarnation * 4 + ranked.indexOf(standing);
}

export function incarnationIn(version: Version): number {
  return Math.floor(version / 4);
}

export function standingIn(version: Version): Standing {
  return version === 0 ? "unknown" : ranked[version % 4];
}

/** Alive or suspected: it may be well, and is treated so. */
export function isPresent(version: Version): boolean {
  return version !== 0 && version % 4 < 2;
}

export function forEachClaim(claims: Claims, visit: (member: NodeId, version: Version, by: NodeId) => void): void {
  for (let i = 0; i < claims.length; i += claimWidth) visit(claims[i], claims[i + 1], claims[i + 2]);
}
