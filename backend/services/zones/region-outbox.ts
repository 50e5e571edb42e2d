/**
 * What other regions are told of writes: each of the key's owners there gets a list of changes, at least once, in order, and tells what it has.
 *
 *     coordinator   [7 8 9] ── changes from 7 ──> owner      applies what it has not had
 *                   [    9] <── changed, next 9 ──           what is not acknowledged is sent again
 *
 * The list is in memory: a coordinator that dies takes what is not acknowledged with it, and that is repaired by the time to live. Applying a change twice
 * would be harmless for a deletion but not for a value, so the receiver keeps the next number of each sender's life.
 */
import type { ZoneRegions } from "../../api-zones.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Change, ZonesEnv, ZonesMessage } from "./messages.ts";

interface List {
  /** Number of `changes[0]`. */
  first: number;
  readonly changes: Change[];
  sentAt: Micros;
}

/** In one message at most. */
const most = 64;

export class RegionOutbox {
  sent = 0;
  repeated = 0;
  givenUp = 0;
  private readonly env: ZonesEnv;
  private readonly spec: ZoneRegions;
  /** Of this life of this node: later lives have greater ones. */
  private readonly epoch: number;
  private readonly retryUs: Micros;
  private readonly lists = new Map<NodeId, List>();
  private readonly receivers = new Map<NodeId, { epoch: number; next: number }>();
  private armed = false;

  constructor(env: ZonesEnv, spec: ZoneRegions, epoch: number) {
    this.env = env;
    this.spec = spec;
    this.epoch = epoch;
    this.retryUs = spec.retryUs ?? 200 * millisecond;
  }

  get outstanding(): number {
    return [...this.lists.values()].reduce((sum, { changes }) => sum + changes.length, 0);
  }

  /** `name`: of the write, and the CAS value it gives. */
  tell(to: NodeId, name: number, change: Change): void {
    const list = this.lists.get(to) ?? { first: 0, changes: [], sentAt: -Infinity };
    this.lists.set(to, list);
    list.changes.push(this.asTold(name, change));
    if (list.changes.length > (this.spec.queue ?? 10_000)) {
      list.changes.shift();
      list.first++;
      this.givenUp++;
    }
    // One list under way; what comes meanwhile goes with its acknowledgement or with the retry.
    if (list.changes.length === 1) this.send(to, list);
    this.arm();
  }

  onChanged(from: NodeId, { epoch, next }: Extract<ZonesMessage, { kind: "changed" }>): void {
    const list = this.lists.get(from);
    if (list === undefined || epoch !== this.epoch || next <= list.first) return;
    list.changes.splice(0, next - list.first);
    list.first = next;
    if (list.changes.length > 0) this.send(from, list);
  }

  onTimer(): void {
    this.armed = false;
    for (const [to, list] of this.lists) {
      if (list.changes.length === 0 || this.env.now - list.sentAt < this.retryUs) continue;
      this.repeated++;
      this.send(to, list);
    }
    this.arm();
  }

  /** What of a message from `from` is news here, in order; answers it. */
  receive(from: NodeId, { epoch, first, changes }: Extract<ZonesMessage, { kind: "changes" }>): readonly Change[] {
    const known = this.receivers.get(from);
    if (known !== undefined && epoch < known.epoch) return [];
    const next = known?.epoch === epoch ? known.next : first;
    const news = changes.slice(Math.max(0, next - first));
    const after = Math.max(next, first + changes.length);
    this.receivers.set(from, { epoch, next: after });
    this.env.sendEarly(from, { kind: "changed", epoch, next: after });
    return news;
  }

  counters(): Record<string, number> {
    return { changesSent: this.sent, changesRepeated: this.repeated, changesGivenUp: this.givenUp };
  }

  /** A value travels only where the operation says the whole of it. */
  private asTold(name: number, change: Change): Change {
    if (change.kind === "flush") return change;
    const whole = change.kind === "store" && change.mode === "set" && change.compareCas === undefined;
    if (whole && this.spec.send === "value") return { ...change, newCas: change.newCas ?? name };
    return { kind: "delete", key: change.key };
  }

  private send(to: NodeId, list: List): void {
    list.sentAt = this.env.now;
    const changes = list.changes.slice(0, most);
    this.sent += changes.length;
    const { earliest: sentAt } = this.env.wall;
    this.env.sendEarly(to, { kind: "changes", epoch: this.epoch, first: list.first, changes, sentAt });
  }

  private arm(): void {
    if (this.armed || this.outstanding === 0) return;
    this.armed = true;
    this.env.after(this.retryUs, "regions", 0);
  }
}
