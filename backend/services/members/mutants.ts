/** Planted bugs, for proving that the checkers can fail. */
import type { NodeId } from "../../kernel/units.ts";
import { Ringpop } from "../../protocols/ringpop/ringpop.ts";
import { incarnationIn, standingIn, versionOf } from "../../protocols/swim/claims.ts";
import type { Version } from "../../protocols/swim/claims.ts";
import { Swim } from "../../protocols/swim/swim.ts";
import { membersRoles } from "./members-node.ts";
import type { MembersRoles } from "./members-node.ts";

/** A member that is suspected says that it is alive, under the incarnation at which it is suspected: nobody believes it. */
class SuspicionWithoutIncarnation extends Swim {
  protected override onSaidOfMe(version: Version): void {
    const { self } = this.env;
    if (version > this.table.versionOf(self)) this.dissemination.add(self, this.table.versionOf(self), self);
  }
}

/** Whoever hears that a member it has just heard of is suspected speaks up for it. */
class RaisesOthersIncarnation extends Swim {
  protected override learn(member: NodeId, version: Version, by: NodeId): void {
    const vouched =
      member !== this.env.self && standingIn(version) === "suspect" && this.table.standingOf(member) === "alive";
    super.learn(member, vouched ? versionOf("alive", incarnationIn(version) + 1) : version, by);
  }
}

/** A request is served wherever it was sent: by two rings, one key has two homes. */
export class ForwardWithoutChecksum<Body, Result, Goods> extends Ringpop<Body, Result, Goods> {
  protected override accepts(): boolean {
    return true;
  }
}

export interface PlantedMembers {
  readonly name: string;
  readonly description: string;
  readonly members: MembersRoles;
}

export const plantedMembers: readonly PlantedMembers[] = [
  {
    name: "suspicion-without-incarnation",
    description: "a suspect answers under the incarnation at which it is suspected",
    members: { ...membersRoles, Swim: SuspicionWithoutIncarnation },
  },
  {
    name: "raises-others-incarnation",
    description: "whoever hears of a suspicion contradicts it in the suspect's name",
    members: { ...membersRoles, Swim: RaisesOthersIncarnation },
  },
  {
    name: "forward-without-checksum",
    description: "a request is served wherever it was sent, by whatever ring",
    members: { ...membersRoles, Ringpop: ForwardWithoutChecksum },
  },
];
