/**
 * The composition root and only door: a deployment in, a running backend out.
 *
 *     main thread                      worker thread k of K
 *     startThreads ──> calls ────────> nodes n with n mod K = k, their logs and stores, the front doors
 *     connect()    ──> ports ────────> direct connections, also from other threads
 *
 * UV_THREADPOOL_SIZE bounds the log writes of the whole process that can be under way at once. libuv reads it when its pool is first
 * used, so whoever launches a backend of more than four nodes sets it in the environment of the process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Answer, Deployment, Request } from "./api.ts";
import { DirectConnection } from "./connection.ts";
import type { Counters, NodeCounters } from "./kernel/counters.ts";
import { mergeCounters } from "./kernel/counters.ts";
import type { Fault } from "./kernel/fault.ts";
import type { Micros, NodeId } from "./kernel/units.ts";
import { FolderLock } from "./runtimes/threads/folder-lock.ts";
import type { BootTimes } from "./runtimes/threads/node-loop.ts";
import type { Activity } from "./runtimes/threads/thread-host.ts";
import type { DoorProtocol, DoorSpec, ThreadCall, ThreadData, ThreadPost } from "./thread.ts";

export interface ThreadsOptions {
  readonly seed: number;
  /**
   * Where the nodes keep their files; they are there again at the next start. Nobody else may have it open until close. Without one, a
   * temporary directory removed at close.
   */
  readonly directory?: string;
  /** Worker threads; never more than nodes. Default: the processors of this machine. */
  readonly threads?: number;
  readonly doors?: Doors;
  /** URL of a module that exports `createNode(deployment, env): Core`; for tests. Default: the services. */
  readonly createNode?: string;
  /** Bytes of log after which a node checkpoints; 16 MiB by default. */
  readonly segmentBytes?: number;
  /** Half the width of `env.wall`; by default what a deployment of fixed clocks says, and else 0: all threads read one clock. */
  readonly clockErrorUs?: Micros;
  /** Called once when a node finds a bug in itself or its disk fails. The run is void. */
  readonly onBroken?: (error: Error) => void;
}

/** By the protocol that is spoken there. */
export type Doors = Readonly<Partial<Record<DoorProtocol, DoorSpec>>>;

export interface ThreadsBackend {
  readonly urls: Readonly<Partial<Record<DoorProtocol, string>>>;
  /** By node: what it took to bring back what the directory held. */
  readonly boots: ReadonlyMap<NodeId, BootTimes>;
  /** Microseconds since the run began, on the clock of the nodes. */
  now(): Micros;
  /** Ports of a new `DirectConnection`, one a thread; transferable. */
  connect(): MessagePort[];
  request(request: Request, entry?: NodeId): Promise<Answer>;
  /** Resolves when the fault is in force; a restart when the node has recovered. */
  inject(fault: Fault): Promise<void>;
  counters(): Promise<Counters>;
  /** Resolves when no node has inputs, held sends or writes on their way, and every invariant that the cores check holds. */
  quiet(): Promise<void>;
  /** Waits until every core is at rest and nothing is under way, or `limitMs` has passed; says which. */
  settle(limitMs: number): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * @throws FolderHeldError, before anything is touched, when a live process has the directory open; Error when a node's log is damaged, the
 * core cannot be built or a door cannot listen.
 */
export async function startThreads(deployment: Deployment, options: ThreadsOptions): Promise<ThreadsBackend> {
  const lock = options.directory === undefined ? undefined : FolderLock.take(options.directory);
  const backend = new Threads(deployment, options, lock);
  try {
    await backend.start(options.doors ?? {});
  } catch (error) {
    await backend.close().catch(() => undefined);
    throw error;
  }
  return backend;
}

/**
 * Values live in a node's memory until they are written again, which is long for V8's usual 16 MiB semi-spaces: most would be copied
 * twice, promoted and die old. The young generation is three semi-spaces.
 */
const maxYoungGenerationSizeMb = 192;

class Threads implements ThreadsBackend {
  urls: Partial<Record<DoorProtocol, string>> = {};
  boots = new Map<NodeId, BootTimes>();
  private readonly threads: ThreadHandle[];
  private readonly epoch = process.hrtime.bigint();
  private readonly beganAtUs = Date.now() * 1_000;
  private readonly directory: string;
  private readonly temporary: boolean;
  /** On a directory that outlives this backend. */
  private readonly lock: FolderLock | undefined;
  private readonly nodes: number;
  private readonly options: ThreadsOptions;
  private readonly open = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  private connection: DirectConnection | undefined;
  private lastRequest = 0;
  private broken: Error | undefined;
  private closed: Promise<void> | undefined;

  constructor(deployment: Deployment, options: ThreadsOptions, lock: FolderLock | undefined) {
    this.options = options;
    this.lock = lock;
    this.nodes = deployment.topology.nodes.length;
    this.temporary = options.directory === undefined;
    this.directory = options.directory ?? mkdtempSync(join(tmpdir(), "wavetank-"));
    const threads = Math.max(1, Math.min(options.threads ?? availableParallelism(), this.nodes));
    const meshes = mesh(threads);
    const { time } = deployment;
    const clockErrorUs = options.clockErrorUs ?? (time?.kind === "fixed" ? time.errorUs : undefined);
    this.threads = meshes.map((peers, thread) => {
      const data: ThreadData = {
        thread,
        threads,
        deployment,
        seed: options.seed,
        epoch: this.epoch,
        beganAtUs: this.beganAtUs,
        directory: this.directory,
        createNode: options.createNode,
        segmentBytes: options.segmentBytes,
        clockErrorUs,
        peers,
      };
      return new ThreadHandle(data, (error) => this.fail(error));
    });
  }

  async start(doors: Doors): Promise<void> {
    this.boots = new Map(((await this.everywhere({ kind: "start" })) as [NodeId, BootTimes][][]).flat());
    for (const [protocol, spec] of Object.entries(doors) as [DoorProtocol, DoorSpec | undefined][]) {
      if (spec !== undefined) this.urls[protocol] = await this.openDoor(protocol, spec);
    }
  }

  /** The first thread picks the port when none is named; the others share it. */
  private async openDoor(protocol: DoorProtocol, spec: DoorSpec): Promise<string> {
    let door = spec;
    let url = "";
    for (const thread of this.threads) {
      url = (await thread.call({ kind: "open", protocol, door })) as string;
      door = { ...door, port: Number(new URL(url).port) };
    }
    return url;
  }

  now(): Micros {
    return Number((process.hrtime.bigint() - this.epoch) / 1_000n);
  }

  connect(): MessagePort[] {
    return this.threads.map((thread) => {
      const { port1, port2 } = new MessageChannel();
      thread.call({ kind: "connect", port: port1 }, [port1]).catch(() => port2.close());
      return port2;
    });
  }

  request(request: Request, entry?: NodeId): Promise<Answer> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    if (this.connection === undefined) {
      this.connection = new DirectConnection(this.connect());
      this.connection.onAnswer = (id, answer) => {
        const waiter = this.open.get(id);
        this.open.delete(id);
        waiter?.resolve(answer);
      };
    }
    const id = ++this.lastRequest;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject });
      this.connection!.submit(id, request, entry);
    });
  }

  async inject(fault: Fault): Promise<void> {
    refuseFault(fault, this.nodes);
    await this.everywhere({ kind: "inject", fault });
  }

  async counters(): Promise<Counters> {
    const perNode = Array.from({ length: this.nodes }, (): NodeCounters => ({}));
    for (const [node, counted] of (
      (await this.everywhere({ kind: "counters" })) as [NodeId, NodeCounters][][]
    ).flat()) {
      perNode[node] = counted;
    }
    return mergeCounters(perNode);
  }

  async quiet(): Promise<void> {
    // Mattern's four counters (1987): two equal rounds in which everyone was idle and as much was taken as posted.
    for (let before = -1; ;) {
      const parts = (await this.everywhere({ kind: "activity" })) as Activity[];
      const posted = parts.reduce((sum, part) => sum + part.posted, 0);
      const taken = parts.reduce((sum, part) => sum + part.taken, 0);
      const idle = parts.every((part) => part.idle) && posted === taken;
      if (idle && posted === before) break;
      before = idle ? posted : -1;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await this.everywhere({ kind: "check" });
  }

  async settle(limitMs: number): Promise<boolean> {
    const until = performance.now() + limitMs;
    while (performance.now() < until) {
      await this.quiet();
      const parts = (await this.everywhere({ kind: "activity" })) as Activity[];
      if (parts.every(({ atRest }) => atRest)) return true;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return false;
  }

  close(): Promise<void> {
    this.closed ??= this.stop();
    return this.closed;
  }

  private async stop(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()));
    this.connection?.close();
    this.rejectOpen(new Error("the backend was closed before it answered"));
    if (this.temporary) rmSync(this.directory, { recursive: true, force: true });
    this.lock?.release();
  }

  private everywhere(call: ThreadCall): Promise<unknown[]> {
    if (this.broken !== undefined) return Promise.reject(this.broken);
    return Promise.all(this.threads.map((thread) => thread.call(call)));
  }

  private fail(error: Error): void {
    if (this.broken !== undefined) return;
    this.broken = error;
    this.rejectOpen(error);
    this.options.onBroken?.(error);
  }

  private rejectOpen(error: Error): void {
    for (const waiter of this.open.values()) waiter.reject(error);
    this.open.clear();
  }
}

/** The main thread's end of one worker. */
class ThreadHandle {
  private readonly worker: Worker;
  private readonly calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private lastCall = 0;
  private closing = false;
  private ended: Error | undefined;

  constructor(data: ThreadData, onBroken: (error: Error) => void) {
    this.worker = new Worker(new URL("./thread.ts", import.meta.url), {
      workerData: data,
      transferList: [...data.peers.values()],
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    this.worker.on("message", (message: ThreadPost) => {
      if (message.kind === "broken") onBroken(new Error(message.error));
      else this.settle(message);
    });
    const stopped = (error: Error): void => {
      this.ended ??= error;
      for (const call of this.calls.values()) call.reject(error);
      this.calls.clear();
      if (!this.closing) onBroken(error);
    };
    this.worker.on("error", (error: unknown) => stopped(error instanceof Error ? error : new Error(String(error))));
    this.worker.on("exit", (code) =>
      stopped(new Error(`thread ${data.thread} of the backend ended with code ${code}`)),
    );
  }

  call(call: ThreadCall, transfer: MessagePort[] = []): Promise<unknown> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    const id = ++this.lastCall;
    return new Promise((resolve, reject) => {
      this.calls.set(id, { resolve, reject });
      this.worker.postMessage({ id, call }, transfer);
    });
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.call({ kind: "close" }).catch(() => undefined);
    await this.worker.terminate();
  }

  private settle(answer: Extract<ThreadPost, { kind: "answer" }>): void {
    const call = this.calls.get(answer.id);
    this.calls.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.value);
    else call?.reject(new Error(answer.error));
  }
}

/** A port from each thread to each other one. */
function mesh(threads: number): Map<number, MessagePort>[] {
  const peers = Array.from({ length: threads }, () => new Map<number, MessagePort>());
  for (let a = 0; a < threads; a++) {
    for (let b = a + 1; b < threads; b++) {
      const { port1, port2 } = new MessageChannel();
      peers[a].set(b, port1);
      peers[b].set(a, port2);
    }
  }
  return peers;
}

function refuseFault(fault: Fault, nodes: number): void {
  if (fault.kind === "clock" || fault.kind === "masters" || fault.kind === "corrupt") {
    throw new Error(
      `the threads cannot inject a "${fault.kind}" fault: they run on this machine's real clock and disk. ` +
        "Run the experiment in the simulation, or take the fault out of its plan.",
    );
  }
  if (fault.kind === "slow" && !(fault.factor >= 1)) {
    throw new Error(`the fault "slow" has factor ${fault.factor}; expected at least 1, where 1 is full speed`);
  }
  const named = "nodes" in fault ? fault.nodes : "from" in fault ? [...fault.from, ...fault.to] : [];
  const stranger = named.find((node) => !Number.isInteger(node) || node < 0 || node >= nodes);
  if (stranger !== undefined) {
    throw new Error(`the fault "${fault.kind}" names node ${stranger}; this deployment has nodes 0 to ${nodes - 1}`);
  }
}
