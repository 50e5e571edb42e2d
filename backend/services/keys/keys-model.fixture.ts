/**
 * etcd's store as one would write it without a thought for cost: a whole copy of all keys for every revision. What the state machine is
 * compared with.
 */
import type {
  Comparison,
  KeyEvent,
  KeyRange,
  KeyValue,
  KeysCommand,
  KeysQuery,
  RangeQuery,
  RangeResult,
  Txn,
  TxnStep,
  TxnStepResult,
} from "../../api-coordination.ts";
import type { KeysAnswer } from "./keys-machine.ts";

type Copy = ReadonlyMap<string, KeyValue>;

export class KeysModel {
  private copies: Copy[] = [new Map(), new Map()];
  private readonly events: { revision: number; event: KeyEvent }[] = [];
  private compacted = -1;
  private working: Map<string, KeyValue> | undefined;

  get revision(): number {
    return this.copies.length - 1;
  }

  apply(command: KeysCommand): KeysAnswer {
    switch (command.kind) {
      case "key-put": {
        const [result, refusal] = this.steps({ compare: [], success: [{ ...command, kind: "put" }], failure: [] });
        if (refusal !== undefined) return refusal;
        const { before } = result![0] as Extract<TxnStepResult, { kind: "put" }>;
        return { kind: "ok", result: { kind: "key-put", revision: this.revision, before } };
      }
      case "key-delete-range": {
        const step: TxnStep = { ...command, kind: "delete-range" };
        const [result] = this.steps({ compare: [], success: [step], failure: [] });
        const { deleted, before } = result![0] as Extract<TxnStepResult, { kind: "delete-range" }>;
        return { kind: "ok", result: { kind: "key-deleted", revision: this.revision, deleted, before } };
      }
      case "key-txn": {
        const succeeded = command.compare.every((comparison) => this.holds(comparison));
        const [results, refusal] = this.steps(command);
        if (refusal !== undefined) return refusal;
        return { kind: "ok", result: { kind: "key-txn", revision: this.revision, succeeded, results: results! } };
      }
      case "key-compact":
        if (command.revision <= this.compacted) return gone;
        if (command.revision > this.revision) return future;
        this.compacted = command.revision;
        return { kind: "ok", result: { kind: "key-compacted", revision: this.revision } };
      default:
        throw new Error(`the model has no ${command.kind}`);
    }
  }

  read(query: KeysQuery): KeysAnswer {
    if (query.kind === "key-range") {
      const refusal = this.refuse(query);
      if (refusal !== undefined) return refusal;
      return { kind: "ok", result: { kind: "key-range", revision: this.revision, ...this.range(query) } };
    }
    if (query.kind !== "key-watch") throw new Error(`the model has no ${query.kind}`);
    const { revision } = this;
    if (query.fromRevision < this.compacted) {
      return { kind: "ok", result: { kind: "key-events", revision, events: [], compactedTo: this.compacted } };
    }
    const events = this.events
      .filter(({ revision, event }) => revision >= query.fromRevision && within(query, event.entry.key))
      .map(({ revision, event }): KeyEvent => {
        const { before, ...rest } = event;
        return query.returnBefore === true && before !== undefined && revision > this.compacted ? event : rest;
      });
    return { kind: "ok", result: { kind: "key-events", revision, events, compactedTo: 0 } };
  }

  private get now(): Copy {
    return this.working ?? this.copies[this.revision];
  }

  private steps(txn: Txn): [TxnStepResult[] | undefined, KeysAnswer | undefined] {
    if (!once(txn))
      return [undefined, { kind: "refused", code: "invalid", message: "duplicate key given in txn request" }];
    const chosen = this.chosen(txn);
    for (const step of flat(chosen)) {
      if (step.kind === "put" && step.keepValue === true && !this.now.has(step.key)) {
        return [undefined, { kind: "refused", code: "invalid", message: "key not found" }];
      }
    }
    for (const step of flat(chosen)) {
      const refusal = step.kind === "range" ? this.refuse(step) : undefined;
      if (refusal !== undefined) return [undefined, refusal];
    }
    const results = this.run(chosen);
    if (this.working !== undefined) this.copies.push(this.working);
    this.working = undefined;
    return [results, undefined];
  }

  private chosen(txn: Txn): Branch {
    const succeeded = txn.compare.every((comparison) => this.holds(comparison));
    const steps = succeeded ? txn.success : txn.failure;
    return { succeeded, steps: steps.map((step) => (step.kind === "txn" ? this.chosen(step) : step)) };
  }

  private run({ steps }: Branch): TxnStepResult[] {
    return steps.map((step): TxnStepResult => {
      if ("steps" in step) return { kind: "txn", succeeded: step.succeeded, results: this.run(step) };
      switch (step.kind) {
        case "range":
          return { kind: "range", ...this.range(step) };
        case "put": {
          const before = this.now.get(step.key);
          const revision = this.copies.length;
          const entry: KeyValue = {
            key: step.key,
            value: step.keepValue === true ? before!.value : step.value,
            createRevision: before?.createRevision ?? revision,
            modRevision: revision,
            version: (before?.version ?? 0) + 1,
            lease: 0,
          };
          this.change({ kind: "put", entry, before });
          return { kind: "put", before: step.returnBefore === true ? (before ?? null) : null };
        }
        case "delete-range": {
          const before = entriesIn(this.now, step);
          for (const entry of before) {
            const absent = { value: "", createRevision: 0, version: 0, lease: 0, modRevision: this.copies.length };
            this.change({ kind: "delete", entry: { key: entry.key, ...absent }, before: entry });
          }
          return { kind: "delete-range", deleted: before.length, before: step.returnBefore === true ? before : [] };
        }
        case "txn":
          throw new Error("chosen before");
      }
    });
  }

  private change({ before, ...event }: KeyEvent): void {
    this.working ??= new Map(this.now);
    if (event.kind === "put") this.working.set(event.entry.key, event.entry);
    else this.working.delete(event.entry.key);
    const whole = before === undefined ? event : { ...event, before };
    this.events.push({ revision: this.copies.length, event: whole });
  }

  private holds(comparison: Comparison): boolean {
    const entries = entriesIn(this.now, comparison);
    if (entries.length === 0 && comparison.target === "value") return false;
    const absent = { key: "", value: "", createRevision: 0, modRevision: 0, version: 0, lease: 0 };
    return (entries.length === 0 ? [absent] : entries).every((entry) => {
      const actual = valueOf(entry, comparison.target);
      const operand = comparison.target === "value" ? atob(String(comparison.operand)) : Number(comparison.operand);
      if (comparison.operator === "=") return actual === operand;
      if (comparison.operator === "!=") return actual !== operand;
      return comparison.operator === "<" ? actual < operand : actual > operand;
    });
  }

  private refuse({ revision = 0 }: RangeQuery): KeysAnswer | undefined {
    if (revision > this.copies.length - 1) return future;
    return revision !== 0 && revision < this.compacted ? gone : undefined;
  }

  private range(query: RangeQuery): RangeResult {
    const copy = (query.revision ?? 0) === 0 ? this.now : this.copies[query.revision!];
    const all = entriesIn(copy, query);
    if (query.countOnly === true) return { entries: [], more: false, count: all.length };
    let entries = all.filter(
      ({ modRevision, createRevision }) =>
        (!query.minModRevision || modRevision >= query.minModRevision) &&
        (!query.maxModRevision || modRevision <= query.maxModRevision) &&
        (!query.minCreateRevision || createRevision >= query.minCreateRevision) &&
        (!query.maxCreateRevision || createRevision <= query.maxCreateRevision),
    );
    const { sort } = query;
    if (sort !== undefined) {
      const sign = sort.descending ? -1 : 1;
      entries = entries.toSorted((a, b) => {
        const [x, y] = [valueOf(a, sort.by), valueOf(b, sort.by)];
        return x < y ? -sign : x > y ? sign : 0;
      });
    }
    const more = Boolean(query.limit) && entries.length > query.limit!;
    if (more) entries = entries.slice(0, query.limit);
    if (query.keysOnly === true) entries = entries.map((entry) => ({ ...entry, value: "" }));
    return { entries, more, count: all.length };
  }
}

interface Branch {
  readonly succeeded: boolean;
  readonly steps: readonly (TxnStep | Branch)[];
}

function flat({ steps }: Branch): TxnStep[] {
  return steps.flatMap((step) => ("steps" in step ? flat(step) : [step]));
}

/** A step and where it stands: its index, behind those of the transactions around it. */
interface Placed {
  readonly step: TxnStep;
  readonly path: readonly number[];
}

/** Tries every way through the transaction. */
function once(txn: Txn): boolean {
  return [txn.success, txn.failure].every((branch) =>
    ways(branch, []).every((way) => way.every((one, i) => way.every((other, j) => i === j || !clash(one, other)))),
  );
}

function clash(put: Placed, other: Placed): boolean {
  if (put.step.kind !== "put") return false;
  if (other.step.kind === "put") return put.step.key === other.step.key;
  if (other.step.kind !== "delete-range" || !within(other.step, put.step.key)) return false;
  // etcd lets pass what one nested transaction puts and a later one beside it deletes.
  const level = put.path.findIndex((index, i) => index !== other.path[i]);
  const bothNested = put.path.length > level + 1 && other.path.length > level + 1;
  return !(bothNested && put.path[level] < other.path[level]);
}

function ways(steps: readonly TxnStep[], path: readonly number[]): Placed[][] {
  return steps.reduce<Placed[][]>(
    (before, step, i) => {
      const here = [...path, i];
      const parts =
        step.kind === "txn" ? [...ways(step.success, here), ...ways(step.failure, here)] : [[{ step, path: here }]];
      return before.flatMap((way) => parts.map((part) => [...way, ...part]));
    },
    [[]],
  );
}

function valueOf(entry: KeyValue, target: string): number | string {
  switch (target) {
    case "version":
      return entry.version;
    case "create":
      return entry.createRevision;
    case "mod":
      return entry.modRevision;
    case "lease":
      return entry.lease;
    case "key":
      return entry.key;
    default:
      return atob(entry.value);
  }
}

function entriesIn(copy: Copy, range: KeyRange): KeyValue[] {
  const entries = [...copy.values()].filter(({ key }) => within(range, key));
  return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
}

function within({ key, end }: KeyRange, sought: string): boolean {
  return end === undefined ? sought === key : sought >= key && (end === "\0" || sought < end);
}

const gone: KeysAnswer = {
  kind: "refused",
  code: "compacted",
  message: "mvcc: required revision has been compacted",
};
const future: KeysAnswer = {
  kind: "refused",
  code: "future-revision",
  message: "mvcc: required revision is a future revision",
};
