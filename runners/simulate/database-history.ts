/**
 * What a scenario of the database sees: transactions and reads with their timestamps, for the checker of external consistency, and from
 * inside what every replica of every group applied and which leases were counted on. What clients never heard of but the logs committed
 * takes part in the replay: others may have read it.
 */
import type { Witness } from "../../backend/kernel/witness.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { checkExternalConsistency } from "../check/external-consistency.ts";
import type { Held, Transaction } from "../check/external-consistency.ts";
import { ScenarioHistory } from "./scenario-history.ts";

/** The commands of a tablet's log, as far as this needs them. */
type Command =
  | { readonly kind: "lead"; readonly reign: number }
  | {
      readonly kind: "commit";
      readonly reign: number;
      readonly txn: string;
      readonly timestamp: Micros;
      readonly cells: Cells;
    }
  | { readonly kind: "prepare"; readonly prepared: { readonly txn: string; readonly cells: Cells } }
  | { readonly kind: "resolve"; readonly txn: string; readonly timestamp: Micros | null }
  | { readonly kind: "presume-abort" | "forget" };
type Cells = readonly (readonly [key: string, held: Held])[];

interface Logged {
  timestamp: Micros | null;
  group: number;
  readonly writes: (readonly [key: string, held: Held])[];
}

export class DatabaseHistory extends ScenarioHistory implements Witness {
  /** True time; set by the scenario. */
  now: () => Micros = () => 0;
  /** Whose leaders are told of, one by one: all of them when 0. */
  watched = 1;
  /** Told at once when somebody is about to lead a watched group. */
  onElected: (leader: NodeId) => void = () => undefined;
  /** Who won its last election; -1: nobody yet. */
  leader: NodeId = -1;
  readonly transactions: Transaction[] = [];
  private readonly applied = new Map<string, { readonly text: string; readonly node: NodeId }>();
  private readonly leases = new Map<number, Map<NodeId, Micros>>();
  private readonly reigns = new Map<number, number>();
  private readonly logged = new Map<string, Logged>();
  private readonly acknowledgedAt = new Set<string>();

  /* ---- from inside ---- */

  onApplied(node: NodeId, group: number, slot: number, body: unknown): void {
    const place = `${group}/${slot}`;
    const text = JSON.stringify(body);
    const known = this.applied.get(place);
    if (known === undefined) {
      this.applied.set(place, { text, node });
      this.onChosen(group, body as { readonly commands?: readonly Command[] });
    } else if (known.text !== text) {
      this.report("log-divergence", `slot ${place} is ${known.text} at n${known.node} and ${text} at n${node}`);
    }
  }

  private onChosen(group: number, { commands = [] }: { readonly commands?: readonly Command[] }): void {
    for (const command of commands) {
      if (command.kind === "prepare") {
        this.logOf(command.prepared.txn).writes.push(...command.prepared.cells);
      } else if (command.kind === "lead") {
        this.reigns.set(group, Math.max(command.reign, this.reigns.get(group) ?? 0));
      } else if (command.kind === "commit") {
        // What an earlier leader stamped is void once another has begun.
        if (command.reign < (this.reigns.get(group) ?? 0)) continue;
        const logged = this.logOf(command.txn);
        logged.timestamp = command.timestamp;
        logged.group = group;
        logged.writes.push(...command.cells);
      } else if (command.kind === "resolve") {
        const { timestamp } = this.logOf(command.txn);
        // The coordinator decides first, so what it decided is known.
        if (command.timestamp !== timestamp)
          this.report(
            "atomicity",
            `${command.txn} is resolved at ${command.timestamp} in group ${group}; decided: ${timestamp}`,
          );
      }
    }
  }

  private logOf(txn: string): Logged {
    let logged = this.logged.get(txn);
    if (logged === undefined) this.logged.set(txn, (logged = { timestamp: null, group: 0, writes: [] }));
    return logged;
  }

  onLeads(node: NodeId, group: number): void {
    if (this.watched !== 0 && group !== this.watched) return;
    this.leader = node;
    this.onElected(node);
  }

  onLease(node: NodeId, group: number, ballot: number, until: Micros): void {
    const now = this.now();
    let leases = this.leases.get(group);
    if (leases === undefined) this.leases.set(group, (leases = new Map()));
    if (until === 0) {
      leases.delete(node);
      return;
    }
    for (const [other, end] of leases) {
      if (other === node || end <= now) continue;
      this.report(
        "lease-overlap",
        `n${node} leads group ${group} (ballot ${ballot}) while n${other}'s lease lasts to ${end}`,
      );
    }
    leases.set(node, until);
  }

  /** A crash ends whatever the node counted on. */
  onCrash(nodes: readonly NodeId[]): void {
    for (const leases of this.leases.values()) for (const node of nodes) leases.delete(node);
  }

  /* ---- from outside ---- */

  onTransaction(transaction: Transaction): void {
    this.transactions.push(transaction);
    if (transaction.kind === "read-write") {
      this.acknowledged++;
      this.acknowledgedAt.add(`${transaction.leader}@${transaction.timestamp}`);
    } else if (transaction.kind === "snapshot") this.staleReads++;
    else this.reads++;
  }

  /** Once everything is over. */
  judge(): void {
    for (const [name, { timestamp, group, writes }] of this.logged) {
      const leader = leaderName(group);
      if (timestamp === null || this.acknowledgedAt.has(`${leader}@${timestamp}`)) continue;
      this.transactions.push({
        name,
        kind: "read-write",
        leader,
        // When it was asked for is not known, so no order follows from it.
        invokedAt: 0,
        completedAt: Infinity,
        timestamp,
        reads: [],
        writes,
      });
    }
    for (const { rule, detail } of checkExternalConsistency(this.transactions).examples) {
      this.report("external-consistency", `${rule}: ${detail}`);
    }
  }
}

export function leaderName(group: number): string {
  return `group ${group}`;
}
