/**
 * Answers as text, written by hand in the order of the gateway: 64-bit integers in quotes, whatever is zero, empty or false left out.
 *
 * A step of a transaction says the revision at which it saw the store; that follows from the transaction's own: with its first change the
 * store is one further than before.
 */
import type { KeyEvent, KeyValue, KeysResult, RangeResult, TxnStepResult } from "../../api-coordination.ts";

/** Who answers, as the header of every answer says it. */
export interface Identity {
  readonly clusterId: string;
  readonly memberId: string;
  /** Of the log; 0 while it is not known. */
  readonly term: number;
}

type ResultOf<K extends KeysResult["kind"]> = Extract<KeysResult, { kind: K }>;

/** Writes the header of answers. Most of it stays the same from one to the next. */
export class HeaderText {
  private before = "";
  private after = "";

  constructor(identity: Identity) {
    this.become(identity);
  }

  become({ clusterId, memberId, term }: Identity): void {
    this.before = `"header":{"cluster_id":"${clusterId}","member_id":"${memberId}"`;
    this.after = term === 0 ? "}" : `,"raft_term":"${term}"}`;
  }

  /** @param revision 0: none */
  at(revision: number): string {
    return revision === 0 ? this.before + this.after : `${this.before},"revision":"${revision}"${this.after}`;
  }
}

export function rangeText(header: string, result: RangeResult): string {
  return `{${header}${rangeMembers(result)}}`;
}

export function putText(header: string, { before }: ResultOf<"key-put">): string {
  return before === null ? `{${header}}` : `{${header},"prev_kv":${keyValueText(before)}}`;
}

export function deletedText(header: string, { deleted, before }: ResultOf<"key-deleted">): string {
  return `{${header}${deletedMembers(deleted, before)}}`;
}

export function txnText(header: string, { succeeded, results, revision }: ResultOf<"key-txn">): string {
  const view = { begin: changes(results) ? revision - 1 : revision, changed: false };
  return `{${header}${txnMembers(succeeded, results, view)}}`;
}

export function leaseText(header: string, result: ResultOf<"lease">): string {
  return `{${header}${number("ID", result.id)}${number("TTL", result.ttlS)}}`;
}

export function timeToLiveText(header: string, { id, ttlS, grantedS, keys }: ResultOf<"lease">): string {
  const held = keys.length === 0 ? "" : `,"keys":[${keys.map((key) => `"${btoa(key)}"`).join(",")}]`;
  return `{${header}${number("ID", id)}${number("TTL", ttlS)}${number("grantedTTL", grantedS)}${held}}`;
}

export function leasesText(header: string, { ids }: ResultOf<"leases">): string {
  return ids.length === 0 ? `{${header}}` : `{${header},"leases":[${ids.map((id) => `{"ID":"${id}"}`).join(",")}]}`;
}

/** @param leader the leader's member, "" when none is known */
export function statusText(header: string, result: ResultOf<"log-status">, leader: string, version: string): string {
  const size = number("dbSize", result.storeBytes);
  const led = leader === "" ? `,"errors":["etcdserver: no leader"]` : "";
  return (
    `{${header},"version":"${version}"${size}${leader === "" ? "" : `,"leader":"${leader}"`}` +
    `${number("raftIndex", result.chosen)}${number("raftTerm", result.ballot)}` +
    `${number("raftAppliedIndex", result.applied)}${led}${number("dbSizeInUse", result.storeBytes)}}`
  );
}

export function eventText({ kind, entry, before }: KeyEvent): string {
  const type = kind === "put" ? "" : `"type":"DELETE",`;
  return `{${type}"kv":${keyValueText(entry)}${before === undefined ? "" : `,"prev_kv":${keyValueText(before)}`}}`;
}

function rangeMembers({ entries, more, count }: RangeResult): string {
  let text = "";
  if (entries.length === 1) text = `,"kvs":[${keyValueText(entries[0])}]`;
  else if (entries.length > 1) text = `,"kvs":[${entries.map(keyValueText).join(",")}]`;
  if (more) text += `,"more":true`;
  return text + number("count", count);
}

function deletedMembers(deleted: number, before: readonly KeyValue[]): string {
  const entries = before.length === 0 ? "" : `,"prev_kvs":[${before.map(keyValueText).join(",")}]`;
  return number("deleted", deleted) + entries;
}

/** How far a transaction has come: the revision it began at, and whether anything was changed since. */
interface View {
  readonly begin: number;
  changed: boolean;
}

function txnMembers(succeeded: boolean, results: readonly TxnStepResult[], view: View): string {
  const responses = results.map((result) => stepText(result, view));
  return (
    (succeeded ? `,"succeeded":true` : "") + (responses.length === 0 ? "" : `,"responses":[${responses.join(",")}]`)
  );
}

function stepText(result: TxnStepResult, view: View): string {
  if (result.kind === "txn") {
    return `{"response_txn":{"header":{}${txnMembers(result.succeeded, result.results, view)}}}`;
  }
  view.changed ||= result.kind === "put" || (result.kind === "delete-range" && result.deleted > 0);
  const header = `"header":{"revision":"${view.begin + (view.changed ? 1 : 0)}"}`;
  switch (result.kind) {
    case "range":
      return `{"response_range":${rangeText(header, result)}}`;
    case "put":
      return `{"response_put":{${header}${result.before === null ? "" : `,"prev_kv":${keyValueText(result.before)}`}}}`;
    case "delete-range":
      return `{"response_delete_range":{${header}${deletedMembers(result.deleted, result.before)}}}`;
  }
}

function changes(results: readonly TxnStepResult[]): boolean {
  return results.some((result) => {
    if (result.kind === "txn") return changes(result.results);
    return result.kind === "put" || (result.kind === "delete-range" && result.deleted > 0);
  });
}

function keyValueText(entry: KeyValue): string {
  const { key, value, createRevision, modRevision, version, lease } = entry;
  return (
    `{"key":"${btoa(key)}"${number("create_revision", createRevision)}${number("mod_revision", modRevision)}` +
    `${number("version", version)}${value === "" ? "" : `,"value":"${value}"`}${number("lease", lease)}}`
  );
}

function number(name: string, value: number): string {
  return value === 0 ? "" : `,"${name}":"${value}"`;
}
