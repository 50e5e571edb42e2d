/**
 * Capacity at one node: the partitions it leads admit or throttle, and for tables whose controller it is it deals out limits.
 *
 *     leader of partition p ──report, once a second──> controller of the table ──limits──> leaders
 *
 * The controller is the first reachable node of the table's own ring walk. None of this is durable: a node that restarts begins
 * with what a share gives it, and a controller that is lost is replaced by the next node within a second.
 */
import { writeUnits, readUnits } from "../../policies/capacity/request-units.ts";
import { isSteered, PartitionAdmission, savedWhenNew } from "../../policies/capacity/partition-admission.ts";
import type { CapacityLimits, CapacityReport } from "../../policies/capacity/table-controller.ts";
import { reportsByPartition, TableController } from "../../policies/capacity/table-controller.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { second } from "../../kernel/units.ts";
import type { Peers } from "../../protocols/quorum/peers.ts";
import type { CatalogEntry, TablesMessage } from "./messages.ts";
import type { DataRequest } from "./operations.ts";
import type { Placements } from "./placements.ts";
import { TimeSeries } from "./time-series.ts";

export interface AdmissionEnv {
  readonly self: NodeId;
  readonly now: Micros;
  sendEarly(to: NodeId, message: TablesMessage): void;
}

/** The partitions of one table that this node has led. */
interface Led {
  readonly entry: CatalogEntry;
  readonly partitions: Map<number, PartitionAdmission>;
}

interface Controlled {
  readonly entry: CatalogEntry;
  readonly controller: TableController;
  readonly reports: Map<NodeId, CapacityReport>;
  lastRoundAt: Micros;
}

export class Admission {
  private readonly env: AdmissionEnv;
  private readonly peers: Peers;
  private readonly placements: Placements;
  private readonly led = new Map<string, Led>();
  private readonly controlled = new Map<string, Controlled>();
  private reporting = false;
  /** A node that had run before does not know what its partitions spent: they start with one second of their share. */
  private restarted = false;
  /** Units by second and partition, of the first table with limits that was used here. */
  private counted: { readonly table: string; readonly admitted: TimeSeries; readonly throttled: TimeSeries } | null =
    null;

  constructor(env: AdmissionEnv, peers: Peers, placements: Placements) {
    this.env = env;
    this.peers = peers;
    this.placements = placements;
  }

  start(restarted: boolean): void {
    this.restarted = restarted;
  }

  limits(entry: CatalogEntry): boolean {
    return entry.spec.capacity.kind !== "unlimited";
  }

  /** Units charged, or null when the partition may not take the request now. `itemBytes` is 0 where it is not known yet. */
  admit(entry: CatalogEntry, partition: number, body: DataRequest, itemBytes: number): number | null {
    if (!this.limits(entry)) return 0;
    const access = body.kind === "get" ? "read" : "write";
    const units = body.kind === "get" ? readUnits(0, body.consistent) : writeUnits(itemBytes);
    const decision = this.partition(entry, partition).admit(access, units, this.env.now);
    this.count(decision === "ok" ? "admitted" : "throttled", entry, partition, units);
    return decision === "ok" ? units : null;
  }

  /** What a read cost beyond its admission, now that its size is known. Returns its whole cost. */
  chargeRead(entry: CatalogEntry, partition: number, itemBytes: number, consistent: boolean, admitted: number): number {
    if (!this.limits(entry)) return 0;
    const units = readUnits(itemBytes, consistent);
    this.partition(entry, partition).settle("read", units - admitted, this.env.now);
    this.count("admitted", entry, partition, units - admitted);
    return units;
  }

  /** As `chargeRead`, for a write whose item was not known at its admission. */
  chargeWrite(entry: CatalogEntry, partition: number, itemBytes: number, admitted: number): number {
    if (!this.limits(entry)) return 0;
    const units = writeUnits(itemBytes);
    if (units <= admitted) return admitted;
    this.partition(entry, partition).settle("write", units - admitted, this.env.now);
    this.count("admitted", entry, partition, units - admitted);
    return units;
  }

  /** True when the reporting timer must be armed: there is something to report and nothing is armed. */
  activate(): boolean {
    if (this.reporting) return false;
    this.reporting = true;
    return true;
  }

  /** Once a second: reports what was led, runs the controllers. What belonged to a table that is no more is forgotten. */
  report(exists: (entry: CatalogEntry) => boolean): void {
    for (const [id, { entry }] of this.led) if (!exists(entry)) this.led.delete(id);
    for (const [id, { entry }] of this.controlled) if (!exists(entry)) this.controlled.delete(id);
    for (const { entry, partitions } of this.led.values()) {
      if (!isSteered(entry.spec.capacity)) continue;
      const report: CapacityReport = [...partitions].map(([partition, admission]) => [
        partition,
        admission.takeReport(),
      ]);
      const controller = this.controllerOf(entry.spec.name);
      if (controller === this.env.self) this.onReport(this.env.self, entry, report);
      else {
        this.peers.probe(controller);
        this.env.sendEarly(controller, { kind: "capacity-report", table: entry.spec.name, id: entry.id, report });
      }
    }
    for (const controlled of this.controlled.values()) this.round(controlled);
  }

  onReport(from: NodeId, entry: CatalogEntry | undefined, report: CapacityReport): void {
    if (entry === undefined) return;
    let controlled = this.controlled.get(entry.id);
    if (controlled === undefined) {
      const { capacity, partitions } = entry.spec;
      const controller = new TableController(capacity, partitions);
      controlled = { entry, controller, reports: new Map(), lastRoundAt: this.env.now - second };
      this.controlled.set(entry.id, controlled);
    }
    controlled.reports.set(from, report);
  }

  onLimits(entry: CatalogEntry | undefined, limits: CapacityLimits): void {
    const led = entry === undefined ? undefined : this.led.get(entry.id);
    if (led === undefined) return;
    for (const [partition, admission] of led.partitions) admission.grant(limits[partition], this.env.now);
  }

  counters(): Record<string, readonly number[]> {
    if (this.counted === null) return {};
    return { admittedUnits: this.counted.admitted.values, throttledUnits: this.counted.throttled.values };
  }

  private controllerOf(table: string): NodeId {
    const walk = this.placements.walkOf(table);
    return walk.find((node) => node === this.env.self || !this.peers.suspects(node)) ?? this.env.self;
  }

  private round(controlled: Controlled): void {
    const { entry, controller, reports } = controlled;
    const elapsedUs = this.env.now - controlled.lastRoundAt;
    if (reports.size === 0 || elapsedUs < second / 2) return;
    controlled.lastRoundAt = this.env.now;
    const limits = controller.round(reportsByPartition(entry.spec.partitions, [...reports.values()]), elapsedUs);
    for (const node of reports.keys()) {
      if (node === this.env.self) this.onLimits(entry, limits);
      else this.env.sendEarly(node, { kind: "capacity-limits", table: entry.spec.name, id: entry.id, limits });
    }
    reports.clear();
  }

  private partition(entry: CatalogEntry, partition: number): PartitionAdmission {
    let led = this.led.get(entry.id);
    if (led === undefined) {
      led = { entry, partitions: new Map() };
      this.led.set(entry.id, led);
    }
    let admission = led.partitions.get(partition);
    if (admission === undefined) {
      const { capacity, partitions } = entry.spec;
      const saved = this.restarted ? 1 : savedWhenNew(capacity);
      admission = new PartitionAdmission(capacity, partitions, this.env.now, saved);
      led.partitions.set(partition, admission);
    }
    return admission;
  }

  private count(what: "admitted" | "throttled", { id, spec }: CatalogEntry, partition: number, amount: number): void {
    const series = (): TimeSeries => new TimeSeries(spec.partitions, second);
    this.counted ??= { table: id, admitted: series(), throttled: series() };
    if (this.counted.table === id) this.counted[what].add(this.env.now, partition, amount);
  }
}
