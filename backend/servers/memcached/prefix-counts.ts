/** What "stats detail" counts while it is on: gets, hits, stores and deletes by the part of the key before its first colon. */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";

/** More prefixes than that are not counted: clients choose them. */
const maxPrefixes = 10_000;

interface Counts {
  get: number;
  hit: number;
  set: number;
  del: number;
}

export class PrefixCounts {
  on = false;
  private readonly counts = new Map<string, Counts>();

  count(operation: CacheOperation, outcome: CacheOutcome): void {
    if (operation.kind !== "get" && operation.kind !== "store" && operation.kind !== "delete") return;
    const colon = operation.key.indexOf(":");
    const counts = colon > 0 ? this.of(operation.key.slice(0, colon)) : undefined;
    if (counts === undefined) return;
    if (operation.kind === "get") {
      counts.get++;
      if (outcome.kind === "hit") counts.hit++;
    } else if (operation.kind === "store") counts.set++;
    else counts.del++;
  }

  dump(): string {
    const lines = [...this.counts].map(
      ([prefix, { get, hit, set, del }]) => `PREFIX ${prefix} get ${get} hit ${hit} set ${set} del ${del}\r\n`,
    );
    return `${lines.join("")}END\r\n`;
  }

  private of(prefix: string): Counts | undefined {
    const known = this.counts.get(prefix);
    if (known !== undefined || this.counts.size >= maxPrefixes) return known;
    const counts = { get: 0, hit: 0, set: 0, del: 0 };
    this.counts.set(prefix, counts);
    return counts;
  }
}
