/**
 * Who leads which group, as far as one node knows: by itself for the groups it is a replica of, by asking for the others. A wrong idea costs
 * a round trip, nothing else; one that nobody has confirmed for a while is asked about again, since what is said from group to group is not
 * answered by who does not lead.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { GroupId, Log, TransactionEnv } from "./messages.ts";

interface Known {
  leader: NodeId;
  askedAt: Micros;
  heardAt: Micros;
}

/** What a node knows of the groups themselves. */
export interface Groups {
  /** The group's replica on this node. */
  here(group: GroupId): Log | undefined;
  replicas(group: GroupId): readonly NodeId[];
}

export class Leaders {
  private readonly env: TransactionEnv;
  private readonly groups: Groups;
  private readonly askUs: Micros;
  private readonly known = new Map<GroupId, Known>();

  constructor(env: TransactionEnv, groups: Groups, askUs: Micros) {
    this.env = env;
    this.groups = groups;
    this.askUs = askUs;
  }

  /** -1: not known; then it is being asked. */
  of(group: GroupId): NodeId {
    const here = this.groups.here(group);
    if (here !== undefined && here.leader >= 0) return here.leader;
    const { leader, heardAt } = this.entry(group);
    if (leader < 0 || this.env.now - heardAt > 8 * this.askUs) this.ask(group);
    return leader;
  }

  /** What is known of it may be wrong. */
  doubt(group: GroupId): void {
    this.ask(group);
  }

  /** It said itself that it does not lead. */
  forget(group: GroupId, node: NodeId): void {
    const known = this.known.get(group);
    if (known?.leader === node) known.leader = -1;
  }

  onLocated(group: GroupId, leader: NodeId): void {
    if (leader < 0) return;
    const known = this.entry(group);
    known.leader = leader;
    known.heardAt = this.env.now;
  }

  private ask(group: GroupId): void {
    const known = this.entry(group);
    if (this.env.now - known.askedAt < this.askUs) return;
    known.askedAt = this.env.now;
    for (const node of this.groups.replicas(group)) {
      if (node !== this.env.self) this.env.sendEarly(node, { kind: "locate", group });
    }
  }

  private entry(group: GroupId): Known {
    let known = this.known.get(group);
    if (known === undefined) this.known.set(group, (known = { leader: -1, askedAt: -Infinity, heardAt: -Infinity }));
    return known;
  }
}
