/**
 * Tablets without a network and without Paxos: a log is a list that cannot be lost, and each node applies what it likes, when it likes,
 * and crashes back to an earlier turn. What is left is what this protocol has to get right: who owns which key at which slot.
 */
import { OrderedMap } from "../../kernel/ordered-map.ts";
import type { Random } from "../../kernel/random.ts";
import type { Store, Value } from "../../kernel/store.ts";
import { Directory } from "./directory.ts";
import type { DirectoryCommand, DirectoryEntry } from "./directory.ts";
import { SpaceMap } from "./space-map.ts";
import { nextStep } from "./split.ts";
import type { Neighbour } from "./split.ts";
import { TabletStore } from "./tablet-store.ts";
import { foundingMeta, isWithin, overlap, rowPrefix, Tablet } from "./tablet.ts";
import type { RangeCommand, TabletId, TabletMeta } from "./tablet.ts";
import { wholeMap } from "./routing.ts";

export type ToyCommand = RangeCommand | { readonly kind: "write"; readonly key: string; readonly value: string };

export class MemoryStore implements Store {
  readonly map = new OrderedMap<Value>();

  get(key: string): Value | undefined {
    return this.map.get(key);
  }
  put(key: string, value: Value): void {
    this.map.set(key, value);
  }
  putLater(key: string, value: Value): void {
    this.map.set(key, value);
  }
  delete(key: string): void {
    this.map.delete(key);
  }
  deleteLater(key: string): void {
    this.map.delete(key);
  }
  scan(from: string, to: string, visit: (key: string, value: Value) => boolean | void): void {
    this.map.scan(from, to, visit);
  }
  entries(): [string, Value][] {
    const all: [string, Value][] = [];
    this.map.scan("", "\u00ff\u00ff\u00ff\u00ff\u00ff", (key, value) => void all.push([key, value]));
    return all;
  }
}

class Prefixed implements Store {
  private readonly store: Store;
  private readonly prefix: string;
  constructor(store: Store, prefix: string) {
    this.store = store;
    this.prefix = prefix;
  }
  get(key: string): Value | undefined {
    return this.store.get(this.prefix + key);
  }
  put(key: string, value: Value): void {
    this.store.putLater(this.prefix + key, value);
  }
  putLater(key: string, value: Value): void {
    this.store.putLater(this.prefix + key, value);
  }
  delete(key: string): void {
    this.store.deleteLater(this.prefix + key);
  }
  deleteLater(key: string): void {
    this.store.deleteLater(this.prefix + key);
  }
  scan(from: string, to: string, visit: (key: string, value: Value) => boolean | void): void {
    const { prefix } = this;
    this.store.scan(prefix + from, prefix + to, (key, value) => visit(key.slice(prefix.length), value));
  }
}

interface Replica {
  readonly store: Store;
  readonly tablet: Tablet;
}

/** One node's replicas over one store, of which the last few turns can be lost. */
export class ToyNode {
  store = new MemoryStore();
  spaces = new SpaceMap(this.store);
  readonly replicas = new Map<TabletId, Replica>();
  private turns: [string, Value][][] = [];
  private readonly nodes: readonly number[];

  constructor(nodes: readonly number[]) {
    this.nodes = nodes;
    this.boot();
  }

  boot(): void {
    this.spaces = new SpaceMap(this.store);
    this.replicas.clear();
    const ids = new Set([2]);
    this.store.scan("a/", "a/~", (key) => void ids.add(Number(key.slice(2))));
    for (const id of ids) {
      if (!this.isDead(id)) this.open(id, id === 2 ? foundingMeta(wholeMap(2, this.nodes)[0]) : undefined);
    }
  }

  crash(random: Random): void {
    const lost = random.below(Math.min(this.turns.length, 8) + 1);
    const kept = this.turns.length - lost;
    const state = kept > 0 ? this.turns[kept - 1] : [];
    this.turns = this.turns.slice(0, kept);
    this.store = new MemoryStore();
    for (const [key, value] of state) this.store.map.set(key, value);
    this.boot();
  }

  endTurn(): void {
    this.turns.push(this.store.entries());
    if (this.turns.length > 40) this.turns.shift();
    this.spaces.check();
  }

  applied(id: TabletId): number {
    return (this.store.get(`a/${id}`) as number | undefined) ?? 0;
  }

  /** Applies the next command of that log here; true when the write was carried out. */
  applyNext(id: TabletId, log: readonly ToyCommand[], isPlanted: boolean): { slot: number; done: boolean } {
    const slot = this.applied(id);
    const command = log[slot];
    const { store, tablet } = this.replicas.get(id)!;
    let done = true;
    if (command.kind === "write") {
      done = tablet.owns(command.key);
      if (done) store.putLater(rowPrefix + command.key, command.value);
      else if (isPlanted) done = true;
    } else {
      tablet.apply(command, 0);
    }
    this.store.map.set(`a/${id}`, slot + 1);
    this.endTurn();
    return { slot, done };
  }

  open(id: TabletId, initial: TabletMeta | undefined): void {
    if (initial !== undefined && this.spaces.segments(id).length === 0) this.spaces.cover(id, initial);
    const store = new Prefixed(new TabletStore(this.store, this.spaces, id), `s${id}/`);
    const tablet = new Tablet(store, initial, { onSplit: (child) => this.found(id, child) });
    this.replicas.set(id, { store, tablet });
  }

  /** The other's state takes the place of this replica's, as a snapshot would. */
  install(id: TabletId, from: ToyNode): void {
    if (from.applied(id) <= this.applied(id)) return;
    const other = from.replicas.get(id)!;
    if (!this.replicas.has(id)) this.open(id, undefined);
    const { store, tablet } = this.replicas.get(id)!;
    const rows = rowsOf(this.replicas.get(id)!);
    if (tablet.meta !== undefined) for (const key of rows.keys()) store.deleteLater(rowPrefix + key);
    store.putLater("m", other.tablet.meta as unknown as Value);
    for (const [key, value] of rowsOf(other)) store.putLater(rowPrefix + key, value);
    tablet.reset();
    this.store.map.set(`a/${id}`, from.applied(id));
    this.endTurn();
  }

  giveUp(id: TabletId): void {
    this.replicas.delete(id);
    this.store.map.set(`dead/${id}`, 1);
    this.spaces.cover(id, undefined);
    this.endTurn();
  }

  isDead(id: TabletId): boolean {
    return this.store.get(`dead/${id}`) !== undefined;
  }

  private found(parent: TabletId, child: TabletMeta): void {
    const { tablet, from } = child;
    const known = this.replicas.get(tablet);
    if (this.isDead(tablet) || known?.tablet.meta !== undefined) {
      this.spaces.cut(parent, from, undefined);
      return;
    }
    if (known !== undefined) this.spaces.cover(tablet, undefined);
    this.spaces.cut(parent, from, tablet);
    this.store.map.set(`a/${tablet}`, 0);
    this.store.map.set(`s${tablet}/m`, child as unknown as Value);
    this.open(tablet, undefined);
  }
}

function rowsOf({ store, tablet }: Replica): Map<string, string> {
  const rows = new Map<string, string>();
  if (tablet.meta === undefined) return rows;
  store.scan(rowPrefix, `${rowPrefix}\u00ff\u00ff\u00ff\u00ff`, (key, value) => {
    rows.set(key.slice(rowPrefix.length), value as string);
  });
  return rows;
}

export class ToyCluster {
  readonly nodes: ToyNode[];
  readonly logs = new Map<TabletId, ToyCommand[]>([[2, []]]);
  readonly directory: Directory;
  /** For each key its acknowledged writes in the order acknowledged. */
  readonly acknowledged = new Map<string, string>();
  /** Writes proposed and not yet applied anywhere, by log and slot. */
  private readonly outstanding = new Map<string, { key: string; value: string }>();
  /** The most that any node has applied of each log. */
  private readonly furthest = new Map<TabletId, number>();
  private readonly random: Random;
  private readonly planted: boolean;
  private writes = 0;
  splits = 0;
  merges = 0;
  refusals = 0;

  constructor(random: Random, planted = false) {
    this.random = random;
    this.planted = planted;
    const ids = [0, 1, 2];
    this.nodes = ids.map(() => new ToyNode(ids));
    this.directory = new Directory(new Prefixed(new MemoryStore(), "s1/"), wholeMap(2, ids));
  }

  step(): void {
    const { random } = this;
    const node = random.pick(this.nodes);
    const dice = random.float();
    if (dice < 0.3) this.write();
    else if (dice < 0.75) this.applySome(node);
    else if (dice < 0.8) this.begin();
    else if (dice < 0.92) this.drive(node);
    else if (dice < 0.95) node.crash(random);
    else if (dice < 0.97) this.transfer(node);
    else this.tidy(node);
  }

  /** Everybody applies everything and finishes what was begun. */
  finish(): void {
    for (let round = 0; round < 12; round++) {
      for (const node of this.nodes) {
        for (let i = 0; i < 200; i++) this.applySome(node);
        this.drive(node);
        this.tidy(node);
        this.transfer(node);
      }
    }
  }

  private write(): void {
    const key = String.fromCharCode(97 + this.random.below(26));
    const value = `v${++this.writes}`;
    // By a map of any age: any tablet that ever was may be asked.
    const id = this.random.chance(0.5) ? this.directory.find(key).tablet : this.random.pick([...this.logs.keys()]);
    const log = this.logs.get(id);
    if (log === undefined) return;
    this.outstanding.set(`${id}/${log.length}`, { key, value });
    log.push({ kind: "write", key, value });
  }

  private applySome(node: ToyNode): void {
    const ids = [...node.replicas.keys()].filter(
      (id) => node.replicas.get(id)!.tablet.meta !== undefined && node.applied(id) < (this.logs.get(id)?.length ?? 0),
    );
    if (ids.length === 0) return;
    const id = this.random.pick(ids);
    const log = this.logs.get(id)!;
    const command = log[node.applied(id)];
    const { slot, done } = node.applyNext(id, log, this.planted);
    for (const known of node.replicas.keys()) if (!this.logs.has(known)) this.logs.set(known, []);
    if (slot < (this.furthest.get(id) ?? 0)) return;
    this.furthest.set(id, slot + 1);
    if (command.kind === "split") this.splits++;
    if (command.kind === "absorb") this.merges++;
    // The first to apply is whoever proposed it, and answers.
    const write = this.outstanding.get(`${id}/${slot}`);
    if (write === undefined) return;
    if (done) this.acknowledged.set(write.key, write.value);
    else this.refusals++;
  }

  private begin(): void {
    const { random } = this;
    const entries = this.directory.read({ kind: "map", since: 0 }).entries;
    const i = random.below(entries.length);
    const { tablet, version } = entries[i];
    if (random.chance(0.6) || entries.length === 1) {
      const at = String.fromCharCode(97 + random.below(26));
      this.directory.apply({ kind: "split-begin", tablet, version, at });
    } else if (i + 1 < entries.length) {
      const right = entries[i + 1];
      this.directory.apply({
        kind: "merge-begin",
        left: tablet,
        leftVersion: version,
        right: right.tablet,
        rightVersion: right.version,
      });
    }
  }

  /** Acts as if this node led all it has; that it may be behind does not matter. */
  private drive(node: ToyNode): void {
    for (const entry of this.directory.read({ kind: "map", since: 0 }).entries) {
      const replica = node.replicas.get(entry.tablet);
      if (replica?.tablet.meta === undefined || this.isBehind(node, entry.tablet)) continue;
      const step = nextStep(entry, replica.tablet.meta, (id) => neighbour(node, id), { maxRows: 20, maxBytes: 1e6 });
      if (step?.to === "tablet") this.logs.get(entry.tablet)!.push(step.command);
      else if (step?.to === "directory") this.directory.apply(step.command as DirectoryCommand);
    }
  }

  /** A leader has applied all that any replica has. */
  private isBehind(node: ToyNode, id: TabletId): boolean {
    return node.applied(id) < (this.furthest.get(id) ?? 0);
  }

  private transfer(node: ToyNode): void {
    const other = this.random.pick(this.nodes);
    for (const id of node.replicas.keys()) {
      if (other !== node && other.replicas.get(id)?.tablet.meta !== undefined) node.install(id, other);
    }
  }

  /** What a node does when it hears from the directory. */
  private tidy(node: ToyNode): void {
    const { entries } = this.directory.read({ kind: "map", since: 0 });
    for (const [id, { tablet }] of node.replicas) {
      const { meta } = tablet;
      if (meta === undefined || isNamed(entries, id)) continue;
      if (entries.every((entry) => !overlap(entry, meta) || entry.version > meta.version)) node.giveUp(id);
    }
    node.spaces.sweep(100);
    node.endTurn();
    for (const { tablet } of entries)
      if (!node.replicas.has(tablet) && !node.isDead(tablet)) node.open(tablet, undefined);
  }

  /** Throws when a key is owned twice as of the furthest that each log was applied, or an acknowledged write is missing. */
  check(): void {
    for (let code = 97; code < 123; code++) this.checkKey(String.fromCharCode(code));
    this.directory.check();
  }

  private checkKey(key: string): void {
    const owners = new Map<TabletId, Replica>();
    let sealed = false;
    for (const node of this.nodes) {
      for (const [id, replica] of node.replicas) {
        if (this.isBehind(node, id)) continue;
        if (replica.tablet.owns(key)) owners.set(id, replica);
        const { meta } = replica.tablet;
        if (meta !== undefined && meta.sealedInto !== 0 && isWithin(key, meta)) sealed = true;
      }
    }
    if (owners.size > 1) throw new Error(`"${key}" is owned by ${[...owners.keys()].join(" and ")}`);
    const [owner] = owners.values();
    if (owner === undefined) {
      if (!sealed && !this.isAnyoneBehind()) throw new Error(`"${key}" is owned by nobody`);
      return;
    }
    const value = rowsOf(owner).get(key);
    const expected = this.acknowledged.get(key);
    if (expected !== undefined && value !== expected) {
      throw new Error(`"${key}" is ${value} at its owner, expected ${expected}, which was acknowledged`);
    }
  }

  private isAnyoneBehind(): boolean {
    return [...this.furthest].some(([id]) =>
      this.nodes.every((node) => !node.replicas.has(id) || this.isBehind(node, id)),
    );
  }
}

function isNamed(entries: readonly DirectoryEntry[], id: TabletId): boolean {
  return entries.some(({ tablet, intent }) => tablet === id || (intent?.kind === "split" && intent.child === id));
}

function neighbour(node: ToyNode, id: TabletId): Neighbour | undefined {
  const replica = node.replicas.get(id);
  const meta = replica?.tablet.meta;
  if (replica === undefined || meta === undefined) return undefined;
  return {
    meta,
    rows: () => {
      const rows = rowsOf(replica);
      return { keys: [...rows.keys()], values: [...rows.values()] };
    },
  };
}
