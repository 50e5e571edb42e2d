/**
 * A replicated map small enough to read in a minute, for testing and measuring the runtime itself: every node keeps every key, a put
 * is answered when a majority has stored it, a get asks a majority and takes the newest. Not a design anyone should use.
 */
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Value } from "../../kernel/store.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { NodeId } from "../../kernel/units.ts";

/** Shaped like items of a table, so that the ordinary connection carries them. */
type ToyRequest =
  | {
      readonly kind: "put";
      readonly item: { readonly key: { readonly S: string }; readonly value: { readonly S: string } };
    }
  | { readonly kind: "get"; readonly key: { readonly key: { readonly S: string } } }
  /** Breaks an assertion of the core. */
  | { readonly kind: "delete"; readonly key: { readonly key: { readonly S: string } } };

interface Version {
  readonly value: string;
  readonly at: number;
}

type ToyMessage =
  | { readonly kind: "store"; readonly id: number; readonly key: string; readonly value: string; readonly at: number }
  | { readonly kind: "stored"; readonly id: number }
  | { readonly kind: "read"; readonly id: number; readonly key: string }
  | { readonly kind: "found"; readonly id: number; readonly value: string; readonly at: number };

interface Pending {
  readonly request: RequestId;
  readonly timer: number;
  answers: number;
  newest: Version;
}

const nothing: Version = { value: "", at: -1 };
const patienceUs = 1_000_000;

export class ToyCore implements Core<unknown, string, unknown> {
  private readonly env: Env<unknown, string, unknown>;
  private readonly nodes: number;
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  private stores = 0;

  constructor(nodes: number, env: Env<unknown, string, unknown>) {
    this.env = env;
    this.nodes = nodes;
  }

  start(): void {}

  onRequest(request: RequestId, body: unknown): void {
    const asked = body as ToyRequest;
    if (asked.kind === "delete") throw new Error("the toy core was asked to break");
    const id = ++this.lastId;
    const timer = this.env.after(patienceUs, "patience", id);
    this.pending.set(id, { request, timer, answers: 0, newest: nothing });
    if (asked.kind === "put") {
      const { env } = this;
      const key = asked.item.key.S;
      const value = asked.item.value.S;
      this.keep(key, value, env.now);
      this.others((to) => env.sendEarly(to, { kind: "store", id, key, value, at: env.now } satisfies ToyMessage));
      this.count(id, nothing);
    } else {
      const key = asked.key.key.S;
      this.others((to) => this.env.sendEarly(to, { kind: "read", id, key } satisfies ToyMessage));
      this.count(id, this.version(key));
    }
  }

  onMessage(from: NodeId, body: unknown): void {
    const message = body as ToyMessage;
    switch (message.kind) {
      case "store":
        this.keep(message.key, message.value, message.at);
        this.env.send(from, { kind: "stored", id: message.id } satisfies ToyMessage);
        return;
      case "stored":
        this.count(message.id, nothing);
        return;
      case "read": {
        const { value, at } = this.version(message.key);
        this.env.send(from, { kind: "found", id: message.id, value, at } satisfies ToyMessage);
        return;
      }
      case "found":
        this.count(message.id, { value: message.value, at: message.at });
    }
  }

  onTimer(_timer: string, id: number): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    this.pending.delete(id);
    this.env.reply(pending.request, { kind: "unknown", code: "timeout", message: "no majority answered in a second" });
  }

  check(): void {}

  counters(): Record<string, number> {
    return { stores: this.stores };
  }

  private others(send: (to: NodeId) => void): void {
    for (let to = 0; to < this.nodes; to++) if (to !== this.env.self) send(to);
  }

  private version(key: string): Version {
    return (this.env.store.get(key) as unknown as Version | undefined) ?? nothing;
  }

  private keep(key: string, value: string, at: number): void {
    if (this.version(key).at >= at) return;
    this.env.store.put(key, { value, at } satisfies Value);
    this.stores++;
  }

  private count(id: number, version: Version): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    if (version.at > pending.newest.at) pending.newest = version;
    if (++pending.answers <= this.nodes / 2) return;
    this.pending.delete(id);
    this.env.cancel(pending.timer);
    const { value, at } = pending.newest;
    const item = at < 0 ? null : { value: { S: value } };
    const result = { kind: "item", item, siblings: [], context: "", units: 0 };
    this.env.reply(pending.request, { kind: "ok", result });
  }
}

export function createNode(
  deployment: { readonly topology: Topology },
  env: Env<unknown, string, unknown>,
): Core<unknown, string, unknown> {
  return new ToyCore(deployment.topology.nodes.length, env);
}
