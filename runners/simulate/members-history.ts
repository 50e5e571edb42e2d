/**
 * What members come to believe, and what must be true of it whatever happens: only a member raises its own incarnation, beliefs only grow
 * stronger, nobody is held for dead without a cause, and a key is served by whoever owns it by its own ring.
 */
import type { NodeId } from "../../backend/kernel/units.ts";
import type { Witness } from "../../backend/kernel/witness.ts";
import { ScenarioHistory } from "./scenario-history.ts";

const ranks: Readonly<Record<string, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

interface Belief {
  readonly incarnation: number;
  readonly standing: string;
}

export class MembersHistory extends ScenarioHistory implements Witness {
  /** Nothing is lost, cut off, paused or slow: whoever is held for dead has crashed. */
  gentle = false;
  /** By member: the highest incarnation it gave itself, and the first of its present life. */
  private readonly issued: number[];
  private readonly born: number[];
  private readonly down = new Set<NodeId>();
  /** By node, by member: what it believes. */
  private readonly beliefs: Map<NodeId, Belief>[];

  constructor(nodes: number) {
    super();
    this.issued = Array.from({ length: nodes }, () => 1);
    this.born = Array.from({ length: nodes }, () => 1);
    this.beliefs = Array.from({ length: nodes }, () => new Map<NodeId, Belief>());
  }

  onCrash(nodes: readonly NodeId[]): void {
    for (const node of nodes) {
      this.down.add(node);
      this.beliefs[node].clear();
      this.born[node] = Infinity;
    }
  }

  onRestart(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.down.delete(node);
  }

  onStanding(node: NodeId, member: NodeId, standing: string, incarnation: number): void {
    if (node === member) this.onOwn(member, incarnation);
    else if (incarnation > this.issued[member]) {
      const own = this.issued[member];
      this.report("incarnation", `n${node} knows n${member} at ${incarnation}, which itself never went above ${own}`);
    }
    const before = this.beliefs[node].get(member);
    if (before !== undefined && incarnation * 4 + ranks[standing] <= before.incarnation * 4 + ranks[before.standing]) {
      const was = `${before.standing} at ${before.incarnation}`;
      this.report("incarnation", `n${node} held n${member} for ${was}, and now for ${standing} at ${incarnation}`);
    }
    this.beliefs[node].set(member, { incarnation, standing });
    if (!this.gentle || standing !== "dead" || this.down.has(member) || incarnation < this.born[member]) return;
    this.report("false-dead", `n${node} holds n${member} for dead at ${incarnation}, and nothing was wrong with it`);
  }

  /** There is no log. */
  onApplied(): void {}

  onLease(): void {}

  onServed(node: NodeId, key: string, owner: NodeId): void {
    if (node !== owner) this.report("not-owner", `n${node} served ${key}, which by its own ring is n${owner}'s`);
  }

  private onOwn(member: NodeId, incarnation: number): void {
    this.issued[member] = Math.max(this.issued[member], incarnation);
    if (this.born[member] === Infinity) this.born[member] = incarnation;
  }
}
