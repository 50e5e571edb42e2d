/**
 * etcd's key-value store as the state machine of a replicated log: revisions, ranges, transactions, leases, compaction and watches, after
 * etcd's API reference ("KV API guarantees") and its server's texts for what it refuses.
 *
 * Everything written is worked out from the log, so every write is one that nothing waits for. What a compaction deletes is deleted in
 * pieces, some with every later command, so that no command stands in the way of the others for long.
 */
import type { Answer, RefusalCode } from "../../api.ts";
import type {
  DeleteChange,
  KeyEvent,
  KeyValue,
  KeysCommand,
  KeysQuery,
  KeysResult,
  PutChange,
  RangeQuery,
  Txn,
  TxnStep,
  TxnStepResult,
} from "../../api-coordination.ts";
import type { Store } from "../../kernel/store.ts";
import type { Micros } from "../../kernel/units.ts";
import type { StateMachine } from "../../protocols/paxos/state-machine.ts";
import { KeyHistory, exists, maxKeyBytes } from "./key-history.ts";
import { Leases, maxTtlS } from "./leases.ts";
import { answerRange } from "./range-query.ts";
import { changesTwice, choose } from "./txn-rules.ts";
import type { Chosen } from "./txn-rules.ts";

export type KeysAnswer = Answer<KeysResult>;
type Refusal = Extract<KeysAnswer, { kind: "refused" }>;

/** Changes that a command of the idle leader looks at for the compaction under way. */
const sweepPerIdleCommand = 2_048;
/** Leases that one command ends. */
const leasesPerCommand = 256;
/** Changes that one look of a watch passes, and about the bytes that it brings; it goes on from there. */
const watchedPerRead = 20_000;
const watchedBytesPerRead = 1_048_576;

export class KeysMachine implements StateMachine<KeysCommand, KeysQuery, KeysAnswer> {
  private readonly history: KeyHistory;
  private readonly leases: Leases;
  /** Per open watch, the last revision it has seen in vain. Only a shortcut: it is forgotten with the query. */
  private watched = new WeakMap<KeysQuery, number>();

  /** Changes that any command looks at for the compaction under way. */
  private readonly sweepPerCommand: number;

  /** @param store that shows the machine's own keys only, all of them from the first byte on */
  constructor(store: Store, sweepPerCommand = 16) {
    this.sweepPerCommand = sweepPerCommand;
    this.history = new KeyHistory(store);
    this.leases = new Leases(store);
  }

  /** Of the last command that changed a key. */
  get revision(): number {
    return this.history.revision;
  }

  apply(command: KeysCommand, at: Micros): KeysAnswer {
    if (this.history.sweeping) {
      this.history.sweep(command.kind === "lease-expire" ? sweepPerIdleCommand : this.sweepPerCommand);
    }
    switch (command.kind) {
      case "key-put":
        return this.put(command);
      case "key-delete-range":
        return this.deleteRange(command);
      case "key-txn":
        return this.txn(command);
      case "key-compact":
        return this.compact(command.revision);
      case "lease-grant":
        return this.grant(command.id, command.ttlS, at);
      case "lease-revoke":
        return this.revoke(command.id);
      case "lease-keep-alive":
        return this.keepAlive(command.id, at);
      case "lease-expire":
        return this.expire(at);
    }
  }

  read(query: KeysQuery, at: Micros): KeysAnswer | undefined {
    switch (query.kind) {
      case "key-range": {
        const refusal = this.refuseRevision(query);
        if (refusal !== undefined) return refusal;
        return ok({ kind: "key-range", revision: this.revision, ...answerRange(this.history, query) });
      }
      case "lease-time-to-live":
        return this.timeToLive(query.id, query.keys, at);
      case "lease-list":
        return ok({ kind: "leases", revision: this.revision, ids: this.leases.ids() });
      case "key-watch":
        return this.watch(query);
      case "log-status":
        return refused("invalid", "the status of the log is the node's to tell, not the state machine's");
    }
  }

  reset(): void {
    this.history.reset();
    this.watched = new WeakMap();
  }

  due(at: Micros): KeysCommand | undefined {
    const needed = this.history.sweeping || this.leases.ended(at, 1).length > 0;
    return needed ? { kind: "lease-expire" } : undefined;
  }

  check(): void {
    this.history.check();
  }

  /* ---- keys ------------------------------------------------------------------------------------------------------------- */

  /** Where lease and key are both missing, etcd says it of the lease; within a transaction, of the key. */
  private put(change: PutChange): KeysAnswer {
    const refusal = this.refuseLease(change) ?? this.refusePut(change);
    if (refusal !== undefined) return refusal;
    const before = this.applyPut(change);
    this.history.finish();
    return ok({ kind: "key-put", revision: this.revision, before: change.returnBefore === true ? before : null });
  }

  /** @returns the key as it was, where that is asked for */
  private applyPut(change: PutChange): KeyValue | null {
    const { key } = change;
    const latest = this.history.latest(key);
    const wanted = change.returnBefore === true || change.keepValue === true;
    const before = wanted && latest !== undefined ? this.history.live(latest) : undefined;
    const lastLease = latest === undefined ? 0 : latest[3];
    const value = change.keepValue === true ? before!.value : change.value;
    const lease = change.keepLease === true ? lastLease : (change.lease ?? 0);
    this.history.put(key, value, lease, latest);
    if (lease !== lastLease) {
      if (lastLease !== 0) this.leases.detach(lastLease, key);
      if (lease !== 0) this.leases.attach(lease, key);
    }
    return before ?? null;
  }

  private deleteRange(change: DeleteChange): KeysAnswer {
    const { deleted, before } = this.applyDelete(change);
    this.history.finish();
    return ok({ kind: "key-deleted", revision: this.revision, deleted, before });
  }

  private applyDelete(change: DeleteChange): { deleted: number; before: KeyValue[] } {
    const before: KeyValue[] = [];
    this.history.scan(change, 0, (entry) => void before.push(entry));
    for (const { key, lease } of before) this.removeKey(key, lease);
    return { deleted: before.length, before: change.returnBefore === true ? before : [] };
  }

  private removeKey(key: string, lease: number): void {
    this.history.remove(key);
    if (lease !== 0) this.leases.detach(lease, key);
  }

  private compact(revision: number): KeysAnswer {
    if (revision <= this.history.compacted) return compacted;
    if (revision > this.revision) return futureRevision;
    this.history.compact(revision);
    return ok({ kind: "key-compacted", revision: this.revision });
  }

  /* ---- transactions ----------------------------------------------------------------------------------------------------- */

  private txn(txn: Txn): KeysAnswer {
    if (changesTwice(txn)) return refused("invalid", "duplicate key given in txn request");
    const chosen = choose(this.history, txn);
    const refusal = this.refuseSteps(chosen);
    if (refusal !== undefined) return refusal;
    const results = this.applySteps(chosen);
    this.history.finish();
    return ok({ kind: "key-txn", revision: this.revision, succeeded: chosen.succeeded, results });
  }

  /** A transaction is refused whole: whatever a step needs is looked for before the first is applied, as etcd does puts first. */
  private refuseSteps(chosen: Chosen): Refusal | undefined {
    const steps = stepsOf(chosen);
    for (const step of steps) {
      const refusal = step.kind === "put" ? this.refusePut(step) : undefined;
      if (refusal !== undefined) return refusal;
    }
    for (const step of steps) {
      const refusal = step.kind === "range" ? this.refuseRevision(step) : undefined;
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  private applySteps({ steps, nested }: Chosen): TxnStepResult[] {
    let txns = 0;
    return steps.map((step): TxnStepResult => {
      switch (step.kind) {
        case "range":
          return { kind: "range", ...answerRange(this.history, step) };
        case "put": {
          const before = this.applyPut(step);
          return { kind: "put", before: step.returnBefore === true ? before : null };
        }
        case "delete-range":
          return { kind: "delete-range", ...this.applyDelete(step) };
        case "txn": {
          const chosen = nested[txns++];
          return { kind: "txn", succeeded: chosen.succeeded, results: this.applySteps(chosen) };
        }
      }
    });
  }

  private refusePut(change: PutChange): Refusal | undefined {
    if (change.key.length > maxKeyBytes) {
      return refused("invalid", `key has ${change.key.length} bytes; this store takes at most ${maxKeyBytes}`);
    }
    if (change.keepValue === true || change.keepLease === true) {
      const latest = this.history.latest(change.key);
      if (latest === undefined || !exists(latest)) return refused("invalid", "key not found");
    }
    return this.refuseLease(change);
  }

  private refuseLease({ lease = 0 }: PutChange): Refusal | undefined {
    return lease === 0 || this.leases.has(lease) ? undefined : leaseNotFound;
  }

  private refuseRevision({ revision = 0 }: RangeQuery): Refusal | undefined {
    if (revision === 0) return undefined;
    if (revision > this.revision) return futureRevision;
    return revision < this.history.compacted ? compacted : undefined;
  }

  /* ---- leases ----------------------------------------------------------------------------------------------------------- */

  private grant(asked: number, ttlS: number, at: Micros): KeysAnswer {
    if (!Number.isSafeInteger(asked) || asked < 0) return refused("invalid", `lease ${asked} is not from 1 to 2^53-1`);
    if (ttlS > maxTtlS) return refused("invalid", "too large lease TTL");
    if (asked !== 0 && this.leases.has(asked)) return refused("exists", "lease already exists");
    const id = asked === 0 ? this.leases.draw() : asked;
    const grantedS = this.leases.grant(id, ttlS, at);
    return this.lease(id, grantedS, grantedS);
  }

  private revoke(id: number): KeysAnswer {
    if (!this.leases.has(id)) return leaseNotFound;
    this.end(id);
    return this.lease(id, -1, 0);
  }

  /** Deletes a lease and its keys, at one revision. */
  private end(id: number): void {
    for (const key of this.leases.keys(id)) this.history.remove(key);
    this.leases.remove(id);
    this.history.finish();
  }

  private keepAlive(id: number, at: Micros): KeysAnswer {
    const ttlS = this.leases.keepAlive(id, at);
    return ttlS === undefined ? leaseNotFound : this.lease(id, ttlS, ttlS);
  }

  private expire(at: Micros): KeysAnswer {
    const ids = this.leases.ended(at, leasesPerCommand);
    for (const id of ids) this.end(id);
    return ok({ kind: "leases", revision: this.revision, ids });
  }

  private timeToLive(id: number, withKeys: boolean, at: Micros): KeysAnswer {
    const times = this.leases.times(id, at);
    if (times === undefined) return this.lease(id, -1, 0);
    return this.lease(id, times.leftS, times.grantedS, withKeys ? this.leases.keys(id) : []);
  }

  private lease(id: number, ttlS: number, grantedS: number, keys: readonly string[] = []): KeysAnswer {
    return ok({ kind: "lease", revision: this.revision, id, ttlS, grantedS, keys });
  }

  /* ---- watches ---------------------------------------------------------------------------------------------------------- */

  /** Nothing to tell yet is no answer while the watch has time to wait, and an answer without events when it has none. */
  private watch(query: Extract<KeysQuery, { kind: "key-watch" }>): KeysAnswer | undefined {
    const from = Math.max(query.fromRevision, (this.watched.get(query) ?? -1) + 1);
    if (from < this.history.compacted) {
      const { compacted, revision } = this.history;
      return ok({ kind: "key-events", revision, events: [], compactedTo: compacted });
    }
    const events: KeyEvent[] = [];
    let passed = 0;
    let bytes = 0;
    let last = from - 1;
    let whole = true;
    if (from <= this.revision) {
      this.history.events(from, (key, revision, event) => {
        const enough = events.length >= query.limit || passed >= watchedPerRead || bytes >= watchedBytesPerRead;
        if (revision !== last && enough) {
          whole = false;
          return false;
        }
        last = revision;
        passed++;
        if (inRange(query, key)) {
          const told = event(query.returnBefore === true);
          bytes += told.entry.value.length + (told.before?.value.length ?? 0);
          events.push(told);
        }
        return true;
      });
    }
    const revision = whole ? Math.max(last, this.revision) : last;
    if (events.length > 0 || !whole || query.waitUs <= 0) {
      return ok({ kind: "key-events", revision: Math.max(revision, from - 1), events, compactedTo: 0 });
    }
    this.watched.set(query, revision);
    return undefined;
  }
}

/** All that is done, in order. */
function stepsOf({ steps, nested }: Chosen): readonly TxnStep[] {
  let txns = 0;
  return nested.length === 0
    ? steps
    : steps.flatMap((step) => (step.kind === "txn" ? stepsOf(nested[txns++]) : [step]));
}

function inRange({ key, end }: { readonly key: string; readonly end?: string }, sought: string): boolean {
  if (end === undefined) return sought === key;
  return sought >= key && (end === "\0" || sought < end);
}

function ok(result: KeysResult): KeysAnswer {
  return { kind: "ok", result };
}

function refused(code: RefusalCode, message: string): Refusal {
  return { kind: "refused", code, message };
}

const compacted = refused("compacted", "mvcc: required revision has been compacted");
const futureRevision = refused("future-revision", "mvcc: required revision is a future revision");
const leaseNotFound = refused("not-found", "requested lease not found");
