/**
 * What a scenario of the replicated log sees: the clients' operations, for the linearizability checker, and from inside what every replica
 * promised, accepted and applied, and every lease that was counted on.
 */
import type { Witness } from "../../backend/kernel/witness.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { BallotRules } from "../check/ballot-rules.ts";
import type { Operation } from "../check/history.ts";
import { checkLeaseDisjointness } from "../check/lease-disjointness.ts";
import type { Lease } from "../check/lease-disjointness.ts";
import { checkLinearizability } from "../check/linearizability.ts";
import { LogAgreement } from "../check/log-agreement.ts";
import { keyValueModel } from "../check/models.ts";
import type { KeyValueInput, KeyValueOutput } from "../check/models.ts";
import { ScenarioHistory } from "./scenario-history.ts";

type KeyOperation = Operation<KeyValueInput, KeyValueOutput>;

const maxStands = 4;
/** Of the checker, for all keys of one run. */
const steps = 3_000_000;

export class LogHistory extends ScenarioHistory implements Witness {
  /** True time; set by the scenario. */
  now: () => Micros = () => 0;
  /** Told at once when somebody is about to lead. */
  onElected: (leader: NodeId) => void = () => undefined;
  /** Who won the last election; -1: nobody yet. */
  leader: NodeId = -1;
  elections = 0;
  private readonly endings: (() => void)[] = [];
  private readonly operations: KeyOperation[] = [];
  private readonly agreement = new LogAgreement();
  private readonly ballots = new BallotRules();
  /** Values proposed and applied, by their text. Bodies are passed about as they are, so each is written out once. */
  private readonly texts = new WeakMap<object, string>();
  private readonly open = new Map<NodeId, { -readonly [K in keyof Lease]: Lease[K] }>();
  private readonly leases: Lease[] = [];
  /** Written values that took effect. */
  private readonly effects = new Set<string>();
  /** Acknowledged revisions of each key in order of acknowledgement, for stale reads. */
  private readonly revisions = new Map<string, { at: Micros; revision: number }[]>();

  /** Nobody stands for election more than `maxStands` times in so long; 0: it may, for each change of voters is an election. */
  restlessUs: Micros = 0;
  private readonly stands = new Map<NodeId, Micros[]>();

  /* ---- from inside ---- */

  onStands(node: NodeId): void {
    const since = this.now() - this.restlessUs;
    const recent = (this.stands.get(node) ?? []).filter((at) => at >= since);
    recent.push(this.now());
    this.stands.set(node, recent);
    if (this.restlessUs > 0 && recent.length === maxStands + 1) {
      this.report("no-progress", `n${node} stood for election ${recent.length} times in ${this.restlessUs} us`);
    }
  }

  onLeads(node: NodeId): void {
    this.leader = node;
    this.elections++;
    this.onElected(node);
  }

  onPromised(node: NodeId, _group: number, ballot: number): void {
    this.ballots.onPromised(`n${node}`, ballot);
  }

  onAccepted(node: NodeId, _group: number, slot: number, ballot: number, body: unknown): void {
    this.ballots.onAccepted(`n${node}`, slot, ballot, this.textOf(body));
  }

  onRestored(node: NodeId, _group: number, slot: number): void {
    this.agreement.onRestored(`n${node}`, slot);
  }

  onApplied(node: NodeId, _group: number, slot: number, body: unknown): void {
    const text = this.textOf(body);
    this.ballots.onChosen(slot, text);
    this.agreement.onApplied(`n${node}`, slot, text);
    for (const value of writtenValues(body)) {
      this.effects.add(value);
      this.agreement.onEffect(`n${node}`, slot, value);
    }
  }

  onLease(node: NodeId, _group: number, _ballot: number, until: Micros): void {
    const now = this.now();
    const known = this.open.get(node);
    if (until <= now) this.endLease(node, now);
    else if (known !== undefined && known.until >= now) known.until = Math.max(known.until, until);
    else {
      this.endLease(node, now);
      this.open.set(node, { group: "log", leader: `n${node}`, from: now, until });
    }
  }

  /** A crash ends whatever the node counted on. */
  onCrash(nodes: readonly NodeId[], wiped: boolean): void {
    for (const node of nodes) {
      this.endLease(node, this.now());
      if (wiped) this.ballots.onWiped(`n${node}`);
    }
  }

  private endLease(node: NodeId, now: Micros): void {
    const lease = this.open.get(node);
    if (lease === undefined) return;
    this.open.delete(node);
    this.leases.push({ ...lease, until: Math.min(lease.until, Math.max(now, lease.from)) });
  }

  private textOf(body: unknown): string {
    let text = this.texts.get(body as object);
    if (text === undefined) this.texts.set(body as object, (text = JSON.stringify(body)));
    return text;
  }

  /* ---- from outside ---- */

  record(operation: KeyOperation): void {
    this.operations.push(operation);
    const { input, output, completedAt } = operation;
    if (output === undefined) return;
    if (input.kind === "get") this.reads++;
    else this.acknowledged++;
    if (output.kind === "put" && "value" in input) this.agreement.onAcknowledged(String(input.value));
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
    for (const node of this.open.keys()) this.endLease(node, Infinity);
    this.agreement.checkAcknowledged();
    for (const { violations } of [this.ballots, this.agreement]) {
      for (const { rule, detail } of violations.examples) this.report(rule, detail);
    }
    for (const { detail } of checkLeaseDisjointness(this.leases).examples) this.report("lease-overlap", detail);
    // Of unknown outcome and in no slot of the log: it never happened. Keeping it open would only cost the search time.
    const operations = this.operations.filter(
      ({ input, output }) => output !== undefined || !("value" in input) || this.effects.has(String(input.value)),
    );
    const verdict = checkLinearizability(keyValueModel("mod-revision"), operations, { steps });
    if (verdict.kind === "violation") this.report("linearizability", verdict.text);
    else if (verdict.kind === "undecided") this.report("undecided", verdict.text);
  }
}

/** What the commands of a slot write, plainly or under a condition; no client writes the same value twice. */
function* writtenValues(body: unknown): Iterable<string> {
  const { commands = [] } = body as {
    commands?: readonly { value?: string; success?: readonly { value?: string }[] }[];
  };
  for (const { value, success = [] } of commands) {
    if (value !== undefined) yield value;
    for (const operation of success) if (operation.value !== undefined) yield operation.value;
  }
}
