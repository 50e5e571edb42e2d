/**
 * What a scenario of the replicated log sees: the clients' operations, for the linearizability checker, and from inside what every replica
 * applied and every lease that was counted on.
 */
import type { Witness } from "../../backend/kernel/witness.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import type { Operation } from "../check/history.ts";
import { checkLinearizability } from "../check/linearizability.ts";
import { keyValueModel } from "../check/models.ts";
import type { KeyValueInput, KeyValueOutput } from "../check/models.ts";
import { ScenarioHistory } from "./scenario-history.ts";

type KeyOperation = Operation<KeyValueInput, KeyValueOutput>;

/** Of the checker, for all keys of one run. */
const steps = 3_000_000;

export class LogHistory extends ScenarioHistory implements Witness {
  /** True time; set by the scenario. */
  now: () => Micros = () => 0;
  private readonly endings: (() => void)[] = [];
  private readonly operations: KeyOperation[] = [];
  /** By slot: the value that was applied there, whoever did it first. */
  private readonly applied = new Map<number, { readonly text: string; readonly node: NodeId }>();
  private readonly valuesApplied: string[] = [];
  private readonly leases = new Map<NodeId, { ballot: number; from: Micros; until: Micros }>();
  /** Acknowledged revisions of each key in order of acknowledgement, for stale reads. */
  private readonly revisions = new Map<string, { at: Micros; revision: number }[]>();

  /* ---- from inside ---- */

  onApplied(node: NodeId, _group: number, slot: number, body: unknown): void {
    const text = JSON.stringify(body);
    const known = this.applied.get(slot);
    if (known === undefined) {
      this.applied.set(slot, { text, node });
      this.valuesApplied.push(text);
    } else if (known.text !== text) {
      this.report("log-divergence", `slot ${slot} is ${known.text} at n${known.node} and ${text} at n${node}`);
    }
  }

  onLease(node: NodeId, _group: number, ballot: number, until: Micros): void {
    const now = this.now();
    const mine = this.leases.get(node);
    if (until === 0) {
      if (mine !== undefined && mine.until > now) mine.until = now;
      return;
    }
    for (const [other, lease] of this.leases) {
      if (other === node || lease.until <= now) continue;
      this.report(
        "lease-overlap",
        `n${node} holds a lease from ${now} us while n${other} holds one to ${lease.until} us (ballots ${ballot}, ${lease.ballot})`,
      );
    }
    this.leases.set(node, { ballot, from: mine?.ballot === ballot ? mine.from : now, until });
  }

  /** A crash ends whatever the node counted on. */
  onCrash(nodes: readonly NodeId[]): void {
    for (const node of nodes) this.leases.delete(node);
  }

  /* ---- from outside ---- */

  record(operation: KeyOperation): void {
    this.operations.push(operation);
    const { input, output, completedAt } = operation;
    if (output === undefined) return;
    if (input.kind === "get") this.reads++;
    else this.acknowledged++;
    if ((output.kind === "put" || output.kind === "deleted") && output.number !== undefined) {
      const known = this.revisions.get(input.key);
      if (known === undefined) this.revisions.set(input.key, [{ at: completedAt, revision: output.number }]);
      else known.push({ at: completedAt, revision: output.number });
    }
  }

  /** A read that may be `maxAgeUs` old, begun at `begunAt`, found this revision of the key; 0: nothing there. */
  onStaleRead(key: string, revision: number, begunAt: Micros, maxAgeUs: Micros): void {
    this.staleReads++;
    for (const { at, revision: acknowledged } of this.revisions.get(key) ?? []) {
      // A deleted key has no revision to compare; then only what is found can be too old.
      if (revision > 0 && at < begunAt - maxAgeUs && acknowledged > revision) {
        this.report(
          "stale-read",
          `a read of ${key} at ${begunAt} us that may be ${maxAgeUs} us old found revision ${revision}; ${acknowledged} was acknowledged at ${at} us`,
        );
        return;
      }
    }
  }

  /** What is not known before the run is over. */
  atEnd(record: () => void): void {
    this.endings.push(record);
  }

  /** Once everything is over. */
  judge(): void {
    for (const record of this.endings) record();
    // Of unknown outcome and in no slot of the log: it never happened. Keeping it open would only cost the search time.
    const everything = this.valuesApplied.join("\n");
    const operations = this.operations.filter(
      ({ input, output }) => output !== undefined || !("value" in input) || everything.includes(`"${input.value}"`),
    );
    const verdict = checkLinearizability(keyValueModel("mod-revision"), operations, { steps });
    if (verdict.kind === "violation") this.report("linearizability", verdict.text);
    else if (verdict.kind === "undecided") this.report("undecided", verdict.text);
  }
}
