/** A stand-in: items in a Map, no bound on memory. */
import type { CacheArithmetic, CacheOperation, CacheOutcome, CacheStoring } from "../../api-cache.ts";
import type { Wall } from "../../kernel/env.ts";
import type { StoreKey } from "../../kernel/store.ts";
import { second } from "../../kernel/units.ts";
import type { Copy } from "./messages.ts";
import type { Page, ZoneCache } from "./zone-cache.ts";

interface Item {
  value: Uint8Array;
  flags: number;
  cas: number;
  expiresAt: number;
}

export class MemoryCache implements ZoneCache {
  private readonly env: { readonly wall: Wall };
  private readonly items = new Map<StoreKey, Item>();
  private readonly most: number;
  private lastCas = 0;

  constructor(env: { readonly wall: Wall }, memoryBytes: number) {
    this.env = env;
    this.most = Math.max(1, Math.floor(memoryBytes / 500));
  }

  execute(operation: CacheOperation): CacheOutcome {
    switch (operation.kind) {
      case "get": {
        const item = this.find(operation.key);
        if (item === undefined) return { kind: "missing" };
        this.items.delete(operation.key);
        this.items.set(operation.key, item);
        const { value, flags, cas } = item;
        const ttlS = item.expiresAt - this.nowS;
        return {
          kind: "hit",
          value,
          bytes: value.length,
          flags,
          cas,
          ttlS,
          ttlBeforeS: ttlS,
          keyEncoded: false,
          fetched: true,
          idleS: 0,
          stale: false,
          won: false,
          taken: false,
        };
      }
      case "store":
        return this.store(operation);
      case "arithmetic":
        return this.count(operation);
      case "delete": {
        const item = this.find(operation.key);
        if (item === undefined) return { kind: "missing" };
        if (operation.compareCas !== undefined && operation.compareCas !== item.cas) return { kind: "changed" };
        this.items.delete(operation.key);
        return { kind: "deleted" };
      }
      case "touch": {
        const item = this.find(operation.key);
        if (item === undefined) return { kind: "missing" };
        item.expiresAt = this.nowS + operation.ttlS;
        return { kind: "touched" };
      }
      case "flush":
        this.items.clear();
        return { kind: "flushed" };
      case "stats":
        return { kind: "stats", stats: this.counters() };
    }
  }

  page(cursor: number, items: number, wanted: (key: StoreKey) => boolean): Page {
    const copies: Copy[] = [];
    const keys = [...this.items.keys()].slice(cursor, cursor + items);
    for (const key of keys) {
      const item = this.find(key);
      if (item === undefined || !wanted(key)) continue;
      copies.push({ key, value: item.value, flags: item.flags, ttlS: item.expiresAt - this.nowS, cas: item.cas });
    }
    return { copies, next: cursor + items < this.items.size ? cursor + items : -1 };
  }

  counters(): Record<string, number> {
    return { items: this.items.size };
  }

  private get nowS(): number {
    return Math.floor(this.env.wall.latest / second);
  }

  private find(key: StoreKey): Item | undefined {
    const item = this.items.get(key);
    if (item === undefined || item.expiresAt > this.nowS) return item;
    this.items.delete(key);
    return undefined;
  }

  private store({ mode, key, value, flags, ttlS, compareCas, newCas }: CacheStoring): CacheOutcome {
    const item = this.find(key);
    if (compareCas !== undefined && item === undefined) return { kind: "missing" };
    if (compareCas !== undefined && item!.cas !== compareCas) return { kind: "changed" };
    if (mode === "add" ? item !== undefined : mode !== "set" && item === undefined) return { kind: "not-stored" };
    const cas = newCas ?? ++this.lastCas;
    this.items.delete(key);
    this.items.set(key, { value, flags, cas, expiresAt: this.nowS + ttlS });
    if (this.items.size > this.most) this.items.delete(this.items.keys().next().value!);
    return { kind: "stored", cas };
  }

  private count({ key, delta, decrement, vivifyS, initial = 0n, newCas }: CacheArithmetic): CacheOutcome {
    const item = this.find(key);
    const cas = newCas ?? ++this.lastCas;
    if (item === undefined && vivifyS === undefined) return { kind: "missing" };
    const before = item === undefined ? undefined : BigInt(Buffer.from(item.value).toString());
    const after = before === undefined ? initial : decrement ? before - delta : before + delta;
    const expiresAt = item?.expiresAt ?? this.nowS + vivifyS!;
    this.items.set(key, { value: Buffer.from(String(after)), flags: item?.flags ?? 0, cas, expiresAt });
    return { kind: "counted", value: after, cas, ttlBeforeS: expiresAt - this.nowS };
  }
}
