/**
 * The serving side of a station that answers together with others: a queue from which copies can be taken back.
 *
 *     ask ──> waiting ──> begun ──> answered
 *      |         `── drop: forgotten     `── drop: too late, it runs to its end
 *      `── dropped already (tombstone): never begun
 *
 * A copy that is tied tells its twins' servers to drop theirs when it is begun, not when it ends (Dean and Barroso, "The Tail at
 * Scale", CACM 2013, tied requests). If two begin within one network delay, both run. If the server dies after that, nobody runs
 * it: its client's patience is what recovers it. A drop that overtakes its request leaves a tombstone until the request's deadline.
 */
import type { StationService } from "../../api.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { FanOutEnv, FanOutMessage } from "./fan-out-messages.ts";
import { CurveDraws } from "./survival-curve.ts";
import { WaitingLine } from "./waiting-line.ts";

type Ask = Extract<FanOutMessage, { readonly kind: "ask" }>;

interface Copy {
  readonly root: NodeId;
  readonly ask: Ask;
  readonly arrivedAt: Micros;
  readonly expiresAt: Micros;
  dropped: boolean;
}

/** What nobody gave a deadline may be dropped this long before it comes. */
const longestTombstoneUs: Micros = 60_000_000;

export class LeafQueue {
  /** Copies begun, served to the end, dropped while they waited or before they came, and told too late. */
  readonly counts = {
    begun: 0,
    served: 0,
    dropped: 0,
    droppedBefore: 0,
    droppedLate: 0,
    full: 0,
    expired: 0,
  };
  /** By operation: how often a write was done here, in this life or an earlier one. */
  readonly effects: number[] = [];
  private readonly env: FanOutEnv;
  private readonly service: StationService;
  private readonly nodes: number;
  private readonly curve: CurveDraws | null;
  private readonly waiting = new WaitingLine<Copy>();
  /** Of `waiting`, those that were not dropped. */
  private waits = 0;
  private readonly byName = new Map<number, Copy>();
  /** Dropped before they came: until when to remember. In the order in which they were told. */
  private readonly tombstones = new Map<number, Micros>();
  private readonly serving: (Copy | null)[];
  private readonly beganAt: Micros[];
  private readonly endsAt: Micros[];

  constructor(env: FanOutEnv, service: StationService, nodes: number) {
    this.env = env;
    this.service = service;
    this.nodes = nodes;
    this.curve = service.fanOut?.curve === undefined ? null : new CurveDraws(service.fanOut.curve);
    this.serving = Array.from({ length: service.servers }, () => null);
    this.beganAt = this.serving.map(() => 0);
    this.endsAt = this.serving.map(() => 0);
  }

  start(): void {
    this.env.store.scan("w/", "w0", (_, operation) => this.count(operation as number));
  }

  get outstanding(): number {
    return this.waits + this.serving.filter((copy) => copy !== null).length;
  }

  /** Tombstones that are kept. */
  get remembered(): number {
    return this.tombstones.size;
  }

  onAsk(root: NodeId, ask: Ask): void {
    const { now } = this.env;
    const name = this.nameOf(root, ask.part);
    if ((this.tombstones.get(name) ?? -1) >= now) {
      this.tombstones.delete(name);
      this.counts.droppedBefore++;
      return;
    }
    const copy: Copy = { root, ask, arrivedAt: now, expiresAt: now + ask.leftUs, dropped: false };
    const idle = this.serving.indexOf(null);
    if (idle >= 0) {
      this.begin(idle, copy, now);
    } else if (this.waits < this.service.queueLimit) {
      this.waiting.push(copy);
      this.waits++;
      this.byName.set(name, copy);
    } else {
      this.counts.full++;
      this.env.send(root, { kind: "declined", part: ask.part, copy: ask.copy });
    }
  }

  onDrop(root: NodeId, part: number, leftUs: Micros): void {
    const name = this.nameOf(root, part);
    const copy = this.byName.get(name);
    if (copy !== undefined) {
      copy.dropped = true;
      this.waits--;
      this.byName.delete(name);
      this.counts.dropped++;
    } else if (this.serving.some((each) => each?.root === root && each.ask.part === part)) {
      this.counts.droppedLate++;
    } else {
      this.remember(name, this.env.now + Math.min(leftUs, longestTombstoneUs));
    }
  }

  onServed(server: number): void {
    const { root, ask, arrivedAt } = this.serving[server]!;
    this.counts.served++;
    if (ask.write >= 0) this.change(ask.write, this.nameOf(root, ask.part));
    const queuedUs = this.beganAt[server] - arrivedAt;
    this.env.send(root, { kind: "answered", part: ask.part, copy: ask.copy, queuedUs });
    this.serving[server] = null;
    const next = this.takeNext();
    if (next !== null) this.begin(server, next, Math.max(this.endsAt[server], next.arrivedAt));
  }

  /** The seam at which a mutant forgets the twins. */
  protected tellTwins({ root, ask, expiresAt }: Copy): void {
    for (const twin of ask.twins) {
      if (twin === this.env.self) continue;
      this.env.sendEarly(twin, { kind: "drop", root, part: ask.part, leftUs: expiresAt - this.env.now });
    }
  }

  private change(operation: number, name: number): void {
    const key = `w/${name}`;
    if (this.env.store.get(key) !== undefined) return;
    this.env.store.put(key, operation);
    this.count(operation);
  }

  private count(operation: number): void {
    while (this.effects.length <= operation) this.effects.push(0);
    this.effects[operation]++;
  }

  private begin(server: number, copy: Copy, at: Micros): void {
    const { serviceUs, service } = this.service;
    const { random } = this.env;
    this.counts.begun++;
    this.tellTwins(copy);
    const drawn = (): number =>
      this.curve?.draw(random) ?? (service === "fixed" ? serviceUs : random.exponential(serviceUs));
    this.serving[server] = copy;
    this.beganAt[server] = at;
    this.endsAt[server] = at + Math.round(copy.ask.serviceUs ?? drawn());
    this.env.after(Math.max(0, this.endsAt[server] - this.env.now), "served", server);
  }

  private takeNext(): Copy | null {
    for (let copy = this.waiting.takeOldest(); copy !== undefined; copy = this.waiting.takeOldest()) {
      if (copy.dropped) continue;
      this.waits--;
      this.byName.delete(this.nameOf(copy.root, copy.ask.part));
      if (!this.service.dropExpired || copy.expiresAt > this.env.now) return copy;
      this.counts.expired++;
    }
    return null;
  }

  private remember(name: number, until: Micros): void {
    for (const [old, end] of this.tombstones) {
      if (end >= this.env.now) break;
      this.tombstones.delete(old);
    }
    this.tombstones.set(name, until);
  }

  /** No two reads that entered at one node share a part's number. */
  private nameOf(root: NodeId, part: number): number {
    return part * this.nodes + root;
  }
}
