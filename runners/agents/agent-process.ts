/**
 * `wavetank agent` at work: the agent's state machine with a transport, a clock and generator threads. The threads stay from run
 * to run, so that a later run does not meet a colder generator than an earlier one.
 */
import { randomBytes } from "node:crypto";
import type { AgentCommandOptions } from "../command-agent.ts";
import { GeneratorPool } from "../hosts/threads-host.ts";
import { Recorder } from "../measure/recorder.ts";
import { Agent } from "./agent.ts";
import { codeIdentity } from "./code-identity.ts";
import {
  processClockMs,
  subjects,
  type Assignment,
  type CodeIdentity,
  type ToAgent,
  type ToAgents,
} from "./messages.ts";
import { connectNats } from "./nats-transport.ts";
import { packResult, recorderToJson } from "./recorder-json.ts";
import type { AgentTransport } from "./transport.ts";

const tickMs = 50;

export interface AgentOptions {
  readonly name: string;
  readonly code: CodeIdentity;
  /** End after the first run. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** An agent that meets its coordinators at a NATS server. @throws UsageError when that cannot be reached */
export async function runNatsAgent(
  options: AgentCommandOptions,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const { natsUrl, name, once } = options;
  const transport = await connectNats(natsUrl, `wavetank agent ${name}`);
  await runAgent(transport, { name, once, code: codeIdentity(), signal, say });
}

/** Works until the signal, or until its one run is over. Closes the transport. */
export async function runAgent(transport: AgentTransport, options: AgentOptions): Promise<void> {
  const { name, code, once, signal, say } = options;
  const id = randomBytes(6).toString("hex");
  const workers = new AgentWorkers();
  const agent: Agent = new Agent(
    { agent: id, name, code },
    {
      send: (run, message) => transport.publish(subjects.run(run), message),
      prepare: (run, assignment) => workers.prepare(run, assignment, agent),
      start: (_run, atMs) => workers.start(atMs),
      stop: () => workers.stop(),
      say,
    },
  );
  for (const subject of [subjects.agents, subjects.agent(id)]) {
    transport.subscribe(subject, (message) => agent.onMessage(message as ToAgents | ToAgent, processClockMs()));
  }
  await transport.flush();
  say("ready; waits for a run");
  transport.publish(subjects.coordinators, agent.presence(""));
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      agent.onTick(processClockMs());
      workers.post(agent);
      if (signal.aborted) agent.leave("the agent was told to end");
      if (!agent.free || !(signal.aborted || (once && agent.ended > 0))) return;
      clearInterval(timer);
      resolve();
    }, tickMs);
  });
  await transport.flush();
  await workers.close();
  await transport.close();
}

/** The generator threads of an agent and the run they are at. */
class AgentWorkers {
  private pool: GeneratorPool | null = null;
  /** What the pool was made for. */
  private shape = "";
  private job: {
    readonly run: string;
    readonly go: PromiseWithResolvers<bigint | null>;
    readonly abort: AbortController;
    /** Of each thread, until when its snapshots reach. */
    readonly untilUs: number[];
    /** Snapshots not sent yet. */
    fresh: Recorder;
    freshCount: number;
  } | null = null;

  prepare(run: string, { task, target, part, threads }: Assignment, agent: Agent): void {
    const count = Math.min(threads, Math.max(1, Math.floor(task.calls.clients / part.count)));
    const job = {
      run,
      go: Promise.withResolvers<bigint | null>(),
      abort: new AbortController(),
      untilUs: Array.from({ length: count }, () => 0),
      fresh: new Recorder(task.record),
      freshCount: 0,
    };
    this.job = job;
    const whole = new Recorder(task.record);
    this.load(part, threads)
      .then(async (pool) => {
        const outcome = await pool.run(task, whole, {
          target: () => target,
          onStart: () => undefined,
          onProgress: ({ offered, ok, refused, unknown, p99Ms }) =>
            agent.onProgress(run, { planned: offered, ok, refused, unknown, p99Ms }),
          startAt: () => {
            agent.onReady(run);
            return job.go.promise;
          },
          onSnapshot: (place, snapshot) => {
            job.untilUs[place] = snapshot.untilUs;
            job.fresh.merge(snapshot.recorder);
            job.freshCount++;
          },
          signal: job.abort.signal,
        });
        const { history, loopDelayP99Us, finished } = outcome;
        if (!finished) agent.onStopped(run);
        else {
          const recorder = recorderToJson(whole.parts());
          agent.onResult(run, await packResult({ recorder, history, loopDelayP99Us }), processClockMs());
        }
      })
      .catch((error: unknown) => {
        // A pool that lost a worker is not used again.
        this.shape = "";
        agent.onFailed(run, error instanceof Error ? error.message : String(error));
      });
  }

  start(atMs: number): void {
    const inNs = BigInt(Math.round((atMs - processClockMs()) * 1e6));
    this.job?.go.resolve(process.hrtime.bigint() + inNs);
  }

  stop(): void {
    this.job?.abort.abort();
    this.job?.go.resolve(null);
  }

  /** Hands on what the threads have posted, once each of them has. */
  post(agent: Agent): void {
    const { job } = this;
    if (job === null || job.freshCount < job.untilUs.length) return;
    agent.onSnapshot(job.run, Math.min(...job.untilUs), recorderToJson(job.fresh.parts()));
    job.fresh = new Recorder(job.fresh.plan);
    job.freshCount = 0;
  }

  async close(): Promise<void> {
    await this.pool?.close();
  }

  private async load(part: Assignment["part"], threads: number): Promise<GeneratorPool> {
    const shape = `${part.index} of ${part.count} on ${threads}`;
    if (this.pool !== null && this.shape === shape) return this.pool;
    await this.pool?.close();
    this.shape = shape;
    this.pool = new GeneratorPool(threads, part);
    return this.pool;
  }
}
