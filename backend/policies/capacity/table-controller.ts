/**
 * The controller of one table: once a second it takes what every partition's leader reports and answers what each may spend.
 *
 *     leaders ──report {consumed, throttled}──> round ──limits──> leaders          one direction (read or write) at a time
 *
 * **Adaptive** (DynamoDB, USENIX ATC 2022, section 4.2: a proportional controller boosts throttled partitions while the table
 * is under its provision, and takes boosts back when it is not). A partition that was throttled gets a boost larger by what it
 * was refused; one that was not keeps what it still uses beyond its share and gives back a fifth of the rest each round. All
 * boosts together never exceed what the other partitions left of their shares, so
 *
 *     sum of (share used + boost) <= what the table bought.
 *
 * Cold partitions keep their static shares, as in the paper; one that wakes up can take the table over its provision for the
 * one round until boosts shrink.
 *
 * **On demand**: the table takes up to twice its previous peak at once. The peak is a sustained figure: the highest average
 * over one minute that is at least 30 minutes old, and never less than the peak the table was made with (a new peak younger
 * than that is still "the traffic now", so traffic can double every 30 minutes, as the service documents). The limit is dealt
 * to partitions by observed demand, max-min fair, and what nobody asks for is dealt evenly, so that any partition can start at
 * once. The sum of limits never exceeds the table's, each never the partition's cap.
 *
 * Safe to lose: a new controller starts from the shares, or on demand from the initial peak, and forgets only generosity.
 */
import type { CapacitySpec, Units } from "../../api.ts";
import type { Micros } from "../../kernel/units.ts";
import { minute, second } from "../../kernel/units.ts";
import type { Access, PartitionLimits, PartitionReport } from "./partition-admission.ts";
import { partitionCap, shareOf, tableRate } from "./partition-admission.ts";

/** How often leaders report and are answered. */
export const controlIntervalUs: Micros = second;

/** Over how long a rate must hold to count as sustained, and how old a peak must be before twice of it is allowed. */
export const sustainUs: Micros = minute;
export const growthUs: Micros = 30 * minute;

/** Share of an unused boost given back each round. */
const decay = 0.2;
/** Grant beyond the demand seen, so that growth and chance within a second are not refused. */
const headroom = 1.25;

/** What one node reports of a table: the partitions it leads. Plain data. */
export type CapacityReport = readonly (readonly [partition: number, report: PartitionReport])[];

/** What a controller answers: limits by partition. Plain data. */
export type CapacityLimits = readonly PartitionLimits[];

/** Plain data, so that a controller can be moved; everything in units a second. */
export interface DirectionState {
  /** Adaptive: granted beyond the share, by partition. */
  readonly boosts: readonly number[];
  /** Last demand known, by partition; stands in for a report that did not arrive. */
  readonly demands: readonly number[];
  /** On demand: the previous peak, the minute averages too young to count (oldest first), and the minute under way. */
  readonly peak: number;
  readonly young: readonly number[];
  readonly minuteUnits: number;
}

export interface TableControllerState {
  readonly read: DirectionState;
  readonly write: DirectionState;
  readonly minuteElapsedUs: Micros;
}

interface Direction {
  boosts: number[];
  demands: number[];
  peak: number;
  young: number[];
  minuteUnits: number;
}

export class TableController {
  private readonly spec: CapacitySpec;
  private readonly partitions: number;
  private readonly read: Direction;
  private readonly write: Direction;
  private minuteElapsedUs: Micros = 0;

  constructor(spec: CapacitySpec, partitions: number, state?: TableControllerState) {
    this.spec = spec;
    this.partitions = partitions;
    this.read = this.newDirection("read", state?.read);
    this.write = this.newDirection("write", state?.write);
    this.minuteElapsedUs = state?.minuteElapsedUs ?? 0;
  }

  /**
   * One round. `reports[p]` is partition p's since the last round, null when its leader did not report; `elapsedUs` is how long
   * that was. Limits come back by partition, units a second, shares included.
   */
  round(reports: readonly (PartitionReport | null)[], elapsedUs: Micros): PartitionLimits[] {
    const minuteOver = this.passTime(elapsedUs);
    const read = this.direction("read", reports, elapsedUs, minuteOver);
    const write = this.direction("write", reports, elapsedUs, minuteOver);
    return read.map((limit, partition) => ({ read: limit, write: write[partition] }));
  }

  /** Units a second the whole table may spend now. */
  tableLimit(access: Access): number {
    return this.spec.kind === "on-demand" ? 2 * this[access].peak : tableRate(this.spec, access);
  }

  snapshot(): TableControllerState {
    const copy = (d: Direction): DirectionState => ({
      ...d,
      boosts: [...d.boosts],
      demands: [...d.demands],
      young: [...d.young],
    });
    return { read: copy(this.read), write: copy(this.write), minuteElapsedUs: this.minuteElapsedUs };
  }

  private newDirection(access: Access, state?: DirectionState): Direction {
    const zeros = (): number[] => Array.from({ length: this.partitions }, () => 0);
    if (state !== undefined && state.boosts.length === this.partitions) {
      return { ...state, boosts: [...state.boosts], demands: [...state.demands], young: [...state.young] };
    }
    const peak = this.spec.kind === "on-demand" ? this.spec.initialPeak[access] : 0;
    return { boosts: zeros(), demands: zeros(), peak, young: [], minuteUnits: 0 };
  }

  /** Micros the minute that just ended lasted, or 0 while it goes on. */
  private passTime(elapsedUs: Micros): Micros {
    this.minuteElapsedUs += elapsedUs;
    if (this.minuteElapsedUs < sustainUs) return 0;
    const lasted = this.minuteElapsedUs;
    this.minuteElapsedUs = 0;
    return lasted;
  }

  private direction(
    access: Access,
    reports: readonly (PartitionReport | null)[],
    elapsedUs: Micros,
    minuteOver: Micros,
  ): number[] {
    const state = this[access];
    const perSecond = second / Math.max(1, elapsedUs);
    const throttled = state.demands.map((_, p) => (reports[p]?.throttled[access] ?? 0) * perSecond);
    state.demands = state.demands.map((last, p) => {
      const report = reports[p] ?? null;
      return report === null ? last : report.consumed[access] * perSecond + throttled[p];
    });
    if (this.spec.kind === "adaptive") return this.adapt(access, state, throttled);
    if (this.spec.kind !== "on-demand") return state.demands.map(() => shareOf(this.spec, access, this.partitions));
    for (const report of reports) state.minuteUnits += report?.consumed[access] ?? 0;
    if (minuteOver > 0) learnPeak(state, minuteOver);
    return dealLimit(2 * state.peak, state.demands, partitionCap[access]);
  }

  private adapt(access: Access, state: Direction, throttled: readonly number[]): number[] {
    const share = shareOf(this.spec, access, this.partitions);
    const room = partitionCap[access] - share;
    const wanted = state.boosts.map((boost, p) => {
      if (throttled[p] > 0) return Math.min(room, boost + headroom * throttled[p]);
      const used = Math.min(boost, Math.max(0, headroom * state.demands[p] - share));
      return used + (boost - used) * (1 - decay);
    });
    const unused = state.demands.reduce((sum, demand) => sum + Math.max(0, share - demand), 0);
    // A table that bought more than its partitions can serve has that to lend as well, though no partition may exceed its cap.
    const spare = tableRate(this.spec, access) - share * this.partitions;
    state.boosts = scaledTo(unused + spare, wanted);
    return state.boosts.map((boost) => share + boost);
  }
}

/** A minute is over: it waits until it is old enough, and the oldest that is becomes the peak if it is higher. */
function learnPeak(state: Direction, lastedUs: Micros): void {
  state.young.push(state.minuteUnits / (lastedUs / second));
  state.minuteUnits = 0;
  while (state.young.length > growthUs / sustainUs) state.peak = Math.max(state.peak, state.young.shift()!);
}

/** `wanted`, shrunk in proportion when together they exceed `total`. */
function scaledTo(total: number, wanted: readonly number[]): number[] {
  const sum = wanted.reduce((a, b) => a + b, 0);
  const scale = sum > total ? Math.max(0, total) / sum : 1;
  return wanted.map((value) => value * scale);
}

/**
 * The nodes' reports by partition, for `round`. Two nodes may have led one partition within an interval (leadership moved, or
 * the nodes disagree on it): what each of them saw is added up.
 */
export function reportsByPartition(partitions: number, reports: readonly CapacityReport[]): (PartitionReport | null)[] {
  const byPartition: (PartitionReport | null)[] = Array.from({ length: partitions }, () => null);
  for (const [partition, report] of reports.flat()) {
    const known = byPartition[partition];
    byPartition[partition] = known === null ? report : addReports(known, report);
  }
  return byPartition;
}

function addReports(a: PartitionReport, b: PartitionReport): PartitionReport {
  const sum = (x: Units, y: Units): Units => ({ read: x.read + y.read, write: x.write + y.write });
  return { consumed: sum(a.consumed, b.consumed), throttled: sum(a.throttled, b.throttled) };
}

/** Max-min fair by demand with headroom, then the rest evenly. The sum is at most `limit`, each at most `cap`. */
export function dealLimit(limit: number, demands: readonly number[], cap: number): number[] {
  const granted = fillFairly(
    limit,
    demands.map((demand) => Math.min(cap, headroom * demand)),
  );
  const left = limit - granted.reduce((a, b) => a + b, 0);
  const extra = fillFairly(
    left,
    granted.map((grant) => cap - grant),
  );
  return granted.map((grant, p) => grant + extra[p]);
}

/** Raises all grants together until each has what it wants or the total is used up. */
function fillFairly(total: number, wants: readonly number[]): number[] {
  const grants = wants.map(() => 0);
  const order = wants.map((_, i) => i).sort((a, b) => wants[a] - wants[b]);
  let left = Math.max(0, total);
  order.forEach((p, i) => {
    grants[p] = Math.min(wants[p], left / (order.length - i));
    left -= grants[p];
  });
  return grants;
}
