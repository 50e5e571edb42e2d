/**
 * The replicas of tablets that one node has, and how they come and go:
 *
 *     from the start    the deployment says so
 *     by a split        the parent's log says so here: rows as they are, log from slot 1, the voters of the parent
 *     by the directory  it says that there is a tablet of which this node has nothing, as when the parent came by a snapshot from after the
 *                       split: an empty replica, which then takes a snapshot. Should the parent's log get to the split after all, its rows
 *                       are not needed.
 *     given up          when the directory no longer names it and says that something newer has its keys
 *
 *     n/disk       this disk's name: one for all groups, so that a replica which begins here is the voter that its parent was
 *     n/g<tablet>  { state, entry }: what is here, as it was when it began here, and what has been
 */
import type { StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Group, GroupOptions } from "../../protocols/paxos/group.ts";
import { Journal } from "../../protocols/paxos/journal.ts";
import type { PaxosEnv } from "../../protocols/paxos/messages.ts";
import type { DirectoryMap } from "../../protocols/tablets/directory.ts";
import { LoadMeter } from "../../protocols/tablets/load-meter.ts";
import { SpaceMap } from "../../protocols/tablets/space-map.ts";
import type { Rows } from "../../protocols/tablets/split.ts";
import { TabletStore } from "../../protocols/tablets/tablet-store.ts";
import { entryOf, foundingMeta, metaKey, overlap } from "../../protocols/tablets/tablet.ts";
import type { Tablet, TabletEntry, TabletHost, TabletId, TabletMeta } from "../../protocols/tablets/tablet.ts";
import type { LogOptions } from "../log-options.ts";
import { Census } from "./census.ts";

/** A service's state machine, as far as whoever splits and merges it has to know it. */
export interface TabletHolder {
  readonly tablet: Tablet;
  rows(): Rows;
  /** What the child of a split begins with besides its rows: keys relative to the machine's own state. */
  heirloom(): readonly (readonly [StoreKey, Value])[];
  /** The key that a row is about. */
  keyOf(row: StoreKey): StoreKey;
}

export interface TabletReplica<M extends TabletHolder = TabletHolder> {
  readonly tablet: TabletId;
  /** As it was when it began here. */
  readonly entry: TabletEntry;
  readonly group: Group;
  readonly machine: M;
  readonly store: TabletStore;
  readonly meter: LoadMeter;
  readonly census: Census;
  /** What the meter and the census are about. */
  counted: TabletMeta | undefined;
  /** When the step that is due was last taken. */
  steppedAt: Micros;
}

/** A group and its machine over the store in `env`. */
export type OpenReplica<M extends TabletHolder> = (
  env: PaxosEnv,
  options: GroupOptions,
  /** Of a tablet that is there from the start. */
  initial: TabletMeta | undefined,
  host: TabletHost,
) => { readonly group: Group; readonly machine: M };

export interface HoldingsParts<M extends TabletHolder> {
  readonly env: PaxosEnv;
  /** What there is from the start. */
  readonly initial: readonly TabletEntry[];
  readonly options: LogOptions;
  readonly open: OpenReplica<M>;
}

interface Kept {
  readonly state: "live" | "gone";
  readonly entry: TabletEntry;
}

const meterWindowUs: Micros = 1_000_000;
const sweepRows = 256;

export class Holdings<M extends TabletHolder = TabletHolder> {
  readonly spaces: SpaceMap;
  private readonly parts: HoldingsParts<M>;
  private readonly replicas = new Map<TabletId, TabletReplica<M>>();
  private readonly gone = new Set<TabletId>();
  /** Begun by splits that this turn applied, and by whom. */
  private founded: { readonly child: TabletMeta | undefined; readonly parent: TabletId }[] = [];
  private started = false;

  constructor(parts: HoldingsParts<M>) {
    this.parts = parts;
    this.spaces = new SpaceMap(parts.env.store);
    const { initial, env } = parts;
    const kept = this.kept();
    for (const [tablet, { state, entry }] of kept) {
      if (state === "gone") this.gone.add(tablet);
      else this.open(entry, undefined);
    }
    for (const entry of initial) {
      if (!kept.has(entry.tablet) && entry.replicas.includes(env.self)) this.open(entry, foundingMeta(entry));
    }
  }

  start(): void {
    this.started = true;
    for (const entry of this.parts.initial) {
      const isNew = this.replicas.has(entry.tablet) && this.spaces.segments(entry.tablet).length === 0;
      if (isNew) this.spaces.cover(entry.tablet, entry);
    }
    for (const replica of this.replicas.values()) this.begin(replica);
  }

  get(tablet: TabletId): TabletReplica<M> | undefined {
    return this.replicas.get(tablet);
  }

  all(): IterableIterator<TabletReplica<M>> {
    return this.replicas.values();
  }

  /**
   * Starts what splits made here in this turn. Where the parent is led, its child stands for election at once; the others tell it that
   * they can be asked.
   *
   * @param onBegun a replica of the tablet has begun, and another node leads its parent
   */
  startFounded(onBegun: (tablet: TabletId, leader: NodeId) => void): void {
    while (this.founded.length > 0) {
      const founded = this.founded;
      this.founded = [];
      for (const { child, parent } of founded) {
        const before = this.replicas.get(parent);
        // The rows that left it are another's to change by now, or nobody's.
        before?.group.dropSnapshot();
        if (child === undefined) continue;
        const replica = this.open(entryOf(child), undefined);
        this.begin(replica);
        if (before?.group.leading === true) replica.group.stand();
        else if (before !== undefined && before.group.leader >= 0) onBegun(child.tablet, before.group.leader);
      }
    }
  }

  /** Gives up what is no more, and begins what is here by the directory alone. Returns what was given up. */
  reconcile(map: DirectoryMap): TabletReplica<M>[] {
    const past = [...this.replicas.values()].filter((replica) => isPast(replica, map));
    for (const replica of past) this.giveUp(replica);
    this.spaces.sweep(sweepRows);
    for (const entry of map.entries) this.maybeAdopt(entry);
    return past;
  }

  check(): void {
    this.spaces.check();
    for (const { group } of this.replicas.values()) group.check();
  }

  private maybeAdopt(entry: TabletEntry): void {
    const { tablet, replicas } = entry;
    if (!replicas.includes(this.parts.env.self) || this.replicas.has(tablet) || this.gone.has(tablet)) return;
    this.keep(tablet, { state: "live", entry: entryOf(entry) });
    this.begin(this.open(entryOf(entry), undefined));
  }

  /** In the turn in which the parent applied its split: all of it is there after a crash, or none. */
  private onSplit(parent: TabletId, child: TabletMeta, at: Micros): void {
    const { env } = this.parts;
    const { tablet } = child;
    const known = this.replicas.get(tablet);
    if (this.gone.has(tablet) || (known !== undefined && known.group.applied > 0)) {
      this.spaces.cut(parent, child.from, undefined);
      this.founded.push({ child: undefined, parent });
      return;
    }
    // Begun by the directory and still without a state: so it has not voted, and can begin again.
    if (known !== undefined) this.dropState(tablet);
    // Of the parent's log nothing counts here, not even the slot in which somebody came to vote: these are the founders.
    const { members, placement } = this.replicas.get(parent)!.group.control!;
    const control = { members, placement };
    // Slot 1 is the split itself, so that nobody can fetch the log from its beginning and miss the rows it began with.
    new Journal(env.store, tablet).found({ slot: 1, at, control, installing: false });
    this.keep(tablet, { state: "live", entry: entryOf(child) });
    env.store.putLater(`s${tablet}/${metaKey}`, child as unknown as Value);
    for (const [key, value] of this.replicas.get(parent)!.machine.heirloom()) {
      env.store.putLater(`s${tablet}/${key}`, value);
    }
    this.spaces.cut(parent, child.from, tablet);
    this.founded.push({ child, parent });
  }

  private open(entry: TabletEntry, initial: TabletMeta | undefined): TabletReplica<M> {
    const { tablet, replicas: placement } = entry;
    const { env, options, open } = this.parts;
    const store = new TabletStore(env.store, this.spaces, tablet);
    const { group, machine } = open(
      envOver(env, store),
      { ...options, group: tablet, placement, inherits: initial === undefined },
      initial,
      { onSplit: (child, at) => this.onSplit(tablet, child, at) },
    );
    const replica: TabletReplica<M> = {
      tablet,
      entry,
      group,
      machine,
      store,
      meter: new LoadMeter(meterWindowUs, env.now),
      census: new Census(),
      counted: undefined,
      steppedAt: -Infinity,
    };
    this.replicas.set(tablet, replica);
    return replica;
  }

  private begin({ tablet, group }: TabletReplica<M>): void {
    if (!this.started) return;
    const { store } = this.parts.env;
    const journal = new Journal(store, tablet);
    if (journal.incarnation() === undefined) journal.name(this.disk());
    group.start();
  }

  private disk(): string {
    const { store, wall, random } = this.parts.env;
    const known = store.get("n/disk") as string | undefined;
    if (known !== undefined) return known;
    const name = `${wall.latest}-${random.uint32().toString(36)}`;
    store.put("n/disk", name);
    return name;
  }

  private giveUp({ tablet, entry }: TabletReplica): void {
    const { store } = this.parts.env;
    this.replicas.delete(tablet);
    this.gone.add(tablet);
    this.keep(tablet, { state: "gone", entry });
    this.dropState(tablet);
    const stale: StoreKey[] = [];
    store.scan(`p${tablet}/`, afterPrefix(`p${tablet}/`), (key) => void stale.push(key));
    for (const key of stale) store.deleteLater(key);
  }

  /** Its rows are nobody's, the rest of its state is gone. */
  private dropState(tablet: TabletId): void {
    const { store } = this.parts.env;
    this.spaces.cover(tablet, undefined);
    const stale: StoreKey[] = [];
    store.scan(`s${tablet}/`, afterPrefix(`s${tablet}/`), (key) => void stale.push(key));
    for (const key of stale) store.deleteLater(key);
  }

  private keep(tablet: TabletId, kept: Kept): void {
    this.parts.env.store.putLater(`n/g${tablet}`, kept as unknown as Value);
  }

  private kept(): Map<TabletId, Kept> {
    const kept = new Map<TabletId, Kept>();
    this.parts.env.store.scan("n/g", afterPrefix("n/g"), (key, value) => {
      kept.set(Number(key.slice("n/g".length)), value as unknown as Kept);
    });
    return kept;
  }
}

/** No longer named, and everything it had belongs to something newer. A map older than the tablet itself cannot say that. */
function isPast({ tablet, entry: begun, machine }: TabletReplica, { entries }: DirectoryMap): boolean {
  const meta = machine.tablet.meta ?? begun;
  const isNamed = entries.some(
    ({ tablet: id, intent }) => id === tablet || (intent?.kind === "split" && intent.child === tablet),
  );
  return (
    !isNamed && entries.length > 0 && entries.every((entry) => !overlap(entry, meta) || entry.version > meta.version)
  );
}

/** The node's env with the tablet's store in the place of the node's; `now` and `wall` stay those of the turn. */
function envOver(env: PaxosEnv, store: TabletStore): PaxosEnv {
  return {
    self: env.self,
    get now() {
      return env.now;
    },
    get wall() {
      return env.wall;
    },
    random: env.random,
    store,
    send: (to, message) => env.send(to, message),
    sendEarly: (to, message) => env.sendEarly(to, message),
  };
}
