/**
 * Admission at the leader of one partition: may this read or write go ahead, by the capacity its table has?
 *
 *     request ──> partition cap ──> what the design grants this partition ──> ok
 *                     │                            │
 *                     └────────> throttled <───────┘
 *
 *     fixed       share                   one second deep
 *     burst       share                   300 s deep: what was unused in the last five minutes is not lost
 *     adaptive    share, 300 s deep       + boost, one second deep, set by the table's controller and spent first
 *     on-demand   limit                   one second deep, set by the table's controller
 *
 * The share is what the table bought divided by its partitions. The cap, 3,000 read and 1,000 write units a second, holds for
 * every kind but `unlimited`, which counts and never refuses (DynamoDB, USENIX ATC 2022, sections 4.1 to 4.3, and its
 * published quotas).
 *
 * Safe to lose: a new one starts with one second of its share, so a leader that restarts grants no more than that again.
 * What a controller set expires, so a partition cut off from its controller falls back to its share.
 *
 * Even load at exactly the share. A bucket of depth B seconds with Poisson arrivals at its own rate s is a random walk between
 * two walls; it refuses the fraction 1/(2Bs) of them in the long run (reflected Brownian motion without drift, variance s a
 * second). For s = 125 units/s that is 0.4 % one second deep and 0.0013 % at 300 s. From a full bucket the walk needs about
 * B²s seconds to reach the other wall at all (125 s for the one-second bucket), so a run of 20 s refuses next to nothing.
 * Hashing n equally likely keys on P partitions does worse: shares differ by sqrt(P/n) of their mean, 9 % for 1,000 keys on 8
 * and 0.3 % for 1,000,000, and that excess is refused for good. "Uniform load at the provision is throttled by no design"
 * therefore means: evenly spread keys, or n large enough that sqrt(P/n) is small beside 1/(run in seconds), and a run that is
 * short beside B²s; the tests beside this file measure both.
 */
import type { CapacitySpec, Units } from "../../api.ts";
import type { Micros } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import type { TokenBucketState } from "./token-bucket.ts";
import { TokenBucket } from "./token-bucket.ts";

export type Access = "read" | "write";

/** What one partition of any table can serve at most, units a second. */
export const partitionCap: Units = { read: 3_000, write: 1_000 };

/** How much of its unused share a partition may save. */
export const burstSeconds = 300;

/** How long what a controller granted stays valid without being renewed. Controllers renew it every second. */
export const grantLifetimeUs: Micros = 5 * second;

/** What one partition saw since its last report, in units. Plain data, sent to the table's controller. */
export interface PartitionReport {
  readonly consumed: Units;
  readonly throttled: Units;
}

/** What a controller grants one partition, units a second, its share included. Plain data. */
export type PartitionLimits = Units;

interface MutableUnits {
  read: number;
  write: number;
}

/** The buckets one kind of access passes. */
interface Gate {
  readonly cap: TokenBucket;
  /** The share, or on demand the limit. */
  readonly base: TokenBucket;
  /** Adaptive only; depth 0 otherwise. Earns and keeps at most a second of the boost, so it is spent before what is saved. */
  readonly boost: TokenBucket;
}

export interface PartitionAdmissionState {
  readonly read: { readonly cap: TokenBucketState; readonly base: TokenBucketState; readonly boost: TokenBucketState };
  readonly write: { readonly cap: TokenBucketState; readonly base: TokenBucketState; readonly boost: TokenBucketState };
  readonly grantedUntilUs: Micros;
}

export class PartitionAdmission {
  private readonly spec: CapacitySpec;
  private readonly partitions: number;
  private readonly gates: { readonly read: Gate; readonly write: Gate };
  private consumed: MutableUnits = { read: 0, write: 0 };
  private throttled: MutableUnits = { read: 0, write: 0 };
  private grantedUntilUs: Micros = 0;

  /**
   * `savedSeconds` of unused share are at hand at `now`, for kinds that save: `savedWhenNew(spec)` for the partition of a table
   * just made, 1 after a restart.
   */
  constructor(spec: CapacitySpec, partitions: number, now: Micros, savedSeconds = 1) {
    this.spec = spec;
    this.partitions = partitions;
    this.gates = {
      read: newGate(spec, "read", partitions, now, savedSeconds),
      write: newGate(spec, "write", partitions, now, savedSeconds),
    };
  }

  static restore(spec: CapacitySpec, partitions: number, state: PartitionAdmissionState): PartitionAdmission {
    const admission = new PartitionAdmission(spec, partitions, 0);
    Object.assign(admission.gates, { read: restoredGate(state.read), write: restoredGate(state.write) });
    admission.grantedUntilUs = state.grantedUntilUs;
    return admission;
  }

  /**
   * One decision, and the charge when it is "ok". For a read whose size is not known yet pass the least it can cost and
   * `settle` the rest. What is refused is charged to nothing and counted for the controller.
   */
  admit(access: Access, units: number, now: Micros): "ok" | "throttled" {
    if (this.spec.kind !== "unlimited" && !this.allows(access, units, now)) {
      this.throttled[access] += units;
      return "throttled";
    }
    this.charge(access, units, now);
    return "ok";
  }

  /** Charges what an admitted request cost beyond its admission; may leave a debt of one item for each read under way. */
  settle(access: Access, moreUnits: number, now: Micros): void {
    if (moreUnits > 0) this.charge(access, moreUnits, now);
  }

  /** What the controller granted, good for `grantLifetimeUs`. Ignored by kinds that no controller steers. */
  grant(limits: PartitionLimits, now: Micros): void {
    if (!isSteered(this.spec)) return;
    this.grantedUntilUs = now + grantLifetimeUs;
    this.applyLimit("read", limits.read, now);
    this.applyLimit("write", limits.write, now);
  }

  /** What happened since the last call, in units. */
  takeReport(): PartitionReport {
    const report = { consumed: this.consumed, throttled: this.throttled };
    this.consumed = { read: 0, write: 0 };
    this.throttled = { read: 0, write: 0 };
    return report;
  }

  /** Units that could be spent at once, for charts and tests; Infinity when unlimited. */
  available(access: Access, now: Micros): number {
    if (this.spec.kind === "unlimited") return Infinity;
    this.expireGrant(now);
    const gate = this.gates[access];
    return Math.min(gate.cap.level(now), gate.base.level(now) + gate.boost.level(now));
  }

  snapshot(): PartitionAdmissionState {
    const stateOf = ({ cap, base, boost }: Gate): PartitionAdmissionState["read"] => ({
      cap: cap.snapshot(),
      base: base.snapshot(),
      boost: boost.snapshot(),
    });
    const { read, write } = this.gates;
    return { read: stateOf(read), write: stateOf(write), grantedUntilUs: this.grantedUntilUs };
  }

  private allows(access: Access, units: number, now: Micros): boolean {
    this.expireGrant(now);
    const { cap, base, boost } = this.gates[access];
    return cap.allows(units, now) && base.level(now) + boost.level(now) >= Math.min(units, 1);
  }

  private charge(access: Access, units: number, now: Micros): void {
    this.consumed[access] += units;
    if (this.spec.kind === "unlimited") return;
    const { cap, base, boost } = this.gates[access];
    cap.charge(units, now);
    const fromBoost = Math.min(units, Math.max(0, boost.level(now)));
    boost.charge(fromBoost, now);
    base.charge(units - fromBoost, now);
  }

  private expireGrant(now: Micros): void {
    if (this.grantedUntilUs === 0 || now < this.grantedUntilUs) return;
    const endedUs = this.grantedUntilUs;
    this.grantedUntilUs = 0;
    for (const access of ["read", "write"] as const) {
      this.applyLimit(access, shareOf(this.spec, access, this.partitions), endedUs);
    }
  }

  private applyLimit(access: Access, limit: number, now: Micros): void {
    const capped = Math.min(limit, partitionCap[access]);
    const { base, boost } = this.gates[access];
    if (this.spec.kind === "on-demand") {
      base.resize(capped, capped, now);
    } else {
      const extra = Math.max(0, capped - base.rate);
      boost.resize(extra, extra, now);
    }
  }
}

/** Whether a table of this kind needs a controller. */
export function isSteered(spec: CapacitySpec): boolean {
  return spec.kind === "adaptive" || spec.kind === "on-demand";
}

/** Seconds of unused share that a partition of a new table has, for the constructor. */
export function savedWhenNew(spec: CapacitySpec): number {
  if (spec.kind !== "burst" && spec.kind !== "adaptive") return 1;
  return Math.min(burstSeconds, spec.savedSeconds ?? burstSeconds);
}

/** What one partition may spend a second when nobody grants it more. */
export function shareOf(spec: CapacitySpec, access: Access, partitions: number): number {
  if (spec.kind === "unlimited") return Infinity;
  return Math.min(partitionCap[access], tableRate(spec, access) / partitions);
}

/** What the whole table may spend a second before a controller has learned anything. */
export function tableRate(spec: CapacitySpec, access: Access): number {
  if (spec.kind === "unlimited") return Infinity;
  return spec.kind === "on-demand" ? 2 * spec.initialPeak[access] : spec.provisioned[access];
}

function newGate(spec: CapacitySpec, access: Access, partitions: number, now: Micros, savedSeconds: number): Gate {
  const most = partitionCap[access];
  const cap = new TokenBucket({ rate: most, depth: most, level: most, atUs: now });
  const boost = new TokenBucket({ rate: 0, depth: 0, level: 0, atUs: now });
  const share = spec.kind === "unlimited" ? 0 : shareOf(spec, access, partitions);
  if (spec.kind === "burst" || spec.kind === "adaptive") {
    const depth = share * burstSeconds;
    return { cap, boost, base: new TokenBucket({ rate: share, depth, level: share * savedSeconds, atUs: now }) };
  }
  if (spec.kind === "on-demand") {
    // All of the table's traffic may start at one partition, seconds before the controller can say so: it has one second of it.
    const depth = Math.min(most, tableRate(spec, access));
    return { cap, boost, base: new TokenBucket({ rate: share, depth, level: depth, atUs: now }) };
  }
  return { cap, boost, base: new TokenBucket({ rate: share, depth: share, level: share, atUs: now }) };
}

function restoredGate(state: PartitionAdmissionState["read"]): Gate {
  return { cap: new TokenBucket(state.cap), base: new TokenBucket(state.base), boost: new TokenBucket(state.boost) };
}
