/**
 * The dispatch service with a stopwatch, for its bench: each node notes when a match passes it, and says so among its counters.
 *
 *     entry ──> owner of the pick-up's cell ──> [search of neighbours] ──> owner of the driver ──> keepers ──> booked ──> answered ──> replied
 *
 * The clock is the processor's monotonic one, which all threads of the process read alike, in microseconds. What is noted is within turns, so
 * the wait of a message for its turn belongs to the leg that ends there. When a request arrives at its thread and when its answer leaves it no
 * core can see: those two are noted around the runtime's own functions.
 */
import type { Deployment } from "./api.ts";
import type { DispatchRequest, DispatchService } from "./api-dispatch.ts";
import type { Core, Env, RequestId } from "./kernel/env.ts";
import type { NodeId } from "./kernel/units.ts";
import { ClientPort } from "./runtimes/threads/client-port.ts";
import { HostedNode } from "./runtimes/threads/hosted-node.ts";
import { DispatchNode } from "./services/dispatch/dispatch-node.ts";
import type { DispatchEnv, DispatchMessage, DispatchTimer } from "./services/dispatch/messages.ts";

/** In the order in which a match passes them: one that did not happen, for its message had no way to go, is that before it. */
const instants = [
  "sent",
  "arrived",
  "entry",
  "owner",
  "found",
  "accepting",
  "booked",
  "answered",
  "replied",
  "left",
] as const;
type Instant = (typeof instants)[number];

/** What ends at each. */
const legs: Readonly<Record<Instant, string>> = {
  sent: "",
  arrived: "generator to the entry node's thread",
  entry: "wait for a turn at the entry node",
  owner: "forward to the owner of the cell",
  found: "search, neighbours included",
  accepting: "booking to the driver's owner",
  booked: "majority of the keepers",
  answered: "outcome back to the cell's owner",
  replied: "answer back to the entry node",
  left: "until the answer leaves that thread",
};

export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1_000;
}

/** Of all nodes of this thread. Threes: the trip's number, index into `instants`, microseconds. */
const notes: number[] = [];

/** @param trip "trip 17" */
function note(trip: string, instant: Instant): void {
  notes.push(Number(trip.slice(trip.indexOf(" "))), instants.indexOf(instant), nowUs());
}

function methodOf(prototype: object, name: string): unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)!.value;
}

/** To be called once in each thread of the backend. */
function watchClients(): void {
  let answered: string[] = [];
  const request = methodOf(HostedNode.prototype, "request") as HostedNode["request"];
  HostedNode.prototype.request = function (body, done) {
    const asked = body as DispatchRequest;
    if (asked.kind !== "match") return request.call(this, body, done);
    note(asked.trip, "arrived");
    request.call(this, body, (reply) => {
      answered.push(asked.trip);
      done(reply);
    });
  };
  const flush = methodOf(ClientPort.prototype, "flush") as ClientPort["flush"];
  ClientPort.prototype.flush = function () {
    flush.call(this);
    for (const trip of answered) note(trip, "left");
    answered = [];
  };
}

class TracedNode implements Core<DispatchMessage, DispatchTimer, DispatchRequest> {
  private readonly node: DispatchNode;
  private readonly entered = new Map<RequestId, string>();
  /** Bookings asked for by other nodes, by who asked and under which number. */
  private readonly bookings = new Map<string, string>();

  constructor(env: DispatchEnv, service: DispatchService, nodes: number) {
    this.node = new DispatchNode(this.tracedEnv(env), service, nodes);
  }

  start(): void {
    this.node.start();
  }

  onRequest(request: RequestId, body: DispatchRequest): void {
    if (body.kind === "match") {
      note(body.trip, "entry");
      this.entered.set(request, body.trip);
    }
    this.node.onRequest(request, body);
  }

  onMessage(from: NodeId, message: DispatchMessage): void {
    if (message.kind === "ring-forward" && message.body.request.kind === "match")
      note(message.body.request.trip, "owner");
    if (message.kind === "book") this.bookings.set(`${from}/${message.operation}`, message.trip.trip);
    this.node.onMessage(from, message);
  }

  onTimer(timer: DispatchTimer, key: number): void {
    this.node.onTimer(timer, key);
  }

  check(): void {
    this.node.check();
  }

  counters(): Record<string, number | readonly number[]> {
    // The first that is asked speaks for its thread.
    return { ...this.node.counters(), trace: notes.splice(0) };
  }

  private tracedEnv(env: DispatchEnv): DispatchEnv {
    return {
      self: env.self,
      random: env.random,
      store: env.store,
      get now() {
        return env.now;
      },
      get wall() {
        return env.wall;
      },
      send: (to, message) => env.send(to, message),
      sendEarly: (to, message) => {
        this.onSend(to, message);
        env.sendEarly(to, message);
      },
      reply: (request, reply) => env.reply(request, reply),
      replyEarly: (request, reply) => {
        const trip = this.entered.get(request);
        if (trip !== undefined) note(trip, "replied");
        this.entered.delete(request);
        env.replyEarly(request, reply);
      },
      after: (delayUs, timer, key) => env.after(delayUs, timer, key),
      cancel: (timer) => env.cancel(timer),
    };
  }

  private onSend(to: NodeId, message: DispatchMessage): void {
    if (message.kind === "book") note(message.trip.trip, "found");
    else if (message.kind === "accept" && message.accepted.value.trip !== null)
      note(message.accepted.value.trip.trip, "accepting");
    else if (message.kind === "book-outcome") note(this.bookings.get(`${to}/${message.operation}`)!, "booked");
    else if (message.kind === "ring-answer" && message.result.kind === "ok" && message.result.result.kind === "match")
      note(message.result.result.trip, "answered");
  }
}

let watching = false;

export function createNode(deployment: Deployment, env: Env<unknown, string, unknown>): TracedNode {
  if (!watching) watchClients();
  watching = true;
  return new TracedNode(env as DispatchEnv, deployment.service as DispatchService, deployment.topology.nodes.length);
}

/** One match: when it passed each instant. */
type Trace = Readonly<Record<Instant, number>>;

/**
 * @param counted what each node counted as "trace"
 * @param sentUs by trip
 */
export function tracesOf(counted: readonly (readonly number[])[], sentUs: ReadonlyMap<number, number>): Trace[] {
  const byTrip = new Map<number, Partial<Record<Instant, number>>>();
  for (const list of counted) {
    for (let i = 0; i < list.length; i += 3) {
      const [trip, instant, at] = [list[i], instants[list[i + 1]], list[i + 2]];
      const passed = byTrip.get(trip) ?? {};
      // Of several, such as one accept a keeper or the attempts of a match whose first driver was gone, the last counts.
      passed[instant] = Math.max(at, passed[instant] ?? 0);
      byTrip.set(trip, passed);
    }
  }
  const traces: Trace[] = [];
  for (const [trip, sent] of sentUs) {
    const passed = byTrip.get(trip);
    if (passed?.arrived === undefined || passed.left === undefined) continue;
    traces.push(filledUp({ ...passed, sent }));
  }
  return traces;
}

/** From its arrival at the thread of its entry node until its answer leaves that thread. */
export function servedMs(traces: readonly Trace[]): number[] {
  return traces.map(({ arrived, left }) => (left - arrived) / 1_000);
}

export function legsOf(traces: readonly Trace[]): { name: string; ms: number[] }[] {
  return instants.slice(1).map((instant, i) => ({
    name: legs[instant],
    ms: traces.map((trace) => (trace[instant] - trace[instants[i]]) / 1_000),
  }));
}

/** A node that had nobody to ask noted nothing: its booking stood when it was answered, it was the owner when it was the entry. */
function filledUp(passed: Partial<Record<Instant, number>>): Trace {
  const filled: Partial<Record<Instant, number>> = { ...passed };
  filled.answered ??= filled.replied;
  filled.booked ??= filled.answered;
  filled.found ??= filled.accepting;
  for (let i = 1; i < instants.length; i++) filled[instants[i]] ??= filled[instants[i - 1]];
  return filled as Trace;
}
