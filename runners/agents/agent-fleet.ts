/**
 * A load made by agents on other machines: drives the coordination of each run over a transport, and gives the suite what a
 * pool of workers on this machine would have given it.
 */
import { randomBytes } from "node:crypto";
import { UsageError } from "../command-error.ts";
import type { LoadGenerator, LoadHooks, LoadOutcome, LoadTask } from "../hosts/threads-host.ts";
import type { Recorder } from "../measure/recorder.ts";
import { Interrupted } from "../run-order.ts";
import { Coordination, type CoordinatorOutbox } from "./coordination.ts";
import { processClockMs, subjects, type Assignment, type CodeIdentity, type FromAgent } from "./messages.ts";
import type { AgentTransport } from "./transport.ts";

const tickMs = 50;
const progressEveryMs = 500;

export interface FleetOptions {
  readonly code: CodeIdentity;
  readonly agents: number;
  /** Generator threads on each agent. */
  readonly threads: number;
  /** One sentence for a person: an agent was lost. */
  readonly note: (text: string) => void;
}

export class AgentFleet implements LoadGenerator {
  private readonly transport: AgentTransport;
  private readonly options: FleetOptions;
  /** Of this coordinator; a run is named by it and its number. */
  private readonly name = randomBytes(6).toString("hex");
  private runs = 0;

  constructor(transport: AgentTransport, options: FleetOptions) {
    this.transport = transport;
    this.options = options;
  }

  /**
   * Resolves also when agents were lost: `slices` then says what is missing. Throws `UsageError` when the first run finds too few
   * agents, `Interrupted` when a later one does: what was measured before is kept.
   */
  async run(task: LoadTask, recorder: Recorder, hooks: LoadHooks): Promise<LoadOutcome> {
    const target = agentTarget(hooks);
    checkClients(task, this.options.agents);
    const run = `${this.name}-${++this.runs}`;
    const { agents, threads, code, note } = this.options;
    const coordination = new Coordination({ run, code, agents, threads, task, target }, this.outbox(hooks));
    const unsubscribe = [subjects.run(run), subjects.coordinators].map((subject) =>
      this.transport.subscribe(subject, (message) => coordination.onMessage(message as FromAgent, processClockMs())),
    );
    try {
      await this.transport.flush();
      await drive(coordination, task, hooks, note);
    } finally {
      for (const end of unsubscribe) end();
      await this.transport.flush();
    }
    if (hooks.signal?.aborted === true) return { history: [], loopDelayP99Us: 0, finished: false };
    if (coordination.failure !== null) this.refuse(coordination.failure);
    return { ...coordination.collect(recorder), finished: true };
  }

  async close(): Promise<void> {
    await this.transport.close();
  }

  private refuse(failure: string): never {
    if (this.runs > 1) {
      this.options.note(failure);
      throw new Interrupted(failure);
    }
    throw new UsageError({
      what: "the agents cannot take the run",
      got: failure,
      expected: `${this.options.agents} free agents that run the coordinator's code`,
      fix: "start `wavetank agent --nats URL` on each machine from the same commit, or ask for fewer --agents",
    });
  }

  private outbox(hooks: LoadHooks): CoordinatorOutbox {
    return {
      toWatch: (index, news) => hooks.onSnapshot?.(index, news),
      toAgents: (message) => this.transport.publish(subjects.agents, message),
      toAgent: (agent, message) => this.transport.publish(subjects.agent(agent), message),
    };
  }
}

/** Ticks until the run is over, and tells the suite how it goes. */
async function drive(
  coordination: Coordination,
  task: LoadTask,
  hooks: LoadHooks,
  note: (text: string) => void,
): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let started = false;
  let saidMs = 0;
  const tick = (): void => {
    const nowMs = processClockMs();
    if (hooks.signal?.aborted === true) coordination.abort("the coordinator was interrupted");
    coordination.onTick(nowMs);
    for (const text of coordination.notes.splice(0)) note(text);
    const { startAtMs } = coordination;
    if (startAtMs !== null && nowMs >= startAtMs) {
      if (!started) hooks.onStart();
      started = true;
      if (nowMs - saidMs >= progressEveryMs) {
        saidMs = nowMs;
        const { planned, ...counts } = coordination.progress();
        hooks.onProgress({
          elapsedS: (nowMs - startAtMs) / 1_000,
          totalS: task.forUs / 1e6,
          offered: planned,
          ...counts,
        });
      }
    }
    if (coordination.phase === "over") resolve();
  };
  const timer = setInterval(tick, tickMs);
  try {
    await over;
  } finally {
    clearInterval(timer);
  }
}

function agentTarget(hooks: LoadHooks): Assignment["target"] {
  const target = hooks.target(0);
  if (target.kind !== "direct") return target;
  throw new UsageError({
    what: "agents cannot reach a backend that lives in the coordinator",
    got: "--target direct",
    expected: "a service that every agent can reach",
    fix: "add --target dynamodb=URL, or --target rehearsal to try the agents out",
  });
}

/** A client's retry budget and breaker live in one place, so its operations cannot be dealt to two. */
export function checkClients(task: Pick<LoadTask, "calls">, slices: number): void {
  const { clients } = task.calls;
  if (clients >= slices) return;
  throw new UsageError({
    what: "there are more slices than clients, and a client belongs to one slice",
    got: `${slices} slices and ${clients} ${clients === 1 ? "client" : "clients"}`,
    expected: "at least as many clients as slices",
    fix: `add --set designs.*.calls.clients=${slices * 16}, or ask for fewer slices`,
  });
}
