/**
 * A load in virtual time: the driver is one more event source of the simulation, and clients reach nodes over its client links.
 * Nothing here waits for a clock, so lateness is zero and a run is a function of its seed.
 */
import type { Answer, Request } from "../../backend/api.ts";
import type { Fault } from "../../backend/kernel/fault.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { isRetryable } from "../../backend/policies/caller.ts";
import { withTimeout } from "../targets/with-timeout.ts";
import { LoadDriver, type DriverHost, type DriverOptions } from "../driver.ts";

/** The part of a simulated backend that a load needs. */
export interface SimulatedBackend {
  readonly now: Micros;
  /** Events run so far. */
  readonly events: number;
  at(timeUs: Micros, callback: () => void): void;
  /** A negative entry means any node that is up. The answer may never come. */
  request(entry: NodeId, request: Request, onAnswer: (answer: Answer) => void): void;
  inject(fault: Fault): void;
  run(untilUs: Micros): void;
  /** Ends every fault and runs until replicas are at rest, at most so long. */
  settle(limitUs: Micros): unknown;
  counters(): Readonly<Record<string, number | readonly number[] | readonly (readonly number[])[]>>;
  digest(): string;
}

const anyNode = -1;

/** Drives `backend` from its present time on: that instant is 0 of the load. */
export class SimulationHost implements DriverHost {
  readonly driver: LoadDriver;
  private readonly backend: SimulatedBackend;
  private readonly startUs: Micros;
  /** The earliest wake asked of the simulation; later ones are asked when it comes. */
  private wakeUs = Infinity;

  constructor(backend: SimulatedBackend, options: DriverOptions) {
    this.backend = backend;
    this.startUs = backend.now;
    this.driver = new LoadDriver(options, this);
    this.askWake();
  }

  now(): Micros {
    return this.backend.now - this.startUs;
  }

  send(attempt: number, _client: number, request: Request, timeoutUs: Micros, entry: number = anyNode): void {
    this.backend.request(entry, withTimeout(request, timeoutUs), (answer) => {
      this.driver.onAnswer(attempt, answer);
      this.askWake();
    });
  }

  /** Runs up to `untilUs` of the load. */
  run(untilUs: Micros): void {
    this.backend.run(this.startUs + untilUs);
  }

  private askWake(): void {
    const nextUs = this.driver.nextWakeUs;
    if (nextUs >= this.wakeUs) return;
    this.wakeUs = nextUs;
    this.backend.at(this.startUs + nextUs, () => this.onWake(nextUs));
  }

  private onWake(askedUs: Micros): void {
    if (askedUs !== this.wakeUs) return;
    this.wakeUs = Infinity;
    this.driver.onWake();
    this.askWake();
  }
}

/**
 * Asks one request outside the load and runs the simulation until it is answered. What is throttled or has no outcome is asked
 * again, since setup and final reads may be done twice; the last answer stands when `patienceUs` have passed.
 */
export function askSimulated(backend: SimulatedBackend, request: Request, patienceUs: Micros): Answer {
  const limitUs = backend.now + patienceUs;
  let last: Answer = { kind: "unknown", code: "timeout", message: `no answer in ${patienceUs / 1e6} virtual seconds` };
  while (backend.now < limitUs) {
    const answers: Answer[] = [];
    const giveUpUs = Math.min(limitUs, backend.now + attemptPatienceUs);
    backend.request(anyNode, request, (given) => answers.push(given));
    while (answers.length === 0 && backend.now < giveUpUs) backend.run(Math.min(giveUpUs, backend.now + 1_000));
    if (answers.length === 0) continue;
    last = answers[0];
    if (!isRetryable(last)) return last;
    backend.run(Math.min(limitUs, backend.now + retryAfterUs));
  }
  return last;
}

const attemptPatienceUs = 5_000_000;
const retryAfterUs = 50_000;
