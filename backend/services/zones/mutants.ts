/** Planted bugs, for proving that the checkers can fail. */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { LatchPolicy } from "../../api-zones.ts";
import { Latch } from "./latch.ts";
import { Replica } from "./replica.ts";

/** What a node of the service is made of; tests put a mutant among them. */
export interface ZonesRoles {
  readonly latch: (operation: CacheOperation, policy: LatchPolicy, zones: number) => Latch;
  readonly replica: typeof Replica;
}

export const zonesRoles: ZonesRoles = {
  latch: (operation, policy, zones) => new Latch(operation, policy, zones),
  replica: Replica,
};

/** Whoever swaps last wins, whatever it compared with. */
class CasIgnored extends Replica {
  protected override carryOut(operation: CacheOperation): CacheOutcome {
    return super.carryOut("compareCas" in operation ? { ...operation, compareCas: undefined } : operation);
  }
}

/** An answer that the network doubled stands for another zone's. */
class CountedTwice extends Latch {
  private again = 0;

  override record(place: number, outcome: CacheOutcome): boolean {
    const first = super.record(place, outcome);
    if (!first) this.again++;
    return first;
  }

  override get answered(): number {
    return super.answered + this.again;
  }
}

class FirstZoneOnly extends Latch {
  override readonly needed = 1;
}

/** What another zone had some time ago is news. */
class AnyCopy extends Replica {
  protected override mayTake(): boolean {
    return true;
  }
}

export interface PlantedZones {
  readonly name: string;
  readonly description: string;
  readonly zones: ZonesRoles;
}

export const plantedZones: readonly PlantedZones[] = [
  {
    name: "cas-ignored-on-replica",
    description: "a zone's owner stores what a compare-and-swap brings without comparing",
    zones: { ...zonesRoles, replica: CasIgnored },
  },
  {
    name: "latch-counted-twice",
    description: "an answer that comes twice counts as two zones",
    zones: { ...zonesRoles, latch: (...given) => new CountedTwice(...given) },
  },
  {
    name: "acknowledged-after-first-zone",
    description: "a write is acknowledged when one zone has it, whatever the latch",
    zones: { ...zonesRoles, latch: (...given) => new FirstZoneOnly(...given) },
  },
  {
    name: "copy-over-recent-write",
    description: "a copy from another zone is taken although a write was carried out here a moment ago",
    zones: { ...zonesRoles, replica: AnyCopy },
  },
];
