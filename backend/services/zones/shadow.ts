/**
 * A shadow cluster: it gets a share of the live operations, its answers are compared with those that clients get, and nobody waits for it. What it missed
 * while clients hit is copied to it, as its own clients would have done by loading it.
 *
 * A comparison lasts until both answers are there. They are kept in a bounded table, oldest first; a shadow that does not answer loses the oldest, and with
 * them its say, and costs nobody anything.
 */
import type { CacheGet, CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { ZoneShadow } from "../../api-zones.ts";
import { finish, hash32 } from "../../kernel/hash.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { ZonesEnv } from "./messages.ts";
import type { ZoneMap } from "./zone-map.ts";

interface Comparison {
  readonly operation: CacheGet;
  readonly to: NodeId;
  readonly sentAt: Micros;
  shadow: CacheOutcome | undefined;
  primary: CacheOutcome | undefined;
}

export interface ShadowPorts {
  name(): number;
  fill(to: NodeId, operation: CacheGet, hit: Extract<CacheOutcome, { kind: "hit" }>, sentAt: Micros): void;
}

export class Shadow {
  private readonly env: ZonesEnv;
  private readonly spec: ZoneShadow;
  private readonly map: ZoneMap;
  private readonly ports: ShadowPorts;
  private readonly most: number;
  private readonly open = new Map<number, Comparison>();
  private readonly tally = {
    shadowMirrored: 0,
    shadowSame: 0,
    shadowDifferent: 0,
    shadowMissed: 0,
    shadowOnlyHit: 0,
    shadowBothMissed: 0,
    shadowUnanswered: 0,
  };

  constructor(env: ZonesEnv, spec: ZoneShadow, map: ZoneMap, ports: ShadowPorts) {
    this.env = env;
    this.spec = spec;
    this.map = map;
    this.ports = ports;
    this.most = spec.most ?? 1_024;
  }

  /** The number of the comparison that this begins; 0: none. */
  mirror(operation: CacheOperation): number {
    if (!("key" in operation) || !this.covers(operation.key)) return 0;
    const to = this.map.shadowOf(operation.key)!;
    const call = this.ports.name();
    const sentAt = this.env.wall.earliest;
    if (operation.kind !== "get") {
      this.env.sendEarly(to, { kind: "write", call, operation, sentAt });
      return 0;
    }
    this.tally.shadowMirrored++;
    if (this.open.size >= this.most) {
      const [oldest] = this.open.keys();
      this.open.delete(oldest);
      this.tally.shadowUnanswered++;
    }
    this.open.set(call, { operation, to, sentAt, shadow: undefined, primary: undefined });
    this.env.sendEarly(to, { kind: "read", call, operation });
    return call;
  }

  onPrimary(call: number, outcome: CacheOutcome): void {
    const comparison = this.open.get(call);
    if (comparison === undefined) return;
    comparison.primary = outcome;
    this.maybeCompare(call, comparison);
  }

  /** False: it is no shadow's answer. */
  onOutcome(from: NodeId, call: number, outcome: CacheOutcome): boolean {
    if (!this.spec.nodes.includes(from)) return false;
    const comparison = this.open.get(call);
    if (comparison !== undefined) {
      comparison.shadow = outcome;
      this.maybeCompare(call, comparison);
    }
    return true;
  }

  counters(): Record<string, number> {
    return { ...this.tally };
  }

  /** Not the hash of the rings, or a share would be whole nodes' shares. */
  private covers(key: string): boolean {
    return finish(hash32(key) ^ 0x5bd1e995) < this.spec.share * 4_294_967_296;
  }

  private maybeCompare(call: number, { operation, to, sentAt, shadow, primary }: Comparison): void {
    if (shadow === undefined || primary === undefined) return;
    this.open.delete(call);
    if (primary.kind === "failed") this.tally.shadowUnanswered++;
    else if (primary.kind === "hit" && shadow.kind === "hit") {
      if (sameValue(primary.value, shadow.value) && primary.flags === shadow.flags) this.tally.shadowSame++;
      else this.tally.shadowDifferent++;
    } else if (primary.kind === "hit") {
      this.tally.shadowMissed++;
      this.ports.fill(to, operation, primary, sentAt);
    } else if (shadow.kind === "hit") this.tally.shadowOnlyHit++;
    else this.tally.shadowBothMissed++;
  }
}

function sameValue(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
