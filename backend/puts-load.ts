/**
 * Puts to etcd's store on a log of three replicas, for the kill harness. A put is acknowledged with a revision, and that is what it must
 * have for ever: at the leader after each restart, and in the end at every replica by itself.
 */
import type { Answer, Request } from "./api.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond } from "./kernel/units.ts";
import type { KillLoad } from "./kill-harness.ts";

export const deployment: KillLoad["deployment"] = {
  topology: oneRegion(3),
  // Short, for whoever starts anew may have to wait for the end of a lease.
  service: { kind: "keys", log: { replicas: [0, 1, 2], leaseUs: 400 * millisecond } },
  durability: "log",
};

const keyOf = (i: number): string => `key ${i}`;
const valueOf = (i: number): string => Buffer.from(`value ${i}`).toString("base64");

export const write: KillLoad["write"] = (i): Request => ({ kind: "key-put", key: keyOf(i), value: valueOf(i) });

export const told: NonNullable<KillLoad["told"]> = (answer: Answer) =>
  answer.kind === "ok" && answer.result.kind === "key-put" ? String(answer.result.revision) : "";

export const read: KillLoad["read"] = (i) => ({ kind: "key-range", key: keyOf(i) });

export const readCopy: KillLoad["readCopy"] = (i) => ({ kind: "key-range", key: keyOf(i), serializable: true });

export const holds: KillLoad["holds"] = (i, answer, revision) => {
  if (answer.kind !== "ok" || answer.result.kind !== "key-range") return false;
  const [entry] = answer.result.entries;
  return entry?.value === valueOf(i) && entry.version === 1 && String(entry.modRevision) === revision;
};
