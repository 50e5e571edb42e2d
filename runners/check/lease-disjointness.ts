/**
 * "For each Paxos group, each Paxos leader's lease interval is disjoint from every other leader's" (Spanner, OSDI 2012, section
 * 4.1.1), in true time, which no leader can see. A lease lasts from when its holder first acts on it to its end as extended, or
 * to when the holder gave it up.
 */
import type { Micros } from "../../backend/kernel/units.ts";
import { Violations } from "./violations.ts";

/** [from, until) in true time. */
export interface Lease {
  readonly group: string;
  readonly leader: string;
  readonly from: Micros;
  readonly until: Micros;
}

/** One violation for each lease that begins while another leader has one. O(n log n). */
export function checkLeaseDisjointness(leases: readonly Lease[]): Violations<"overlap"> {
  const violations = new Violations<"overlap">();
  /** In each group, of all leases so far: the one that lasts longest, and the one of another leader that does. */
  const longest = new Map<string, { first: Lease; second: Lease | undefined }>();
  for (const lease of leases) {
    if (lease.until >= lease.from) continue;
    throw new RangeError(
      `a lease of ${lease.leader} in ${lease.group} ends before it begins; got [${lease.from}, ${lease.until}); expected from <= until; fix: what records the leases`,
    );
  }
  for (const lease of leases.toSorted((a, b) => a.from - b.from)) {
    if (lease.from === lease.until) continue;
    const top = longest.get(lease.group);
    if (top === undefined) {
      longest.set(lease.group, { first: lease, second: undefined });
      continue;
    }
    const other = top.first.leader === lease.leader ? top.second : top.first;
    if (other !== undefined && other.until > lease.from)
      violations.add(
        "overlap",
        () =>
          `group ${lease.group}: ${tell(lease)} overlaps ${tell(other)} by ${Math.min(lease.until, other.until) - lease.from} us`,
      );
    if (top.first.leader === lease.leader) {
      if (lease.until > top.first.until) top.first = lease;
    } else if (lease.until > top.first.until) {
      longest.set(lease.group, { first: lease, second: top.first });
    } else if (top.second === undefined || lease.until > top.second.until) {
      top.second = lease;
    }
  }
  return violations;
}

function tell({ leader, from, until }: Lease): string {
  return `[${from}, ${until}) of leader ${leader}`;
}
