/**
 * Whom to probe next. Round robin (SWIM, section 4.3): through a shuffled list, shuffled again at its end, newcomers put in anywhere; so each
 * member is probed at least once in 2n - 1 periods. "random" is the basic protocol of section 3, which bounds nothing but the mean.
 */
import type { Random } from "../../kernel/random.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { MemberTable } from "./member-table.ts";

export type Targets = "round-robin" | "random";

export class ProbeOrder {
  private readonly self: NodeId;
  private readonly table: MemberTable;
  private readonly random: Random;
  private readonly targets: Targets;
  private order: NodeId[] = [];
  private next = 0;

  constructor(self: NodeId, table: MemberTable, random: Random, targets: Targets) {
    this.self = self;
    this.table = table;
    this.random = random;
    this.targets = targets;
  }

  /** A member has come, or come back. */
  insert(member: NodeId): void {
    if (this.order.includes(member)) return;
    const at = this.random.below(this.order.length + 1);
    this.order.splice(at, 0, member);
    if (at < this.next) this.next++;
  }

  /** Undefined when nobody else is there. */
  take(): NodeId | undefined {
    if (this.targets === "random") return this.some(1, this.self)[0];
    for (let pass = 0; pass < 2; pass++) {
      while (this.next < this.order.length) {
        const member = this.order[this.next++];
        if (member !== this.self && this.table.isPresent(member)) return member;
      }
      this.order = this.random.shuffle([...this.table.present()]);
      this.next = 0;
    }
    return undefined;
  }

  /** Up to `count` different members, neither this one nor `but`, each equally likely. */
  some(count: number, but: NodeId): NodeId[] {
    const present = this.table.present();
    const chosen: NodeId[] = [];
    const others = present.length - Number(this.table.isPresent(this.self));
    const available = others - Number(but !== this.self && this.table.isPresent(but));
    while (chosen.length < count && chosen.length < available) {
      const member = present[this.random.below(present.length)];
      if (member !== this.self && member !== but && !chosen.includes(member)) chosen.push(member);
    }
    return chosen;
  }
}
