/**
 * Planted bugs of all protocols, so that the checkers can be seen to fail. A deployment names one in `plant`; nothing but tests and
 * `wavetank simulate --plant` does. "acknowledge-before-durable" is the runtimes' own.
 */
import { paxosMutants } from "./paxos-mutants.ts";
import { quorumMutants } from "./quorum-mutants.ts";
import { plantedCharges } from "./services/charges/mutants.ts";
import { plantedTransactions } from "./services/database/mutants.ts";
import { plantedHedges } from "./services/station/mutants.ts";
import { plantedMembers } from "./services/members/mutants.ts";
import { plantedDispatch } from "./services/dispatch/mutants.ts";
import { plantedTablets } from "./services/tablets/mutants.ts";
import { plantedZones } from "./services/zones/mutants.ts";
import { roles as realRoles } from "./services/node.ts";
import type { Roles } from "./services/node.ts";

export interface Mutant {
  readonly name: string;
  readonly description: string;
  /** What is different; everything else is the real thing. */
  readonly roles: Partial<Roles>;
  /** Not a bug: a checker that flags it is wrong. */
  readonly harmless?: true;
}

export const mutants: readonly Mutant[] = [
  { name: "acknowledge-before-durable", description: "answers leave before the log is written", roles: {} },
  ...quorumMutants.map(({ roles, ...about }) => ({ ...about, roles: { quorum: roles } })),
  ...paxosMutants.map(({ paxos, ...about }) => ({ ...about, roles: { paxos } })),
  ...plantedTransactions.map(({ transactions, ...about }) => ({
    ...about,
    roles: transactions === undefined ? {} : { transactions },
  })),
  ...plantedCharges.map(({ charges, ...about }) => ({ ...about, roles: { charges } })),
  ...plantedHedges.map(({ fanOut, ...about }) => ({ ...about, roles: { fanOut } })),
  ...plantedMembers.map(({ members, ...about }) => ({ ...about, roles: { members } })),
  ...plantedDispatch.map(({ dispatch, ...about }) => ({ ...about, roles: { dispatch } })),
  ...plantedTablets.map(({ rows, ...about }) => ({ ...about, roles: { rows } })),
  ...plantedZones.map(({ zones, ...about }) => ({ ...about, roles: { zones } })),
];

/** The roles a deployment asks for. Throws on an unknown plant. */
export function rolesOf(plant: string | undefined): Roles {
  if (plant === undefined) return realRoles;
  const mutant = mutants.find(({ name }) => name === plant);
  if (mutant === undefined) {
    throw new Error(
      `no planted bug is called "${plant}": expected one of ${mutants.map(({ name }) => name).join(", ")}`,
    );
  }
  return { ...realRoles, ...mutant.roles };
}
