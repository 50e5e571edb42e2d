/**
 * The relay of an outbox: which rows are on their way to the sink, and when one is sent again. It decides and its ports act, so it runs inside
 * the node that leads the log, or outside of the backend over its requests.
 *
 *     row ──publish──> published ──acknowledged──> delivered ──remove──> gone
 *                       │    ^                      │     ^
 *                       └────┘ refused, or silence  └─────┘ not removed, or silence
 *
 * Row by row it holds that a row goes only after the sink's acknowledgement, and that an event is published only when all earlier ones of its
 * subject were acknowledged. All it knows is in memory: what it forgets, it publishes again.
 */
import type { Random } from "../../kernel/random.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import { backoffUs } from "../../policies/backoff.ts";
import type { BackoffSpec } from "../../policies/call.ts";
import type { OutboxRow, RelayPorts } from "./outbox.ts";

export interface RelayOptions {
  /** Events that the sink may owe an acknowledgement; 1,024 by default. */
  readonly window?: number;
  /** How long the sink or the outbox may be silent before it is asked again, the first time; doubled each time, at most 5 s. 200 ms by default. */
  readonly patienceUs?: Micros;
}

interface Flight<Row extends OutboxRow> {
  readonly row: Row;
  state: "published" | "delivered";
  /** How often it was published. */
  attempts: number;
  /** When silence has lasted too long. */
  askAgainAt: Micros;
}

/** Rows that are looked at when many wait behind a few; beyond, they wait for the few. */
const maxLook = 65_536;

export class Relay<Row extends OutboxRow = OutboxRow> {
  protected readonly ports: RelayPorts<Row>;
  private readonly random: Random;
  private readonly window: number;
  private readonly patienceUs: Micros;
  private readonly backoff: BackoffSpec;
  private readonly flights = new Map<string, Flight<Row>>();
  /** Subjects with an event that the sink has not acknowledged. */
  private readonly busy = new Set<Row["subject"]>();
  private removing: Flight<Row>[] = [];
  /** How many rows to look at beyond those under way. */
  private look: number;
  private published = 0;
  private repeated = 0;

  constructor(ports: RelayPorts<Row>, random: Random, options: RelayOptions = {}) {
    this.ports = ports;
    this.random = random;
    this.window = options.window ?? 1_024;
    this.patienceUs = options.patienceUs ?? 200 * millisecond;
    this.backoff = { kind: "equal-jitter", baseUs: this.patienceUs, capUs: 5 * second };
    this.look = this.window;
  }

  /** No event is on its way and, as far as the relay has looked, no row waits. */
  get idle(): boolean {
    return this.flights.size === 0;
  }

  counters(): { published: number; repeated: number; inFlight: number } {
    return { published: this.published, repeated: this.repeated, inFlight: this.flights.size };
  }

  /** Somebody else relays from now on, or nobody: what was under way is theirs. */
  stop(): void {
    this.flights.clear();
    this.busy.clear();
    this.removing = [];
    this.look = this.window;
  }

  /** To be called at a fixed interval while this relay is the one that works. */
  tick(now: Micros): void {
    for (const flight of this.flights.values()) {
      if (flight.askAgainAt > now) continue;
      if (flight.state === "published") this.send(flight, now);
      else this.removing.push(flight);
    }
    this.publishNew(now);
    this.removeDelivered(now);
  }

  onAcknowledged(id: string, now: Micros): void {
    const flight = this.flights.get(id);
    if (flight === undefined || flight.state === "delivered") return;
    flight.state = "delivered";
    // With the next tick's.
    flight.askAgainAt = now;
    this.busy.delete(flight.row.subject);
  }

  /** The sink says that it does not have the event. */
  onRefused(id: string, now: Micros): void {
    const flight = this.flights.get(id);
    if (flight === undefined || flight.state === "delivered") return;
    flight.askAgainAt = now + backoffUs(this.backoff, flight.attempts, 0, this.random);
  }

  onRemoved(ids: readonly string[]): void {
    for (const id of ids) {
      const flight = this.flights.get(id);
      if (flight?.state === "delivered") this.flights.delete(id);
    }
  }

  /** They may be gone or not. */
  onNotRemoved(ids: readonly string[], now: Micros): void {
    for (const id of ids) {
      const flight = this.flights.get(id);
      if (flight?.state === "delivered") flight.askAgainAt = now + this.patienceUs;
    }
  }

  private publishNew(now: Micros): void {
    let room = this.window - this.busy.size;
    if (room <= 0) return;
    const limit = this.flights.size + this.look;
    const rows = this.rows(limit);
    let sent = 0;
    for (const row of rows) {
      if (this.flights.has(row.id) || this.blocked(row)) continue;
      this.launch(row, now);
      sent++;
      if (--room === 0) break;
    }
    // All that was looked at waits for events under way: there may be others behind.
    if (sent > 0) this.look = this.window;
    else if (rows.length >= limit) this.look = Math.min(maxLook, this.look * 2);
  }

  /** An earlier event of its subject is not acknowledged. A planted bug goes on all the same. */
  protected blocked({ subject }: Row): boolean {
    return this.busy.has(subject);
  }

  /** A planted bug looks at others. */
  protected rows(limit: number): readonly Row[] {
    return this.ports.read(limit);
  }

  protected underWay(id: string): boolean {
    return this.flights.has(id);
  }

  private launch(row: Row, now: Micros): void {
    const flight: Flight<Row> = { row, state: "published", attempts: 0, askAgainAt: 0 };
    this.flights.set(row.id, flight);
    this.busy.add(row.subject);
    this.send(flight, now);
  }

  private send(flight: Flight<Row>, now: Micros): void {
    if (flight.attempts > 0) this.repeated++;
    this.published++;
    flight.attempts++;
    flight.askAgainAt = now + backoffUs(this.backoff, flight.attempts, 0, this.random);
    this.ports.publish(flight.row);
  }

  private removeDelivered(now: Micros): void {
    const { removing } = this;
    if (removing.length === 0) return;
    this.removing = [];
    for (const flight of removing) flight.askAgainAt = now + 10 * this.patienceUs;
    this.ports.remove(removing.map(({ row }) => row.id));
  }
}
