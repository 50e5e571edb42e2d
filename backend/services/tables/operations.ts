/**
 * The life of one data operation at the node that coordinates it.
 *
 *     get                         admit -> read quorum -> answer
 *     put, delete                 admit -> write quorum -> answer
 *     with a condition, update    admit -> lock key -> read quorum -> evaluate -> write quorum -> answer -> unlock
 *
 * Conditional operations on a key are led by its first reachable replica, one at a time. While all nodes agree who that is they
 * are atomic; under a partition two leaders may both succeed, and the table's merge rule decides, as for any two writes.
 */
import type { Answer, Item, TableRequest } from "../../api.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { RequestId } from "../../kernel/env.ts";
import { OpenTable } from "../../kernel/open-table.ts";
import { itemBytes } from "../../policies/capacity/request-units.ts";
import type { Coordinator, QuorumClient, Target } from "../../protocols/quorum/coordinator.ts";
import type { Clock, Versions } from "../../protocols/quorum/versions.ts";
import { decodeContext, encodeContext } from "../../protocols/quorum/versions.ts";
import { latestOf, unionOf } from "../../protocols/quorum/merge-items.ts";
import { holds } from "../items/conditions.ts";
import { applyUpdate } from "../items/updates.ts";
import type { Admission } from "./admission.ts";
import type { CatalogEntry } from "./messages.ts";

export type DataRequest = Extract<TableRequest, { kind: "get" | "put" | "update" | "delete" }>;

/** Who waits for the answer: a client of this node, or another node that forwarded its client's request. */
export type Origin =
  | { readonly kind: "client"; readonly request: RequestId }
  | { readonly kind: "node"; readonly from: NodeId; readonly operation: number };

export interface Operation {
  readonly token: number;
  readonly origin: Origin;
  readonly body: DataRequest;
  readonly entry: CatalogEntry;
  readonly target: Target;
  readonly partition: number;
  readonly key: Item;
  readonly deadline: Micros;
  locked: boolean;
  units: number;
  before: Item | null;
  after: Item | null;
}

/** Where finished operations go. */
export interface OperationsNode {
  readonly env: { readonly now: Micros };
  onDone(origin: Origin, answer: Answer): void;
}

export class Operations implements QuorumClient {
  private readonly node: OperationsNode;
  private readonly admission: Admission;
  private readonly active = new OpenTable<Operation>();
  /** Per record, the conditional operations that want it; the first holds it. */
  private readonly queues = new Map<string, Operation[]>();
  /** Keys whose next waiter is to begin; a list and not a call, since a thousand waiters may fail one right after another. */
  private readonly turns: string[] = [];
  private givingTurns = false;
  private nextToken = 1;
  /** Set once, right after both exist: they refer to each other. */
  coordinator!: Coordinator;

  constructor(node: OperationsNode, admission: Admission) {
    this.node = node;
    this.admission = admission;
  }

  get outstanding(): number {
    return this.active.size;
  }

  begin(
    origin: Origin,
    body: DataRequest,
    entry: CatalogEntry,
    place: { target: Target; partition: number; key: Item },
    deadline: Micros,
  ): void {
    const { target, partition, key } = place;
    const token = this.nextToken++;
    const base = { token, origin, body, entry, target, partition, key, deadline };
    const operation: Operation = { ...base, locked: false, units: 0, before: null, after: null };
    this.active.set(token, operation);
    if (!this.admit(operation)) {
      const message =
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
      this.finish(operation, { kind: "refused", code: "throttled", message });
    } else if (body.kind === "get") {
      const needed = body.consistent ? entry.spec.replication.r : 1;
      this.coordinator.read(token, target, needed, deadline);
    } else if (body.kind === "update" || readsFirst(body)) {
      this.lock(operation);
    } else {
      this.writeBlind(operation, body);
    }
  }

  /* ---- answers of the coordinator ---- */

  onRead(token: number, versions: Versions): void {
    const operation = this.active.get(token);
    if (operation === undefined) return;
    if (operation.body.kind === "get") this.answerGet(operation, versions);
    else this.evaluate(operation, operation.body, versions);
  }

  onWritten(token: number, versions: Versions): void {
    const operation = this.active.get(token);
    if (operation === undefined) return;
    const { before, after, entry, partition } = operation;
    const bytes = this.admission.limits(entry) ? Math.max(itemBytes(before), itemBytes(after)) : 0;
    const units = this.admission.chargeWrite(entry, partition, bytes, operation.units);
    const context = encodeContext(versions.clock);
    this.finish(operation, { kind: "ok", result: { kind: "written", before, after, context, units } });
  }

  onUnavailable(token: number, reachable: number, needed: number): void {
    const operation = this.active.get(token);
    if (operation === undefined) return;
    const message = `${reachable} replicas of the item can be reached, ${needed} must answer`;
    this.finish(operation, { kind: "refused", code: "unavailable", message });
  }

  onQuorumLost(token: number, answered: number, needed: number): void {
    const operation = this.active.get(token);
    if (operation === undefined) return;
    const message = `${answered} replicas answered in time, ${needed} were needed`;
    this.finish(operation, { kind: "unknown", code: "quorum-lost", message });
  }

  /* ---- stages ---- */

  private admit(operation: Operation): boolean {
    const { body, entry, partition } = operation;
    const bytes = body.kind === "put" && this.admission.limits(entry) ? itemBytes(body.item) : 0;
    const units = this.admission.admit(entry, partition, body, bytes);
    if (units === null) return false;
    operation.units = units;
    return true;
  }

  private writeBlind(operation: Operation, body: Extract<DataRequest, { kind: "put" | "delete" }>): void {
    const { token, target, deadline, entry } = operation;
    const item = body.kind === "put" ? body.item : null;
    operation.after = item;
    let context: Clock | null = null;
    if (entry.spec.merge === "siblings" || body.context !== undefined) {
      context = decodeContext(body.context ?? "");
      if (context === null) {
        const message = `The causality token is not one that a read returned: got "${body.context}"`;
        this.finish(operation, { kind: "refused", code: "invalid", message });
        return;
      }
    }
    this.coordinator.write(token, target, context, item, deadline);
  }

  private answerGet(operation: Operation, versions: Versions): void {
    const { entry, partition } = operation;
    const item = resolve(entry.spec.merge, versions);
    const live = versions.siblings.flatMap((sibling) => (sibling.item === null ? [] : [sibling.item]));
    const siblings = entry.spec.merge === "siblings" ? live : item === null ? [] : [item];
    const bytes = this.admission.limits(entry) ? itemBytes(item) : 0;
    const consistent = operation.body.kind === "get" && operation.body.consistent;
    const units = this.admission.chargeRead(entry, partition, bytes, consistent, operation.units);
    const context = encodeContext(versions.clock);
    const { merge } = entry.spec;
    this.finish(operation, { kind: "ok", result: { kind: "item", item, siblings, context, units, merge } });
  }

  private evaluate(operation: Operation, body: Exclude<DataRequest, { kind: "get" }>, versions: Versions): void {
    const { entry, target, token, deadline } = operation;
    const held = resolve(entry.spec.merge, versions);
    operation.before = held;
    if (body.condition !== undefined && !holds(body.condition, held)) {
      const message = "The conditional request failed";
      const answer: Answer = { kind: "refused", code: "condition-failed", message };
      this.finish(operation, held === null ? answer : { ...answer, item: held });
      return;
    }
    let item: Item | null = null;
    if (body.kind === "put") item = body.item;
    else if (body.kind === "update") {
      const updated = applyUpdate(held, operation.key, body.actions);
      if (updated.kind === "invalid") {
        this.finish(operation, { kind: "refused", code: "invalid", message: updated.message });
        return;
      }
      item = updated.item;
    }
    operation.after = item;
    this.coordinator.write(token, target, versions.clock, item, deadline);
  }

  private lock(operation: Operation): void {
    const { key } = operation.target;
    operation.locked = true;
    const queue = this.queues.get(key);
    if (queue === undefined) {
      this.queues.set(key, [operation]);
      this.readForUpdate(operation);
    } else {
      queue.push(operation);
    }
  }

  private readForUpdate(operation: Operation): void {
    if (operation.deadline <= this.node.env.now) {
      const message = "The operation's time was up before its turn on the item came";
      this.finish(operation, { kind: "refused", code: "expired", message });
      return;
    }
    this.coordinator.read(operation.token, operation.target, operation.entry.spec.replication.r, operation.deadline);
  }

  private finish(operation: Operation, answer: Answer): void {
    this.active.delete(operation.token);
    this.node.onDone(operation.origin, answer);
    if (!operation.locked) return;
    const { key } = operation.target;
    const queue = this.queues.get(key)!;
    queue.shift();
    if (queue.length === 0) this.queues.delete(key);
    else this.turns.push(key);
    this.giveTurns();
  }

  private giveTurns(): void {
    if (this.givingTurns) return;
    this.givingTurns = true;
    for (let key = this.turns.pop(); key !== undefined; key = this.turns.pop()) {
      this.readForUpdate(this.queues.get(key)![0]);
    }
    this.givingTurns = false;
  }
}

/** Must this request see the item before it may write? Then it is also led by the key's leader. */
export function readsFirst(body: DataRequest): boolean {
  if (body.kind === "get") return false;
  return body.kind === "update" || body.condition !== undefined || body.returnBefore === true;
}

function resolve(merge: CatalogEntry["spec"]["merge"], { siblings }: Versions): Item | null {
  if (siblings.length === 1) return siblings[0].item;
  return merge === "union" ? unionOf(siblings) : latestOf(siblings);
}
