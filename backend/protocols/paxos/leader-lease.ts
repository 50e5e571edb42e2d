/**
 * The lease as its holder counts it: votes with an end in true time, each durable at the acceptor that gave it. It lasts as long as a
 * majority of them does (Spanner, OSDI 2012, section 2.1).
 */
import type { Wall } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

export class LeaderLease {
  private readonly votes = new Map<NodeId, Micros>();
  private end: Micros = 0;

  /** @returns true when the lease lasts longer now */
  onVote(from: NodeId, until: Micros, majority: number): boolean {
    if (until > (this.votes.get(from) ?? 0)) this.votes.set(from, until);
    if (this.votes.size < majority) return false;
    const end = [...this.votes.values()].sort((a, b) => b - a)[majority - 1];
    if (end <= this.end) return false;
    this.end = end;
    return true;
  }

  /** True time at which it ends, unless it is renewed. */
  get until(): Micros {
    return this.end;
  }

  /** True time is certainly before its end. */
  inForce({ latest }: Wall): boolean {
    return latest < this.end;
  }

  clear(): void {
    this.votes.clear();
    this.end = 0;
  }
}
