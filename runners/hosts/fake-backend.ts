/**
 * A backend for tests of the generator: virtual time, no nodes, and one function that says when and how a request is answered.
 * It knows as little as possible, so that what a test finds is the generator's.
 */
import type { Answer, Request } from "../../backend/api.ts";
import type { Fault } from "../../backend/kernel/fault.ts";
import { TimeHeap } from "../../backend/kernel/heap.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { HistoryEntry, Session, Workload } from "../../workloads/workload.ts";
import type { SimulatedBackend } from "./simulation-host.ts";

/** When the answer arrives at the client, or null when it never does. */
export type Respond = (request: Request, nowUs: Micros) => { readonly atUs: Micros; readonly answer: Answer } | null;

export class FakeBackend implements SimulatedBackend {
  now: Micros = 0;
  events = 0;
  readonly faults: Fault[] = [];
  /** Every request, in order of arrival. */
  readonly received: { readonly atUs: Micros; readonly request: Request; readonly entry: number }[] = [];
  private readonly respond: Respond;
  private readonly heap = new TimeHeap();
  private readonly callbacks: (() => void)[] = [];

  constructor(respond: Respond) {
    this.respond = respond;
  }

  at(timeUs: Micros, callback: () => void): void {
    this.heap.push(Math.max(timeUs, this.now), this.callbacks.length, this.callbacks.push(callback) - 1);
  }

  request(entry: number, request: Request, onAnswer: (answer: Answer) => void): void {
    this.received.push({ atUs: this.now, request, entry });
    const response = this.respond(request, this.now);
    if (response !== null) this.at(response.atUs, () => onAnswer(response.answer));
  }

  inject(fault: Fault): void {
    this.faults.push(fault);
  }

  run(untilUs: Micros): void {
    while (this.heap.earliest <= untilUs) {
      this.now = this.heap.earliest;
      this.events++;
      this.callbacks[this.heap.pop()]();
    }
    this.now = Math.max(this.now, untilUs);
  }

  settle(): void {
    this.run(this.now);
  }

  counters(): Readonly<Record<string, number>> {
    return { received: this.received.length };
  }

  digest(): string {
    return this.received.length.toString(16).padStart(16, "0");
  }
}

export const worked: Answer = { kind: "ok", result: { kind: "worked", queuedUs: 0 } };

/** Sessions of `steps` pieces of work, `thinkUs` apart, each with a fact that is completed by its answer. */
export function workSessions(steps = 1, thinkUs: Micros = 0, operation = "work"): Workload {
  return {
    name: "work",
    setup: () => [],
    begin: (arrival): Session => {
      let step = 0;
      const fact = { kind: "worked", answers: 0 };
      return {
        next: (previous) => {
          if (previous !== null) fact.answers++;
          if (step++ === steps) return null;
          return { operation, request: { kind: "work", operation: arrival }, thinkUs, fact };
        },
      };
    },
    finalReads: () => [],
    check: (history: readonly HistoryEntry[]) => ({
      name: "work was answered",
      held: history.length > 0,
      examined: history.length,
      violations: [],
      counts: { answered: history.length },
    }),
  };
}
