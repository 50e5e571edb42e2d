/**
 * The tables there are, known to every node. A change is acknowledged once every node has stored it or, after a moment, a majority;
 * whoever made it tells the rest again and again until they know. A node that starts asks the others what it missed and tells
 * them what it knows, so a change survives the crash of its maker.
 *
 * Two nodes that create the same name at the same instant both succeed and the same one of the two entries wins everywhere: the
 * tables' options are settings, not data, and a stronger promise is what a consensus log is for.
 */
import type { Answer, TableDescription, TableSpec } from "../../api.ts";
import { afterPrefix, byteKey } from "../../kernel/store.ts";
import type { Random } from "../../kernel/random.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Peers } from "../../protocols/quorum/peers.ts";
import type { CatalogEntry, TablesMessage } from "./messages.ts";

const prefix = "t/";
/** A change waits this long for every node before a majority is enough. */
const patienceUs: Micros = 400 * millisecond;
const giveUpUs: Micros = 3_000 * millisecond;
const tellAgainAfterUs: Micros = 300 * millisecond;

/** What a catalogue needs of its node. */
export interface CatalogNode {
  readonly env: {
    readonly self: NodeId;
    readonly now: Micros;
    readonly wall: { readonly latest: Micros };
    readonly random: Random;
    readonly store: Store;
    send(to: NodeId, message: TablesMessage): void;
  };
  /** A change is decided. */
  onCatalogAnswer(token: number, answer: Answer): void;
}

interface Change {
  readonly token: number;
  readonly entry: CatalogEntry;
  readonly startedAt: Micros;
  readonly known: Set<NodeId>;
  toldAt: Micros;
  /** The client has its answer; what remains is to tell those who do not know yet. */
  answered: boolean;
}

export class Catalog {
  private readonly node: CatalogNode;
  private readonly peers: Peers;
  private readonly nodes: number;
  private readonly entries = new Map<string, CatalogEntry>();
  private readonly changes = new Map<number, Change>();
  private nextChange: number;

  constructor(node: CatalogNode, peers: Peers, nodes: number, preset: readonly TableSpec[]) {
    this.node = node;
    this.peers = peers;
    this.nodes = nodes;
    // A late acknowledgement of an earlier life's change must not count for one of this life.
    this.nextChange = 1 + node.env.random.uint32() * 2 ** 20;
    for (const spec of preset) {
      this.entries.set(spec.name, {
        spec,
        version: 1,
        id: presetId(spec),
        createdAt: node.env.wall.latest,
        deleted: false,
      });
    }
  }

  start(): void {
    this.node.env.store.scan(prefix, afterPrefix(prefix), (_, value) => {
      const entry = value as unknown as CatalogEntry;
      this.entries.set(entry.spec.name, entry);
    });
    for (let peer = 0; peer < this.nodes; peer++) {
      if (peer === this.node.env.self) continue;
      this.node.env.send(peer, { kind: "catalog-ask" });
      this.onAsk(peer);
    }
  }

  get outstanding(): number {
    return this.changes.size;
  }

  find(name: string): CatalogEntry | undefined {
    const entry = this.entries.get(name);
    return entry === undefined || entry.deleted ? undefined : entry;
  }

  /** Names in code unit order, after `after`, at most `limit`. */
  list(after: string | undefined, limit: number): { names: string[]; more: boolean } {
    const names = [...this.entries.values()].filter(({ deleted }) => !deleted).map(({ spec }) => spec.name);
    const rest = names.sort().filter((name) => after === undefined || name > after);
    return { names: rest.slice(0, limit), more: rest.length > limit };
  }

  create(token: number, spec: TableSpec): void {
    const earlier = this.entries.get(spec.name);
    if (earlier !== undefined && !earlier.deleted) {
      this.node.onCatalogAnswer(token, {
        kind: "refused",
        code: "exists",
        message: `Table already exists: ${spec.name}`,
      });
      return;
    }
    this.change(token, spec, (earlier?.version ?? 0) + 1, false);
  }

  delete(token: number, name: string): void {
    const entry = this.find(name);
    if (entry === undefined) this.node.onCatalogAnswer(token, noTable(name));
    else this.change(token, entry.spec, entry.version + 1, true);
  }

  onEntries(from: NodeId, change: number, entries: readonly CatalogEntry[]): void {
    const newer = entries.flatMap((entry) => this.learn(entry) ?? []);
    if (newer.length > 0) this.node.env.send(from, { kind: "catalog", change: 0, entries: newer });
    if (change > 0) this.node.env.send(from, { kind: "catalog-known", change });
  }

  onAsk(from: NodeId): void {
    const entries = [...this.entries.values()].filter(({ spec, id }) => id !== presetId(spec));
    if (entries.length > 0) this.node.env.send(from, { kind: "catalog", change: 0, entries });
  }

  onKnown(from: NodeId, id: number): void {
    this.peers.onAnswered(from);
    const change = this.changes.get(id);
    if (change === undefined) return;
    change.known.add(from);
    this.conclude(id, change);
  }

  tick(): void {
    const { now } = this.node.env;
    for (const [id, change] of this.changes) {
      this.conclude(id, change);
      if (this.changes.has(id) && now - change.toldAt >= tellAgainAfterUs) this.tell(id, change);
    }
  }

  /** Answers the client when there is something to say, and forgets the change when every node knows it. */
  private conclude(id: number, change: Change): void {
    const { token, entry, known } = change;
    const waited = this.node.env.now - change.startedAt;
    const everyone = known.size === this.nodes;
    if (everyone) this.changes.delete(id);
    if (change.answered) return;
    if (everyone || (known.size > this.nodes / 2 && waited >= patienceUs)) {
      change.answered = true;
      this.node.onCatalogAnswer(token, { kind: "ok", result: { kind: "table", table: describe(entry) } });
    } else if (waited >= giveUpUs) {
      change.answered = true;
      const message = `${known.size} of ${this.nodes} nodes know of the change; it takes a majority`;
      this.node.onCatalogAnswer(token, { kind: "unknown", code: "quorum-lost", message });
    }
  }

  private tell(id: number, change: Change): void {
    change.toldAt = this.node.env.now;
    for (let peer = 0; peer < this.nodes; peer++) {
      if (change.known.has(peer) || this.peers.suspects(peer)) continue;
      this.peers.onAsked(peer);
      this.node.env.send(peer, { kind: "catalog", change: id, entries: [change.entry] });
    }
  }

  private change(token: number, spec: TableSpec, version: number, deleted: boolean): void {
    const { env } = this.node;
    const id = `${spec.name}.${version}.${env.self}`;
    const entry: CatalogEntry = { spec, version, id, createdAt: env.wall.latest, deleted };
    this.learn(entry);
    const known = new Set([env.self]);
    const change: Change = { token, entry, startedAt: env.now, known, toldAt: env.now, answered: false };
    const number = this.nextChange++;
    this.changes.set(number, change);
    this.tell(number, change);
    this.conclude(number, change);
  }

  /** Returns what is held instead when that is newer. */
  private learn(entry: CatalogEntry): CatalogEntry | null {
    const held = this.entries.get(entry.spec.name);
    if (held !== undefined && !supersedes(entry, held)) return supersedes(held, entry) ? held : null;
    this.entries.set(entry.spec.name, entry);
    this.node.env.store.put(prefix + byteKey(entry.spec.name), entry as unknown as Value);
    return null;
  }
}

export function describe(entry: CatalogEntry): TableDescription {
  return { ...entry.spec, status: "ACTIVE", createdAt: entry.createdAt, id: entry.id };
}

export function noTable(name: string): Answer {
  return { kind: "refused", code: "not-found", message: `Requested resource not found: Table: ${name} not found` };
}

/** Tables of the deployment exist on every node from the start; nobody needs to be told of them. */
function presetId(spec: TableSpec): string {
  return `${spec.name}.1`;
}

function supersedes(a: CatalogEntry, b: CatalogEntry): boolean {
  return a.version !== b.version ? a.version > b.version : a.id > b.id;
}
