/**
 * When to split, to merge and to move a leader: decisions, no acts. Whoever leads the directory collects what the tablets' leaders
 * report and asks; what it decides is begun in the directory or asked of a leader, and may be decided again.
 *
 *     operations/s     cool ............ warm .............. hot
 *                      0 ── mergeBelow ──────── splitAbove ──────>       mergeBelow is at most a third of splitAbove, so that two tablets
 *                      two cool neighbours     nothing       split       that merge are not hot together, and halves of a hot one not cool
 *
 * A state must last before it counts, and a tablet that has just changed is left alone for a while: so nothing flaps. Leaders are spread
 * over zones first and then over nodes, by load: a move must lower the busier node's load by a margin, and one is made at a time.
 */
import type { StoreKey } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { DirectoryCommand, DirectoryEntry } from "./directory.ts";
import type { TabletId } from "./tablet.ts";

export interface BalanceRules {
  /** A tablet with more is split where its rows are halved. */
  readonly splitAboveRows: number;
  readonly splitAboveBytes: number;
  /** A tablet that is asked more often is split where its load is halved. */
  readonly splitAbovePerSecond: number;
  /** Neighbours that are together below this, and have at most `mergeMaxRows` rows each, become one. */
  readonly mergeBelowPerSecond: number;
  readonly mergeMaxRows: number;
  readonly mergeMaxBytes: number;
  /** A state counts when it has lasted so long. */
  readonly patienceUs: Micros;
  /** A tablet that changed, or whose leader moved, is left alone for so long. */
  readonly restUs: Micros;
  readonly spreadLeaders: boolean;
}

/** What a tablet's leader says, a few times a second. */
export interface TabletReport {
  readonly tablet: TabletId;
  readonly version: number;
  readonly leader: NodeId;
  readonly perSecond: number;
  /** Null: not counted yet. */
  readonly rows: number | null;
  readonly bytes: number;
  /** Halves the load; null when no key does. */
  readonly loadKey: StoreKey | null;
  /** Halves the rows; null when not known. */
  readonly sizeKey: StoreKey | null;
}

export type Decision =
  | { readonly kind: "begin"; readonly command: DirectoryCommand }
  | { readonly kind: "move-leader"; readonly tablet: TabletId; readonly from: NodeId; readonly to: NodeId };

interface Known {
  readonly report: TabletReport;
  readonly at: Micros;
  /** When this version was first heard of. */
  readonly since: Micros;
  /** Since when it is too large or too hot, and too small to stand alone; Infinity: it is not. */
  largeSince: Micros;
  smallSince: Micros;
  movedAt: Micros;
}

/** A leader's load counts at least so much for each tablet: idle leaderships are spread too. */
const basePerSecond = 1;
/** A move must make the busier side less busy by this share of what is moved. */
const worthwhile = 0.5;

export class Balance {
  private readonly rules: BalanceRules;
  private readonly zoneOf: (node: NodeId) => string;
  private known = new Map<TabletId, Known>();
  private movedAt: Micros = -Infinity;

  constructor(rules: BalanceRules, zoneOf: (node: NodeId) => string) {
    if (rules.mergeBelowPerSecond * 3 > rules.splitAbovePerSecond) {
      const { mergeBelowPerSecond, splitAbovePerSecond } = rules;
      throw new RangeError(
        `tablets would split and merge for ever: got mergeBelowPerSecond ${mergeBelowPerSecond} and splitAbovePerSecond ` +
          `${splitAbovePerSecond}; expected the first to be at most a third of the second; fix: lower mergeBelowPerSecond`,
      );
    }
    this.rules = rules;
    this.zoneOf = zoneOf;
  }

  onReport(report: TabletReport, now: Micros): void {
    const before = this.known.get(report.tablet);
    if (before !== undefined && before.report.version > report.version) return;
    const same = before?.report.version === report.version;
    const known: Known = {
      report,
      at: now,
      since: same ? before.since : now,
      largeSince: same ? before.largeSince : Infinity,
      smallSince: same ? before.smallSince : Infinity,
      movedAt: same && before.report.leader === report.leader ? before.movedAt : now,
    };
    known.largeSince = this.splitKey(report) === null ? Infinity : Math.min(known.largeSince, now);
    known.smallSince = this.isSmall(report) ? Math.min(known.smallSince, now) : Infinity;
    this.known.set(report.tablet, known);
  }

  /** @param entries the directory's, in key order */
  decide(entries: readonly DirectoryEntry[], now: Micros): Decision[] {
    this.forget(entries);
    const begun = this.splits(entries, now);
    if (begun.length > 0) return begun;
    const merge = this.merge(entries, now);
    if (merge !== undefined) return [merge];
    const move = entries.some(({ intent }) => intent !== null) ? undefined : this.move(entries, now);
    return move === undefined ? [] : [move];
  }

  private splits(entries: readonly DirectoryEntry[], now: Micros): Decision[] {
    const decisions: Decision[] = [];
    for (const { tablet, version, intent, from, to } of entries) {
      const known = this.settled(tablet, version, now);
      if (known === undefined || intent !== null || now - known.largeSince < this.rules.patienceUs) continue;
      const at = this.splitKey(known.report);
      if (at === null || at <= from || at >= to) continue;
      decisions.push({ kind: "begin", command: { kind: "split-begin", tablet, version, at } });
    }
    return decisions;
  }

  /** One at a time: what it saves can wait, what it costs is a moment in which nobody owns the keys. */
  private merge(entries: readonly DirectoryEntry[], now: Micros): Decision | undefined {
    const { patienceUs, mergeBelowPerSecond } = this.rules;
    for (let i = 1; i < entries.length; i++) {
      const [left, right] = [entries[i - 1], entries[i]];
      const a = this.settled(left.tablet, left.version, now);
      const b = this.settled(right.tablet, right.version, now);
      if (a === undefined || b === undefined || left.intent !== null || right.intent !== null) continue;
      if (now - a.smallSince < patienceUs || now - b.smallSince < patienceUs) continue;
      if (a.report.perSecond + b.report.perSecond > mergeBelowPerSecond) continue;
      const command: DirectoryCommand = {
        kind: "merge-begin",
        left: left.tablet,
        leftVersion: left.version,
        right: right.tablet,
        rightVersion: right.version,
      };
      return { kind: "begin", command };
    }
    return undefined;
  }

  private move(entries: readonly DirectoryEntry[], now: Micros): Decision | undefined {
    if (!this.rules.spreadLeaders || now - this.movedAt < this.rules.restUs) return undefined;
    const loads = this.loads(entries);
    let best: { decision: Decision; gain: number } | undefined;
    for (const { tablet, version, replicas } of entries) {
      const known = this.settled(tablet, version, now);
      if (known === undefined || now - known.movedAt < this.rules.restUs) continue;
      const { leader } = known.report;
      const load = known.report.perSecond + basePerSecond;
      for (const node of replicas) {
        if (node === leader) continue;
        const gain = this.gain(loads, leader, node, load);
        if (gain > (best?.gain ?? 0))
          best = { decision: { kind: "move-leader", tablet, from: leader, to: node }, gain };
      }
    }
    if (best !== undefined) this.movedAt = now;
    return best?.decision;
  }

  /** By how much the busier of the two becomes less busy; zones count before nodes. 0: not worth it. */
  private gain(loads: ReadonlyMap<NodeId, number>, from: NodeId, to: NodeId, load: number): number {
    const zone = (name: string): number => {
      let sum = 0;
      for (const [node, has] of loads) if (this.zoneOf(node) === name) sum += has;
      return sum;
    };
    const [a, b] = [this.zoneOf(from), this.zoneOf(to)];
    const [busy, idle] = a === b ? [loads.get(from) ?? 0, loads.get(to) ?? 0] : [zone(a), zone(b)];
    const after = Math.max(busy - load, idle + load);
    // Of equal gains the one that goes where there is least.
    return busy - after >= worthwhile * load ? busy - after + (busy - idle) / 1e6 : 0;
  }

  private loads(entries: readonly DirectoryEntry[]): Map<NodeId, number> {
    const loads = new Map<NodeId, number>();
    for (const { tablet, replicas } of entries) {
      for (const node of replicas) if (!loads.has(node)) loads.set(node, 0);
      const report = this.known.get(tablet)?.report;
      if (report !== undefined) {
        loads.set(report.leader, (loads.get(report.leader) ?? 0) + report.perSecond + basePerSecond);
      }
    }
    return loads;
  }

  /** What is known of the tablet as the directory has it, once it has been so for a while. */
  private settled(tablet: TabletId, version: number, now: Micros): Known | undefined {
    const known = this.known.get(tablet);
    if (known?.report.version !== version || now - known.since < this.rules.restUs) return undefined;
    return now - known.at <= this.rules.patienceUs + this.rules.restUs ? known : undefined;
  }

  private splitKey(report: TabletReport): StoreKey | null {
    const { splitAbovePerSecond, splitAboveRows, splitAboveBytes } = this.rules;
    if ((report.rows ?? 0) > splitAboveRows || report.bytes > splitAboveBytes) return report.sizeKey ?? report.loadKey;
    return report.perSecond > splitAbovePerSecond ? report.loadKey : null;
  }

  private isSmall({ perSecond, rows, bytes }: TabletReport): boolean {
    const { mergeBelowPerSecond, mergeMaxRows, mergeMaxBytes } = this.rules;
    return rows !== null && rows <= mergeMaxRows && bytes <= mergeMaxBytes && perSecond < mergeBelowPerSecond;
  }

  private forget(entries: readonly DirectoryEntry[]): void {
    const named = new Set(entries.map(({ tablet }) => tablet));
    for (const tablet of this.known.keys()) if (!named.has(tablet)) this.known.delete(tablet);
  }
}
