/**
 * What a scenario of tablets sees: the clients' operations, for the linearizability checker, and from inside what every replica of every
 * tablet applied and each lease that was counted on.
 */
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import type { Witness } from "../../backend/kernel/witness.ts";
import type { Operation } from "../check/history.ts";
import { checkLinearizability } from "../check/linearizability.ts";
import { registerModel } from "../check/models.ts";
import type { RegisterInput, RegisterOutput } from "../check/models.ts";
import { ScenarioHistory } from "./scenario-history.ts";

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

/** Of the checker, for all keys of one run. */
const steps = 3_000_000;

export class TabletHistory extends ScenarioHistory implements Witness {
  /** True time; set by the scenario. */
  now: () => Micros = () => 0;
  private readonly endings: (() => void)[] = [];
  private readonly operations: RegisterOperation[] = [];
  /** By group and slot: the value that was applied there, whoever did it first. */
  private readonly applied = new Map<string, { readonly text: string; readonly node: NodeId }>();
  private readonly leases = new Map<number, Map<NodeId, Micros>>();

  onApplied(node: NodeId, group: number, slot: number, body: unknown): void {
    const name = `${group}/${slot}`;
    const text = JSON.stringify(body);
    const known = this.applied.get(name);
    if (known === undefined) this.applied.set(name, { text, node });
    else if (known.text !== text) {
      this.report(
        "log-divergence",
        `slot ${slot} of group ${group} is ${known.text} at n${known.node} and ${text} at n${node}`,
      );
    }
  }

  onLease(node: NodeId, group: number, _ballot: number, until: Micros): void {
    const now = this.now();
    const leases = this.leases.get(group) ?? new Map<NodeId, Micros>();
    this.leases.set(group, leases);
    for (const [other, end] of leases) {
      if (until === 0 || other === node || end <= now) continue;
      this.report(
        "lease-overlap",
        `n${node} leads group ${group} at ${now} us while n${other} has a lease to ${end} us`,
      );
    }
    leases.set(node, until);
  }

  /** A crash ends whatever the node counted on. */
  onCrash(nodes: readonly NodeId[]): void {
    for (const leases of this.leases.values()) for (const node of nodes) leases.delete(node);
  }

  record(operation: RegisterOperation): void {
    this.operations.push(operation);
    const { input, output } = operation;
    if (output === undefined) return;
    if (input.kind === "read") this.reads++;
    else this.acknowledged++;
  }

  /** What is not known before the run is over. */
  atEnd(record: () => void): void {
    this.endings.push(record);
  }

  /** Once everything is over. */
  judge(): void {
    for (const record of this.endings) record();
    const verdict = checkLinearizability(registerModel, this.operations, { steps });
    if (verdict.kind === "violation") this.report("linearizability", verdict.text);
    else if (verdict.kind === "undecided") this.report("undecided", verdict.text);
  }
}
