/**
 * The tables there are, known to every node. A change is acknowledged once every node that seems reachable has stored it, and a
 * majority in any case; a node that starts asks the others what it missed.
 *
 * Two nodes that create the same name at the same instant both succeed and the same one of the two entries wins everywhere: the
 * tables' options are settings, not data, and a stronger promise is what a consensus log is for.
 */
import type { Answer, TableDescription, TableSpec } from "../../api.ts";
import { afterPrefix, byteKey } from "../../kernel/store.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Peers } from "../../protocols/quorum/peers.ts";
import type { CatalogEntry, TablesMessage } from "./messages.ts";

const prefix = "t/";
/** A change waits this long for every node before a majority is enough. */
const patienceUs: Micros = 400 * millisecond;
const giveUpUs: Micros = 3_000 * millisecond;

/** What a catalogue needs of its node. */
export interface CatalogNode {
  readonly env: {
    readonly self: NodeId;
    readonly now: Micros;
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
}

export class Catalog {
  private readonly node: CatalogNode;
  private readonly peers: Peers;
  private readonly nodes: number;
  private readonly entries = new Map<string, CatalogEntry>();
  private readonly changes = new Map<number, Change>();
  private nextChange = 1;

  constructor(node: CatalogNode, peers: Peers, nodes: number, preset: readonly TableSpec[]) {
    this.node = node;
    this.peers = peers;
    this.nodes = nodes;
    for (const spec of preset) {
      this.entries.set(spec.name, { spec, version: 1, id: presetId(spec), createdAt: 0, deleted: false });
    }
  }

  start(): void {
    this.node.env.store.scan(prefix, afterPrefix(prefix), (_, value) => {
      const entry = value as unknown as CatalogEntry;
      this.entries.set(entry.spec.name, entry);
    });
    for (let peer = 0; peer < this.nodes; peer++) {
      if (peer !== this.node.env.self) this.node.env.send(peer, { kind: "catalog-ask" });
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
    for (const entry of entries) this.learn(entry);
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
    if (change.known.size === this.nodes) this.finish(id, change);
  }

  tick(): void {
    for (const [id, change] of this.changes) {
      const waited = this.node.env.now - change.startedAt;
      const majority = change.known.size > this.nodes / 2;
      if (majority && waited >= patienceUs) this.finish(id, change);
      else if (waited >= giveUpUs) {
        this.changes.delete(id);
        const message = `${change.known.size} of ${this.nodes} nodes know of the change; it takes a majority`;
        this.node.onCatalogAnswer(change.token, { kind: "unknown", code: "quorum-lost", message });
      }
    }
  }

  private change(token: number, spec: TableSpec, version: number, deleted: boolean): void {
    const { env } = this.node;
    const id = `${spec.name}.${version}.${env.self}`;
    const entry: CatalogEntry = { spec, version, id, createdAt: env.now, deleted };
    this.learn(entry);
    const change: Change = { token, entry, startedAt: env.now, known: new Set([env.self]) };
    const number = this.nextChange++;
    this.changes.set(number, change);
    for (let peer = 0; peer < this.nodes; peer++) {
      if (peer === env.self) continue;
      this.peers.onAsked(peer);
      env.send(peer, { kind: "catalog", change: number, entries: [entry] });
    }
    if (this.nodes === 1) this.finish(number, change);
  }

  private learn(entry: CatalogEntry): void {
    const held = this.entries.get(entry.spec.name);
    if (held !== undefined && !supersedes(entry, held)) return;
    this.entries.set(entry.spec.name, entry);
    this.node.env.store.put(prefix + byteKey(entry.spec.name), entry as unknown as Value);
  }

  private finish(id: number, change: Change): void {
    this.changes.delete(id);
    this.node.onCatalogAnswer(change.token, { kind: "ok", result: { kind: "table", table: describe(change.entry) } });
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
