/**
 * A node of the charge service that has more to do than its replica's log: it brings events to their sink, and asks a card network that is not
 * part of the log.
 *
 *     client ──> ChargesNode ──> ReplicatedNode ──> log          leads?  ──> Relay ──> sink's node
 *                    └── begin, ask the network, finish          leads?  ──> takeover of charges whose caller died
 *
 * What it asks of the log it asks as its clients do, by requests that its replica forwards, refuses or loses like any other.
 */
import type { Answer, ChargesService as ChargesSpec, Request } from "../../api.ts";
import type { CardCall, ChargeChange, ChargeEvent, ChargeQuery, EventDelivery } from "../../api-charges.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import { byteKey } from "../../kernel/store.ts";
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { millisecond } from "../../kernel/units.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { LogSink } from "../../protocols/outbox/log-sink.ts";
import type { OutboxEvent, OutboxMessage } from "../../protocols/outbox/outbox.ts";
import type { Relay } from "../../protocols/outbox/relay.ts";
import type { ReplicatedMessage, ReplicatedTimer } from "../replicated/messages.ts";
import type { ReplicatedEnv, ReplicatedNode } from "../replicated/replicated-node.ts";
import { testCards } from "./card-network.ts";
import { ChargesService } from "./charges-service.ts";
import type { ChargesRoles } from "./mutants.ts";
import { numberAt } from "./keys.ts";
import type { RowPlace } from "./outbox-rows.ts";
import { firstOwnRequest, OwnRequestsEnv } from "./own-requests.ts";

export type ChargesMessage =
  | ReplicatedMessage
  | OutboxMessage
  | { readonly kind: "deliveries-ask"; readonly request: RequestId; readonly from: number; readonly limit: number }
  | { readonly kind: "deliveries-told"; readonly request: RequestId; readonly deliveries: readonly EventDelivery[] };
export type ChargesTimer = ReplicatedTimer | "duties" | "network";
export type ChargesEnv = Env<ChargesMessage, ChargesTimer, Answer>;

/** Builds the replica of a node. */
export type BuildReplica = (env: ReplicatedEnv, build: (store: Store) => ChargesService) => ReplicatedNode;

type DeliveriesRead = Extract<ChargeQuery, { readonly kind: "deliveries-read" }>;

/** What a request of the node's own was for. `client`: who waits for it; -1: nobody. */
type Own =
  | { readonly kind: "begin"; readonly client: RequestId }
  | { readonly kind: "finish"; readonly client: RequestId }
  | { readonly kind: "takeover" }
  | { readonly kind: "remove"; readonly ids: readonly string[] }
  | { readonly kind: "cursor" };

const dutiesUs: Micros = 20 * millisecond;
const sinkPrefix = "~sink/";
const cursorKey = "~cursor";

export class ChargesNode implements Core<ChargesMessage, ChargesTimer, Request> {
  private readonly env: ChargesEnv;
  private readonly spec: ChargesSpec;
  private readonly replica: ReplicatedNode;
  private service!: ChargesService;
  private readonly relay: Relay<RowPlace>;
  private readonly sink: LogSink;
  private readonly own = new Map<RequestId, Own>();
  private lastOwn: RequestId = firstOwnRequest;
  /** Calls that the network has yet to answer. */
  private readonly asked = new Map<number, { readonly call: CardCall; readonly client: RequestId }>();
  private lastAsked = 0;
  /** Changes of clients, by request, where their answers are told to the sink. */
  private readonly told = new Map<RequestId, ChargeChange>();
  /** Clients whose look at the deliveries is on its way to the sink's node. */
  private readonly asking = new Set<RequestId>();
  private takenOver = 0;

  constructor(env: ChargesEnv, spec: ChargesSpec, roles: ChargesRoles, build: BuildReplica) {
    this.env = env;
    this.spec = spec;
    const options = { idempotency: spec.idempotency, takeoverElsewhere: spec.network !== undefined };
    this.replica = build(new OwnRequestsEnv(env as unknown as ReplicatedEnv, this), (store) => {
      this.service = new ChargesService(store, options, roles.machine);
      return this.service;
    });
    this.sink = new LogSink(new PrefixStore(env.store, sinkPrefix));
    this.relay = roles.relay(
      {
        read: (limit) => this.service.machine.outboxPlaces(limit),
        publish: ({ id }) => this.publish(id),
        remove: (ids) =>
          this.ask({ kind: "remove", ids }, { kind: "outbox-drop", rows: ids.map((id) => numberAt(id, 0)) } as never),
      },
      env.random,
      {
        load: () => (this.service.machine.lateValue(cursorKey)?.[0] as string | undefined) ?? "",
        save: (id) => this.ask({ kind: "cursor" }, { kind: "late-write", key: cursorKey, value: [id] } as never),
      },
    );
  }

  start(): void {
    this.replica.start();
    this.env.after(this.env.random.below(dutiesUs) + 1, "duties", 0);
  }

  onRequest(request: RequestId, body: Request): void {
    if (body.kind === "deliveries-read") return this.onDeliveriesRead(request, body);
    if (isChange(body)) this.tellOf(request, body);
    if (body.kind !== "charge-create" || this.spec.network === undefined) return this.replica.onRequest(request, body);
    this.ask({ kind: "begin", client: request }, { ...body, kind: "charge-begin" } as never);
  }

  onMessage(from: NodeId, message: ChargesMessage): void {
    switch (message.kind) {
      case "outbox-publish":
        this.sink.onPublish(message.event);
        this.env.send(from, { kind: "outbox-published", row: message.row });
        break;
      case "outbox-published":
        this.relay.onAcknowledged(message.row, this.env.now);
        break;
      case "deliveries-ask": {
        const deliveries = this.deliveries(message.from, message.limit);
        this.env.send(from, { kind: "deliveries-told", request: message.request, deliveries });
        break;
      }
      case "deliveries-told": {
        const { request, deliveries } = message;
        if (this.asking.delete(request))
          this.env.reply(request, { kind: "ok", result: { kind: "deliveries", deliveries } });
        break;
      }
      default:
        this.replica.onMessage(from, message);
    }
  }

  /** By the sink's node, whichever was asked. */
  private onDeliveriesRead(request: RequestId, { from, limit }: DeliveriesRead): void {
    const sink = this.spec.events?.sink ?? this.env.self;
    if (sink !== this.env.self) {
      this.asking.add(request);
      return this.env.sendEarly(sink, { kind: "deliveries-ask", request, from, limit });
    }
    this.env.reply(request, { kind: "ok", result: { kind: "deliveries", deliveries: this.deliveries(from, limit) } });
  }

  private deliveries(from: number, limit: number): EventDelivery[] {
    return this.sink.read(from, limit).map(({ body, ...delivery }) => ({
      ...delivery,
      event: body as unknown as ChargeEvent | null,
    }));
  }

  onTimer(timer: ChargesTimer, key: number): void {
    if (timer === "network") return this.onNetwork(key);
    if (timer !== "duties") return this.replica.onTimer(timer);
    this.env.after(dutiesUs, "duties", 0);
    if (!this.replica.leads) return this.relay.stop();
    if (this.spec.events?.by === "outbox") this.relay.tick(this.env.now);
    if (this.spec.network === undefined || !this.service.machine.hasStaleLocks(this.env.wall.latest)) return;
    this.ask({ kind: "takeover" }, { kind: "charge-takeover" } as never);
  }

  get leads(): boolean {
    return this.replica.leads;
  }

  check(): void {
    this.replica.check();
  }

  atRest(): boolean {
    if (!this.replica.atRest() || this.own.size > 0 || this.asked.size > 0) return false;
    if (!this.replica.leads) return true;
    const { machine } = this.service;
    const unpublished = this.spec.events?.by === "outbox" && machine.outboxPlaces(1).length > 0;
    return !unpublished && !machine.hasLocks();
  }

  counters(): Record<string, number> {
    const { published, repeated } = this.relay.counters();
    const { takenOver, sink } = this;
    return { ...this.replica.counters(), published, repeated, takenOver, deliveries: sink.deliveries };
  }

  /** True: the answer was to the node itself. */
  onAnswer(request: RequestId, answer: Answer): boolean {
    const own = this.own.get(request);
    if (own === undefined) {
      this.tellAfter(request, answer);
      return false;
    }
    this.own.delete(request);
    this.onOwnAnswer(own, answer);
    return true;
  }

  private onOwnAnswer(own: Own, answer: Answer): void {
    const result = answer.kind === "ok" ? answer.result : undefined;
    switch (own.kind) {
      case "begin":
      case "takeover": {
        const client = own.kind === "begin" ? own.client : -1;
        if (result?.kind !== "charge-pending") return this.answer(client, answer);
        for (const call of result.calls) {
          if (call.attempt > 1) this.takenOver++;
          this.askNetwork(call, client);
        }
        break;
      }
      case "finish":
        // The charge was begun: whatever kept its end from the log, it may still come.
        this.answer(
          own.client,
          answer.kind === "refused" ? { kind: "unknown", code: "timeout", message: answer.message } : answer,
        );
        break;
      case "remove":
        if (result === undefined) this.relay.onNotRemoved(own.ids, this.env.now);
        else this.relay.onRemoved(own.ids);
        break;
      case "cursor":
        break;
    }
  }

  private answer(client: RequestId, answer: Answer): void {
    if (client < 0) return;
    this.tellAfter(client, answer);
    this.env.replyEarly(client, answer);
  }

  private ask(own: Own, body: Request): void {
    const request = ++this.lastOwn;
    this.own.set(request, own);
    this.replica.onRequest(request, body);
  }

  /* ---- the card network ------------------------------------------------------------------------------------------------- */

  private askNetwork(call: CardCall, client: RequestId): void {
    const key = ++this.lastAsked;
    this.asked.set(key, { call, client });
    this.env.after(this.spec.network!.answerUs, "network", key);
  }

  private onNetwork(key: number): void {
    const { call, client } = this.asked.get(key)!;
    this.asked.delete(key);
    const finish = { kind: "charge-finish", call, answer: testCards.authorize(call) };
    this.ask({ kind: "finish", client }, finish as never);
  }

  /* ---- events ----------------------------------------------------------------------------------------------------------- */

  private publish(row: StoreKey): void {
    const event = this.service.machine.outboxEvent(row);
    // Another relay was faster, and the row is gone.
    if (event === undefined) this.relay.onAcknowledged(row, this.env.now);
    else this.tell(row, { id: event.id, subject: event.subject, body: event as unknown as Value });
  }

  /** What it says is on a majority's disks, or in no log: it promises nothing about this node's. */
  private tell(row: string, event: OutboxEvent): void {
    this.env.sendEarly(this.spec.events!.sink, { kind: "outbox-publish", row, event });
  }

  /** Without an outbox: the sink hears of a change before it is made. */
  private tellOf(request: RequestId, change: ChargeChange): void {
    const by = this.spec.events?.by;
    if (by === "after") this.told.set(request, change);
    if (by !== "before") return;
    const name = byteKey(change.idempotency?.key ?? `${this.env.self}-${request}`);
    this.tell("", { id: `${change.kind}-${name}`, subject: name, body: null });
  }

  /** Without an outbox: the sink hears of a change that was made. */
  private tellAfter(request: RequestId, answer: Answer): void {
    const change = this.told.get(request);
    if (change === undefined) return;
    this.told.delete(request);
    if (answer.kind !== "ok" || !("replayed" in answer.result) || answer.result.replayed) return;
    const name = byteKey(change.idempotency?.key ?? `${this.env.self}-${request}`);
    this.tell("", { id: `${change.kind}-${name}`, subject: name, body: null });
  }
}

function isChange(body: Request): body is ChargeChange {
  return body.kind === "charge-create" || body.kind === "refund-create" || body.kind === "customer-create";
}

/** What a role keeps beside the replica's log and state. */
class PrefixStore implements Store {
  private readonly store: Store;
  private readonly prefix: StoreKey;

  constructor(store: Store, prefix: StoreKey) {
    this.store = store;
    this.prefix = prefix;
  }

  get(key: StoreKey): Value | undefined {
    return this.store.get(this.prefix + key);
  }

  put(key: StoreKey, value: Value): void {
    this.store.put(this.prefix + key, value);
  }

  delete(key: StoreKey): void {
    this.store.delete(this.prefix + key);
  }

  putLater(key: StoreKey, value: Value): void {
    this.store.putLater(this.prefix + key, value);
  }

  deleteLater(key: StoreKey): void {
    this.store.deleteLater(this.prefix + key);
  }

  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void {
    const { prefix } = this;
    this.store.scan(prefix + from, prefix + to, (key, value) => visit(key.slice(prefix.length), value));
  }
}
