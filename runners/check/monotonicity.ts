/**
 * Time does not run backwards for a session (Terry et al., "Session guarantees for weakly consistent replicated data", PDIS
 * 1994: monotonic reads, read your writes): a read begun after another was over has no older read timestamp, and returns no
 * older version of a key than the session had read or written. What overlaps within a session is in no order.
 */
import type { Interval } from "./sweep.ts";
import { sweep } from "./sweep.ts";
import { Violations } from "./violations.ts";

export interface Observation extends Interval {
  readonly session: string;
  /** In messages. */
  readonly name: string;
  /** Null where there is none: a write, a store without timestamps. */
  readonly timestamp: number | null;
  /** Of each key read or written; the greater, the newer. */
  readonly versions: readonly (readonly [key: string, version: number])[];
}

export type MonotonicityRule = "timestamp-went-back" | "version-went-back";

interface Seen {
  readonly value: number;
  readonly name: string;
}

export function checkMonotonicity(observations: readonly Observation[]): Violations<MonotonicityRule> {
  const violations = new Violations<MonotonicityRule>();
  const timestamps = new Map<string, Seen>();
  const versions = new Map<string, Map<string, Seen>>();
  sweep(
    observations,
    ({ session, name, timestamp, versions: read }) => {
      const latest = timestamps.get(session);
      if (latest !== undefined && timestamp !== null && timestamp < latest.value)
        violations.add(
          "timestamp-went-back",
          () => `session ${session}: ${name} read at ${timestamp}, after ${latest.name} had read at ${latest.value}`,
        );
      for (const [key, version] of read) {
        const newest = versions.get(session)?.get(key);
        if (newest === undefined || version >= newest.value) continue;
        violations.add(
          "version-went-back",
          () =>
            `session ${session}: ${name} got version ${version} of ${key}, after ${newest.name} had got ${newest.value}`,
        );
      }
    },
    ({ session, name, timestamp, versions: read }) => {
      if (timestamp !== null) raise(timestamps, session, timestamp, name);
      if (read.length === 0) return;
      let ofSession = versions.get(session);
      if (ofSession === undefined) versions.set(session, (ofSession = new Map()));
      for (const [key, version] of read) raise(ofSession, key, version, name);
    },
  );
  return violations;
}

function raise(seen: Map<string, Seen>, key: string, value: number, name: string): void {
  const before = seen.get(key);
  if (before === undefined || value > before.value) seen.set(key, { value, name });
}
