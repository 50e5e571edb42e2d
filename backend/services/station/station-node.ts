/**
 * A queueing station: `servers` in parallel before one queue, the M/M/c or M/D/c of the textbooks.
 *
 *     arrivals --> [ waiting places ] --> (server) (server) --> answers
 *                        `--> refused when full
 *
 * It knows nothing of retries: what makes it interesting is what its clients do. Work whose client has given up is executed all
 * the same unless `dropExpired`, which is how an overloaded server spends its whole capacity on answers nobody waits for
 * (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021).
 *
 * Service is reckoned on scheduled instants, not on when a timer happened to fire: a job begins when its server became free, so a
 * runtime with coarse timers has late answers but not a smaller capacity.
 */
import type { Answer, StationService, WorkRequest } from "../../api.ts";
import type { Core, Env, RequestId } from "../../kernel/env.ts";
import type { Micros } from "../../kernel/units.ts";
import { WaitingLine } from "./waiting-line.ts";

export type StationEnv = Env<never, "served", Answer>;

interface Job {
  readonly request: RequestId;
  readonly arrivedAt: Micros;
  readonly expiresAt: Micros;
  /** What the request itself asks for. */
  readonly serviceUs: Micros | undefined;
}

export class StationNode implements Core<never, "served", WorkRequest> {
  private readonly env: StationEnv;
  private readonly service: StationService;
  private readonly waiting = new WaitingLine<Job>();
  /** Per server: its job, and when the present or the last one ends and began. */
  private readonly jobs: (Job | null)[];
  private readonly endsAt: Micros[];
  private readonly beganAt: Micros[];
  private served = 0;
  private wasted = 0;
  private full = 0;
  private dropped = 0;

  constructor(env: StationEnv, service: StationService) {
    this.env = env;
    this.service = service;
    this.jobs = Array.from({ length: service.servers }, () => null);
    this.endsAt = this.jobs.map(() => 0);
    this.beganAt = this.jobs.map(() => 0);
  }

  start(): void {}

  onRequest(request: RequestId, { timeoutUs, serviceUs }: WorkRequest): void {
    const { now } = this.env;
    const expiresAt = timeoutUs === undefined ? Infinity : now + timeoutUs;
    const job: Job = { request, arrivedAt: now, expiresAt, serviceUs };
    const idle = this.jobs.indexOf(null);
    if (idle >= 0) {
      this.begin(idle, job, now);
    } else if (this.waiting.length < this.service.queueLimit) {
      this.waiting.push(job);
    } else {
      this.full++;
      this.env.reply(request, { kind: "refused", code: "overloaded", message: "The queue is full" });
    }
  }

  onMessage(): void {}

  onTimer(_timer: "served", server: number): void {
    const job = this.jobs[server]!;
    this.served++;
    if (job.expiresAt < this.endsAt[server]) this.wasted++;
    const queuedUs = this.beganAt[server] - job.arrivedAt;
    this.env.reply(job.request, { kind: "ok", result: { kind: "worked", queuedUs } });
    this.jobs[server] = null;
    const next = this.takeNext();
    if (next !== null) this.begin(server, next, Math.max(this.endsAt[server], next.arrivedAt));
  }

  check(): void {}

  atRest(): boolean {
    return this.waiting.length === 0 && this.jobs.every((job) => job === null);
  }

  counters(): Record<string, number> {
    const { served, wasted, full, dropped } = this;
    return { served, wasted, full, dropped, waiting: this.waiting.length };
  }

  private begin(server: number, job: Job, at: Micros): void {
    const { serviceUs, service } = this.service;
    const drawn = service === "fixed" ? serviceUs : this.env.random.exponential(serviceUs);
    const duration = job.serviceUs ?? drawn;
    this.jobs[server] = job;
    this.beganAt[server] = at;
    this.endsAt[server] = at + Math.round(duration);
    this.env.after(Math.max(0, this.endsAt[server] - this.env.now), "served", server);
  }

  /** The next job worth doing; expired ones are answered on the way when the station drops them. */
  private takeNext(): Job | null {
    while (this.waiting.length > 0) {
      const job = this.service.discipline === "fifo" ? this.waiting.takeOldest()! : this.waiting.takeNewest()!;
      if (!this.service.dropExpired || job.expiresAt > this.env.now) return job;
      this.dropped++;
      this.env.reply(job.request, { kind: "refused", code: "expired", message: "Its client had given up" });
    }
    return null;
  }
}
