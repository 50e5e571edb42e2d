/** What a deployment leaves open about failure detectors, filled in. */
import type { HeartbeatsSpec, SwimSpec } from "../../api-members.ts";
import { second } from "../../kernel/units.ts";
import type { HeartbeatOptions } from "../../protocols/swim/heartbeats.ts";
import type { SuspicionTimes } from "../../protocols/swim/suspicions.ts";
import type { SwimOptions } from "../../protocols/swim/swim.ts";

const defaultPeriodUs = second;
/** Ringpop's time from suspect to faulty. */
const defaultSuspicionUs = 5 * second;
/** Lifeguard, section V: a suspicion lasts up to beta = 6 times the least, and K = 3 confirmations bring it there. */
const lifeguardStretch = 6;
const lifeguardConfirmations = 3;

export function swimOptions(nodes: number, spec: SwimSpec): SwimOptions {
  const periodUs = spec.periodUs ?? defaultPeriodUs;
  return {
    nodes,
    seeds: spec.seeds ?? [],
    periodUs,
    timeoutUs: spec.timeoutUs ?? Math.round(periodUs / 5),
    indirect: spec.indirect ?? 3,
    targets: spec.targets ?? "round-robin",
    lambda: spec.lambda ?? 3,
    claimsPerMessage: spec.claims ?? 8,
    suspicion: suspicionTimes(spec),
    health: spec.lifeguard?.health ?? false,
    buddies: spec.lifeguard?.buddies ?? false,
  };
}

function suspicionTimes({ suspicionUs: minUs = defaultSuspicionUs, lifeguard }: SwimSpec): SuspicionTimes | undefined {
  if (minUs === 0) return undefined;
  return lifeguard?.suspicion === true
    ? { minUs, maxUs: lifeguardStretch * minUs, confirmations: lifeguardConfirmations }
    : { minUs, maxUs: minUs, confirmations: 0 };
}

export function heartbeatOptions(nodes: number, spec: HeartbeatsSpec): HeartbeatOptions {
  const periodUs = spec.periodUs ?? defaultPeriodUs;
  return {
    nodes,
    periodUs,
    suspectUs: spec.suspectUs ?? Math.round(2.5 * periodUs),
    deadUs: spec.suspicionUs ?? defaultSuspicionUs,
  };
}
