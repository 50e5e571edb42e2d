/**
 * One thread: the nodes n with n mod K = k, and the pump that turns them.
 *
 *     poll (frames, finished writes, sockets) ──> pump: alarms, up to four rounds of drains, seal the groups, post the frames ──> sleep
 *
 * A pump runs once however many things asked for it, and only after the event loop has polled once more: what arrived together, or
 * while that was read, shares a drain, a log group and a frame. The second poll costs microseconds when idle and saves more when
 * busy. Node's timers count whole milliseconds. Cores' timers are rounded up to them; alarms (a delayed message, a slowed flush) are
 * met to the microsecond by polling through the last millisecond, which costs up to one millisecond of processor time an alarm and
 * only when delays are injected.
 */
import type { NodeCounters } from "../../kernel/counters.ts";
import type { MessagePort } from "node:worker_threads";
import type { CoreFactory } from "../../kernel/env.ts";
import type { Fault } from "../../kernel/fault.ts";
import { Random } from "../../kernel/random.ts";
import { drawDelay } from "../../kernel/topology.ts";
import type { Topology } from "../../kernel/topology.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { Alarms } from "./alarms.ts";
import { ClientPort } from "./client-port.ts";
import { HostedNode } from "./hosted-node.ts";
import { Links } from "./links.ts";
import { Mailbox } from "./mailbox.ts";
import type { BootTimes, Done, NodeLoop } from "./node-loop.ts";
import type { NodeSetting } from "./node-setting.ts";
import { RunClock } from "./run-clock.ts";

const drainRounds = 4;
const pollUs: Micros = 1_000;

export interface ThreadSetting {
  readonly thread: number;
  readonly threads: number;
  readonly topology: Topology;
  readonly seed: number;
  /** `process.hrtime.bigint()` when the run began. */
  readonly epoch: bigint;
  /** Holds one directory a node. */
  readonly directory: string;
  readonly factory: CoreFactory;
  readonly node: Pick<
    NodeSetting,
    | "durability"
    | "acknowledgeEarly"
    | "segmentBytes"
    | "clockErrorUs"
    | "beganAtUs"
    | "lostReply"
    | "downReply"
    | "fail"
  >;
  /** Ports to the other threads, by thread. */
  readonly peers: ReadonlyMap<number, MessagePort>;
}

/** What a thread says when asked whether anything is under way on it. */
export interface Activity {
  readonly idle: boolean;
  /** No core waits for anything that would change what it stores. */
  readonly atRest: boolean;
  readonly posted: number;
  readonly taken: number;
}

export class ThreadHost {
  readonly clock: RunClock;
  private readonly alarms = new Alarms();
  private readonly links: Links;
  private readonly mailbox: Mailbox;
  private readonly hosted: HostedNode[] = [];
  private readonly nodes: (HostedNode | undefined)[] = [];
  private clients: ClientPort[] = [];
  private readonly setting: ThreadSetting;
  private readonly clientRandom: Random;
  private lastRequest = 0;
  private turn = 0;
  /** Where requests enter that do not say. */
  private leading: HostedNode | undefined;
  private scheduled = false;
  private sleepingUntil: Micros = Infinity;
  private sleep: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly pumpNow = (): void => this.pump();
  private readonly pollFirst = (): void => void setImmediate(this.pumpNow);

  constructor(setting: ThreadSetting) {
    this.setting = setting;
    this.clock = new RunClock(setting.epoch);
    this.links = new Links(setting.topology, setting.seed);
    this.clientRandom = Random.stream(setting.seed, "client link", setting.thread);
    this.mailbox = new Mailbox(setting.thread, setting.peers, {
      links: this.links,
      alarms: this.alarms,
      clock: this.clock,
      deliver: (from, to, message) => this.nodes[to]!.receive(from, message),
    });
    for (let n = setting.thread; n < setting.topology.nodes.length; n += setting.threads) this.host(n);
  }

  /** Boots every node, and says what each took. Rejects when one cannot start. */
  async start(): Promise<[NodeId, BootTimes][]> {
    await Promise.all(this.hosted.map((node) => node.start()));
    return this.hosted.flatMap(({ loop, setting }) =>
      loop === undefined ? [] : [[setting.self, loop.boot] satisfies [NodeId, BootTimes]],
    );
  }

  /** Hands a request to `entry`, or to the next live node of this thread; `done` gets its answer. */
  submit(request: unknown, done: Done, entry?: NodeId): void {
    const node = entry === undefined ? this.nextLive() : this.nodes[entry];
    if (node === undefined) throw new Error(`node ${entry} is not hosted by thread ${this.setting.thread}`);
    const { client } = this.setting.topology.links;
    if (client.kind === "none") {
      node.request(request, done);
      return;
    }
    const later = (act: () => void): void =>
      this.alarms.at(this.clock.now() + drawDelay(client, this.clientRandom), act);
    later(() => node.request(request, (reply) => later(() => done(reply))));
    this.schedule();
  }

  /** Serves a direct connection until its port closes. */
  connect(port: MessagePort): void {
    const client = new ClientPort(port, {
      submit: (request, done, entry) => this.submit(request, done, entry),
      schedule: () => this.schedule(),
    });
    client.announce(this.live);
    this.clients.push(client);
    port.on("close", () => {
      this.clients = this.clients.filter((other) => other !== client);
    });
  }

  /** Applies the parts of a fault that concern this thread: its nodes, and the links that leave them. */
  async inject(fault: Fault): Promise<void> {
    this.links.inject(fault);
    if (!("nodes" in fault)) return;
    const nodes = fault.nodes.map((n) => this.nodes[n]).filter((node) => node !== undefined);
    await Promise.all(nodes.map((node) => node.inject(fault)));
    for (const client of this.clients) client.announce(this.live);
    this.schedule();
  }

  activity(): Activity {
    const loops = this.loops();
    return {
      atRest: loops.every(({ core }) => core.atRest?.() ?? true),
      idle: !this.scheduled && this.alarms.size === 0 && loops.every((loop) => loop.idle),
      posted: this.mailbox.posted,
      taken: this.mailbox.taken,
    };
  }

  /** Lets each live core check its invariants. Throws the first one that is broken. */
  check(): void {
    for (const loop of this.loops()) loop.core.check();
  }

  /** What each live core counts, and what its loop counts. */
  counters(): [NodeId, NodeCounters][] {
    return this.hosted.flatMap(({ loop, setting }): [NodeId, NodeCounters][] => {
      if (loop === undefined) return [];
      const counted = loop.core.counters?.() ?? {};
      return [[setting.self, { turns: loop.turns, logGroups: loop.groups, logBytes: loop.groupBytes, ...counted }]];
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.sleep);
    await Promise.all(this.hosted.map((node) => node.crash(false)));
    for (const client of this.clients) client.flush();
    this.mailbox.close();
    for (const client of this.clients) client.close();
  }

  private host(self: NodeId): void {
    const { setting } = this;
    const node = new HostedNode({
      ...setting.node,
      self,
      seed: setting.seed,
      factory: setting.factory,
      clock: this.clock,
      alarms: this.alarms,
      directory: `${setting.directory}/node-${self}`,
      nextRequest: () => ++this.lastRequest,
      send: (from, to, message) => this.mailbox.send(from, to, message),
      schedule: () => this.schedule(),
    });
    this.hosted.push(node);
    this.nodes[self] = node;
  }

  private get live(): number {
    return this.loops().length;
  }

  private loops(): NodeLoop[] {
    return this.hosted.map((node) => node.loop).filter((loop) => loop !== undefined);
  }

  /** Who leads, if it is here; else round robin over live nodes; any node when all are down, so that the answer says so. */
  private nextLive(): HostedNode {
    if (this.leading?.loop !== undefined) return this.leading;
    for (let i = 0; i < this.hosted.length; i++) {
      const node = this.hosted[this.turn++ % this.hosted.length];
      if (node.loop !== undefined) return node;
    }
    return this.hosted[0];
  }

  private schedule(): void {
    if (this.scheduled || this.closed) return;
    this.scheduled = true;
    setImmediate(this.pollFirst);
  }

  private pump(): void {
    this.scheduled = false;
    if (this.closed) return;
    this.alarms.run(this.clock.now());
    for (let round = 0; round < drainRounds && this.drainRound(); round++);
    let next = Infinity;
    this.leading = undefined;
    for (const node of this.hosted) {
      const { loop } = node;
      if (loop === undefined) continue;
      loop.seal();
      next = Math.min(next, loop.nextTimer);
      // One that stands still may have been replaced without hearing of it.
      if (loop.core.leads === true && loop.blockedUntil <= this.clock.now()) this.leading = node;
    }
    this.mailbox.flush();
    for (const client of this.clients) client.flush();
    this.sleepUntil(next);
  }

  private drainRound(): boolean {
    let drained = false;
    for (const { loop } of this.hosted) {
      if (loop === undefined || !loop.runnable(this.clock.now())) continue;
      loop.drain();
      drained = true;
    }
    return drained;
  }

  /** Sees to it that the pump runs when the next timer or alarm is due. */
  private sleepUntil(timer: Micros): void {
    const now = this.clock.now();
    const alarm = this.alarms.earliest;
    if (alarm - now < pollUs || this.drainable(now)) {
      this.schedule();
      return;
    }
    const wake = Math.min(timer, alarm - pollUs);
    if (wake >= this.sleepingUntil) return;
    clearTimeout(this.sleep);
    this.sleepingUntil = wake;
    if (wake === Infinity) return;
    this.sleep = setTimeout(
      () => {
        this.sleepingUntil = Infinity;
        this.schedule();
      },
      Math.max(1, Math.ceil((wake - now) / 1_000)),
    );
  }

  private drainable(now: Micros): boolean {
    return this.hosted.some(({ loop }) => loop !== undefined && loop.runnable(now));
  }
}
