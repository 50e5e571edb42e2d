/**
 * A relay in a world of its own: an outbox that grows, a sink behind a lossy and reordering network, crashes in between. Events of the world are
 * drawn from one seed; a failure is repeated by its seed.
 */
import { TimeHeap } from "../../kernel/heap.ts";
import { Random } from "../../kernel/random.ts";
import { millisecond, second } from "../../kernel/units.ts";
import type { Micros } from "../../kernel/units.ts";
import type { OutboxEvent, RelayPorts } from "./outbox.ts";
import type { Relay } from "./relay.ts";

export type MakeRelay = (
  ports: RelayPorts<OutboxEvent>,
  random: Random,
  durable: Map<string, string>,
) => Relay<OutboxEvent>;

const tickUs = 20 * millisecond;
const calmAt = 10 * second;

export class RelayWorld {
  readonly outbox: OutboxEvent[] = [];
  /** All that was ever committed. */
  readonly committed: OutboxEvent[] = [];
  readonly delivered: OutboxEvent[] = [];
  /** Of the node that relays; survives its crashes. */
  readonly durable = new Map<string, string>();
  crashes = 0;
  relay: Relay<OutboxEvent>;
  now: Micros = 0;
  private life = 0;
  private readonly make: MakeRelay;
  private readonly random: Random;
  private readonly heap = new TimeHeap();
  private readonly happenings: (() => void)[] = [];

  constructor(seed: number, make: MakeRelay) {
    this.random = new Random(seed);
    this.make = make;
    this.relay = this.newRelay();
  }

  /** 60 s: ten of commits, losses and crashes, and then peace. */
  run(): void {
    this.commitSome();
    this.tick();
    this.crashSome();
    while (this.heap.earliest < 60 * second) {
      this.now = this.heap.earliest;
      this.happenings[this.heap.pop()]();
    }
  }

  private after(us: Micros, run: () => void): void {
    const slot = this.happenings.push(run) - 1;
    this.heap.push(this.now + us, slot, slot);
  }

  private commitSome(): void {
    const { random } = this;
    const id = String(this.committed.length).padStart(6, "0");
    const subject = `s${random.below(random.chance(0.5) ? 3 : 40)}`;
    const event = { id, subject, body: null };
    this.committed.push(event);
    this.outbox.push(event);
    if (this.now < calmAt) this.after(1 + random.below(20 * millisecond), () => this.commitSome());
  }

  private tick(): void {
    this.relay.tick(this.now);
    this.after(tickUs, () => this.tick());
  }

  private crashSome(): void {
    this.after(1 + this.random.below(3 * second), () => {
      if (this.now >= calmAt) return;
      this.crashes++;
      this.life++;
      this.relay = this.newRelay();
      this.crashSome();
    });
  }

  private newRelay(): Relay<OutboxEvent> {
    const { life } = this;
    /** Reaches the relay that asked, if it still lives. */
    const answer = (act: (relay: Relay<OutboxEvent>) => void): void =>
      this.travel(() => {
        if (this.life === life) act(this.relay);
      });
    const ports: RelayPorts<OutboxEvent> = {
      read: (limit) => this.outbox.slice(0, limit),
      publish: (event) =>
        this.travel(() => {
          if (this.now < calmAt && this.random.chance(0.05)) {
            answer((relay) => relay.onRefused(event.id, this.now));
            return;
          }
          this.delivered.push(event);
          answer((relay) => relay.onAcknowledged(event.id, this.now));
        }),
      remove: (ids) =>
        this.travel(() => {
          const gone = new Set(ids);
          const left = this.outbox.filter(({ id }) => !gone.has(id));
          this.outbox.splice(0, this.outbox.length, ...left);
          answer((relay) => (this.random.chance(0.1) ? relay.onNotRemoved(ids, this.now) : relay.onRemoved(ids)));
        }),
    };
    return this.make(ports, new Random(this.random.uint32()), this.durable);
  }

  /** A message: lost, late and out of order while there is no peace. */
  private travel(arrive: () => void): void {
    const { random } = this;
    const stormy = this.now < calmAt;
    if (stormy && random.chance(0.1)) return;
    const copies = stormy && random.chance(0.05) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.after(random.below(random.chance(0.1) ? 500 * millisecond : 5 * millisecond), arrive);
    }
  }
}

/** What is wrong with the deliveries, or null. */
export function verdict({ committed, delivered, outbox }: RelayWorld): string | null {
  const order = new Map(committed.map(({ id }, place) => [id, place]));
  const seen = new Set<string>();
  const lastOf = new Map<string, number>();
  for (const { id, subject } of delivered) {
    const place = order.get(id);
    if (place === undefined) return `event ${id} was invented`;
    if (seen.has(id)) continue;
    seen.add(id);
    if ((lastOf.get(subject) ?? -1) > place) return `event ${id} of ${subject} came after a later one`;
    lastOf.set(subject, place);
  }
  const lost = committed.find(({ id }) => !seen.has(id));
  if (lost !== undefined) return `event ${lost.id} of ${lost.subject} was lost`;
  return outbox.length === 0 ? null : `${outbox.length} rows stayed in the outbox`;
}
