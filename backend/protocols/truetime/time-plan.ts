/**
 * A `TimeSpec` with everything filled in and checked, once for all nodes of a simulation.
 *
 * Everybody must treat the leap second alike. Smeared and unsmeared clocks differ by up to half a second for a day, which no
 * error bound of milliseconds covers, so a mixed fleet is refused here and never runs.
 */
import type { PolledTime, TimeMaster } from "../../kernel/time-spec.ts";
import type { Delay } from "../../kernel/topology.ts";
import type { Micros } from "../../kernel/units.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Timescale } from "./timescale.ts";
import { sameTimescale, steepestPpm, timescaleOf } from "./timescale.ts";

export interface MasterPlan {
  readonly errorUs: Micros;
  readonly offsetUs: Micros;
  readonly roundTrip: Delay;
}

export interface TimePlan {
  readonly pollUs: Micros;
  /** Claimed drift and true drift, each as a fraction of the quartz's own time. Invariant: quartz + the smear's rate <= claimed. */
  readonly claimedDrift: number;
  readonly quartzDrift: number;
  readonly leastErrorUs: Micros;
  readonly masters: readonly MasterPlan[];
  readonly scale: Timescale;
  /** How long after the leap second the last node steps. */
  readonly spreadUs: Micros;
}

/** @throws RangeError naming what is wrong, what was got and what is expected */
export function planTime(spec: PolledTime): TimePlan {
  const scale = timescaleOf(spec.leap);
  const masters = spec.masters ?? [{}, {}, {}, {}];
  if (masters.length === 0) {
    throw new RangeError("time: got no master; expected at least one, and four to outvote a liar with three");
  }
  masters.forEach((master, i) => refuseMixed(scale, master, i));
  const claimedPpm = whole("driftBoundPpm", spec.driftBoundPpm ?? 200, 0);
  const smearPpm = steepestPpm(scale);
  if (claimedPpm < smearPpm || claimedPpm >= 1e6) {
    throw new RangeError(
      `time: driftBoundPpm is ${claimedPpm}; expected at least the ${smearPpm.toFixed(3)} ppm by which the smear slows the ` +
        "reference, and less than 1,000,000; widen the smear's window or the bound",
    );
  }
  return {
    pollUs: whole("pollUs", spec.pollUs ?? 30 * second, 1),
    claimedDrift: claimedPpm / 1e6,
    quartzDrift: (claimedPpm - smearPpm) / 1e6,
    leastErrorUs: whole("leastErrorUs", spec.leastErrorUs ?? millisecond, 0),
    masters: masters.map(planMaster),
    scale,
    spreadUs: whole(
      "leap.spreadUs",
      (spec.leap?.kind === "step" ? spec.leap.spreadUs : undefined) ?? 100 * millisecond,
      0,
    ),
  };
}

function planMaster(master: TimeMaster, index: number): MasterPlan {
  const offsetUs = master.offsetUs ?? 0;
  if (!Number.isSafeInteger(offsetUs)) {
    throw new RangeError(`time: master ${index} is off by ${offsetUs}; expected whole microseconds`);
  }
  return {
    errorUs: whole(`masters.${index}.errorUs`, master.errorUs ?? 100, 0),
    offsetUs,
    roundTrip: master.roundTrip ?? { kind: "uniform", fromUs: 200, toUs: 1_800 },
  };
}

function refuseMixed(nodes: Timescale, { leap }: TimeMaster, index: number): void {
  if (leap === undefined || sameTimescale(nodes, timescaleOf(leap))) return;
  throw new RangeError(
    `time: a mixed fleet: master ${index} treats the leap second as ${describe(timescaleOf(leap))} and the nodes as ` +
      `${describe(nodes)}; expected one treatment, or clocks disagree by more than they claim; leave out the master's own "leap"`,
  );
}

function describe({ kind, atUs, windowUs }: Timescale): string {
  if (kind === "ignored") return "none";
  return `${kind}${windowUs > 0 ? ` over ${windowUs / second} s` : ""} at ${atUs / second} s`;
}

function whole(name: string, got: number, least: number): number {
  if (!Number.isSafeInteger(got) || got < least) {
    throw new RangeError(`time: ${name} is ${got}; expected a whole number, at least ${least}`);
  }
  return got;
}
