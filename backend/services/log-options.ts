/** What a deployment leaves unsaid about a log. */
import type { LogSpec } from "../api.ts";
import { second } from "../kernel/units.ts";
import type { GroupOptions } from "../protocols/paxos/group.ts";

/** Whatever group keeps it, and wherever. */
export type LogOptions = Omit<GroupOptions, "group" | "placement">;

export function logOptions(log: Omit<LogSpec, "replicas">): LogOptions {
  const leaseUs = log.leaseUs ?? 2 * second;
  return {
    leaseUs,
    heartbeatUs: log.heartbeatUs ?? Math.round(leaseUs / 10),
    window: log.window ?? 16,
    batch: log.batch ?? 512,
    keepSlots: log.keepSlots ?? 1_024,
  };
}
