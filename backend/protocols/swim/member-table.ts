/**
 * The strongest claim a node has heard about each member. It only ever moves up in the order of claims, so tables that have heard the same
 * are the same, and a checksum that is kept up to date claim by claim tells whether they are.
 */
import { finish } from "../../kernel/hash.ts";
import type { NodeId } from "../../kernel/units.ts";
import { incarnationIn, isPresent, standingIn } from "./claims.ts";
import type { Standing, Version } from "./claims.ts";

export class MemberTable {
  /** By node; 0: nothing is known of it. Invariant: never decreases. */
  private readonly versions: Float64Array;
  private low = 0;
  private high = 0;
  private presentCount = 0;
  /** Ascending; null when it has to be made again. */
  private presentList: readonly NodeId[] | null = null;

  constructor(nodes: number) {
    this.versions = new Float64Array(nodes);
  }

  /** Of all claims, whatever their order. Equal exactly when the tables are, but for collisions of 52 bits. */
  get checksum(): number {
    return (this.high >>> 12) * 4_294_967_296 + this.low;
  }

  /** Members that are alive or suspected. */
  get size(): number {
    return this.presentCount;
  }

  get nodes(): number {
    return this.versions.length;
  }

  versionOf(member: NodeId): Version {
    return this.versions[member];
  }

  standingOf(member: NodeId): Standing {
    return standingIn(this.versions[member]);
  }

  incarnationOf(member: NodeId): number {
    return incarnationIn(this.versions[member]);
  }

  isPresent(member: NodeId): boolean {
    return isPresent(this.versions[member]);
  }

  /** Alive or suspected, ascending. The same array until somebody comes or goes. */
  present(): readonly NodeId[] {
    this.presentList ??= Array.from(this.versions.keys()).filter((member) => isPresent(this.versions[member]));
    return this.presentList;
  }

  /** Whether the claim is news; what is not changes nothing. */
  raise(member: NodeId, version: Version): boolean {
    const before = this.versions[member];
    // A node outside the table, from a topology with more nodes, is no business of this one.
    if (!(version > before)) return false;
    this.versions[member] = version;
    this.sum(member, before, -1);
    this.sum(member, version, 1);
    const change = Number(isPresent(version)) - Number(isPresent(before));
    this.presentCount += change;
    if (change !== 0) this.presentList = null;
    return true;
  }

  check(): void {
    const counted = Array.from(this.versions).filter(isPresent).length;
    if (counted !== this.presentCount || this.present().length !== counted) {
      throw new Error(`${this.presentCount} members are said to be present, and ${counted} are`);
    }
  }

  private sum(member: NodeId, version: Version, sign: 1 | -1): void {
    if (version === 0) return;
    const word = finish(Math.imul(member + 1, 0x9e3779b1) ^ (version | 0)) ^ finish(version / 4_294_967_296);
    this.low = (this.low + sign * finish(word)) >>> 0;
    this.high = (this.high + sign * finish(word ^ 0x5bd1e995)) >>> 0;
  }
}
