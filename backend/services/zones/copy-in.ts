/**
 * Warm-up by copy: a node that starts, new or back from the dead, pages through the nodes of another zone and takes what it owns in its own.
 *
 *     wait until copies may be taken ──> ask b1 for a page ──> take it ── everyUs ──> next page ... b2 ... done
 *                                            `── no answer, three times ──> next zone, from its beginning
 *
 * The keys of one node here are spread over all nodes there, each zone having a ring of its own. What was written here in the meantime is newer and stays.
 */
import type { ZoneCopy } from "../../api-zones.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Copy, ZonesEnv } from "./messages.ts";
import type { Replica } from "./replica.ts";

const patienceUs: Micros = 200 * millisecond;
const triesEach = 3;

export class CopyIn {
  private readonly env: ZonesEnv;
  private readonly spec: ZoneCopy;
  private readonly replica: Replica;
  /** Nodes left to page through, by zone; the first zone's first one is being asked. */
  private zones: NodeId[][];
  private cursor = 0;
  private page = 0;
  private waiting = false;
  private tries = 0;
  private askedAt: Micros = 0;
  private pages = 0;

  constructor(env: ZonesEnv, spec: ZoneCopy, zones: readonly (readonly NodeId[])[], replica: Replica) {
    this.env = env;
    this.spec = spec;
    this.replica = replica;
    this.zones = zones.map((nodes) => [...nodes]);
  }

  get done(): boolean {
    return this.zones.length === 0;
  }

  start(afterUs: Micros): void {
    if (!this.done) this.env.after(afterUs, "copy", this.page);
  }

  onTimer(page: number): void {
    if (page !== this.page || this.done) return;
    if (this.waiting && ++this.tries >= triesEach) this.leaveZone();
    if (!this.done) this.ask();
  }

  onCopied(from: NodeId, page: number, next: number, copies: readonly Copy[]): void {
    if (page !== this.page || !this.waiting || this.done || from !== this.zones[0][0]) return;
    this.waiting = false;
    this.tries = 0;
    this.pages++;
    for (const copy of copies) this.replica.fill(copy, this.askedAt);
    this.cursor = next;
    if (next < 0) {
      this.cursor = 0;
      this.zones[0].shift();
      // One zone is enough.
      if (this.zones[0].length === 0) this.zones = [];
    }
    this.page++;
    if (!this.done) this.env.after(this.spec.everyUs, "copy", this.page);
  }

  counters(): Record<string, number> {
    return { pagesCopied: this.pages };
  }

  private ask(): void {
    this.page++;
    this.waiting = true;
    this.askedAt = this.env.wall.earliest;
    const { pageItems: items } = this.spec;
    this.env.sendEarly(this.zones[0][0], { kind: "copy", page: this.page, cursor: this.cursor, items });
    this.env.after(patienceUs, "copy", this.page);
  }

  private leaveZone(): void {
    this.zones.shift();
    this.cursor = 0;
    this.tries = 0;
  }
}
