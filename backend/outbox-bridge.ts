/**
 * Brings a backend's outbox to a sink outside of it, by the two requests that the backend has for this: read the oldest rows, delete these rows.
 * Nothing of how far it has come is kept anywhere but in the outbox, so a bridge may be stopped, killed, or run twice at the same time: some
 * events are then published more often.
 *
 *     backend  ──outbox-read──>  rows  ──> Relay ──publish──> sink
 *              <──outbox-delete──────────────┘ <──stored──────┘
 */
import type { Answer, Request } from "./api.ts";
import type { ChargeEvent } from "./api-charges.ts";
import { Random } from "./kernel/random.ts";
import type { Value } from "./kernel/store.ts";
import { millisecond, second } from "./kernel/units.ts";
import type { Micros } from "./kernel/units.ts";
import type { OutboxEvent } from "./protocols/outbox/outbox.ts";
import { Relay } from "./protocols/outbox/relay.ts";

/** Where events go. */
export interface EventSink {
  /** Resolves when the sink has the event on stable storage, the first time or again; rejects when it has not, or does not know. */
  publish(event: ChargeEvent): Promise<void>;
}

export interface BridgeOptions {
  /** Between two looks at the outbox; 20 ms by default. */
  readonly intervalMs?: number;
  /** Events that the sink may owe an acknowledgement; 1,024 by default. */
  readonly window?: number;
  readonly onError?: (error: Error) => void;
}

/** A node that died with a request inside answers late or never; the next look goes to another. */
const timeoutUs: Micros = second;

export class OutboxBridge {
  private readonly request: (request: Request) => Promise<Answer>;
  private readonly sink: EventSink;
  private readonly intervalMs: number;
  private readonly onError: (error: Error) => void;
  private readonly relay: Relay<OutboxEvent>;
  private rows: readonly OutboxEvent[] = [];
  /** Rows that the relay last asked for. */
  private wanted: number;
  /** Deleted since the rows were asked for: they may be among them all the same. */
  private readonly gone = new Set<string>();
  private running = true;
  private readonly ended: Promise<void>;

  /** Begins at once. */
  constructor(request: (request: Request) => Promise<Answer>, sink: EventSink, options: BridgeOptions = {}) {
    this.request = request;
    this.sink = sink;
    this.intervalMs = options.intervalMs ?? 20;
    this.onError = options.onError ?? (() => undefined);
    this.wanted = options.window ?? 1_024;
    const ports = {
      read: (limit: number) => this.read(limit),
      publish: (event: OutboxEvent) => void this.publish(event),
      remove: (ids: readonly string[]) => void this.remove(ids),
    };
    this.relay = new Relay(ports, new Random(Date.now() % 2 ** 32), { window: this.wanted });
    this.ended = this.work();
  }

  counters(): ReturnType<Relay["counters"]> {
    return this.relay.counters();
  }

  /** Resolves when nothing is read or published any more. What is not published yet stays in the outbox. */
  async stop(): Promise<void> {
    this.running = false;
    await this.ended;
    this.relay.stop();
  }

  private async work(): Promise<void> {
    while (this.running) {
      this.gone.clear();
      const answer = await this.ask({ kind: "outbox-read", limit: this.wanted, timeoutUs });
      if (answer?.kind === "ok" && answer.result.kind === "outbox") {
        this.rows = answer.result.events.map(rowOf);
        this.relay.tick(now());
      }
      await new Promise((resolve) => setTimeout(resolve, this.intervalMs));
    }
  }

  /** What a request was answered, or undefined when the backend is gone: the next one may find it again. */
  private async ask(request: Request): Promise<Answer | undefined> {
    try {
      return await this.request(request);
    } catch (error) {
      this.onError(asError(error));
      return undefined;
    }
  }

  private read(limit: number): readonly OutboxEvent[] {
    this.wanted = limit;
    return this.rows.filter(({ id }) => !this.gone.has(id)).slice(0, limit);
  }

  private async publish(event: OutboxEvent): Promise<void> {
    try {
      await this.sink.publish(event.body as unknown as ChargeEvent);
      this.relay.onAcknowledged(event.id, now());
    } catch (error) {
      this.onError(asError(error));
      this.relay.onRefused(event.id, now());
    }
  }

  private async remove(ids: readonly string[]): Promise<void> {
    const answer = await this.ask({ kind: "outbox-delete", ids, timeoutUs });
    if (answer?.kind !== "ok") return this.relay.onNotRemoved(ids, now());
    for (const id of ids) this.gone.add(id);
    this.relay.onRemoved(ids);
  }
}

/** An event as the relay sees it: the whole of it is the body. */
export function rowOf(event: ChargeEvent): OutboxEvent {
  return { id: event.id, subject: event.subject, body: event as unknown as Value };
}

function now(): Micros {
  return Math.round(performance.now() * millisecond);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
