/**
 * Entry of one worker thread of a backend: builds its nodes and doors out of the parts and answers the main thread's calls. Everything
 * a request needs after that happens between the threads; the main thread only injects faults and reads counters.
 */
import { setFlagsFromString } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Answer, Deployment, Replication, Request } from "./api.ts";
import type { CoreFactory, Env } from "./kernel/env.ts";
import { rolesOf } from "./mutants.ts";
import { nodeFactory } from "./services/node.ts";
import type { Fault } from "./kernel/fault.ts";
import { mebibyte } from "./kernel/units.ts";
import type { Micros, NodeId } from "./kernel/units.ts";
import { ThreadHost } from "./runtimes/threads/thread-host.ts";

/**
 * A thread a core, so V8's helpers would collect young garbage on cores that other threads need: on two cores they cost a tenth of the
 * processor time of a write. The price is pauses of 4 to 6 ms where the helpers made them 3.
 */
setFlagsFromString("--no-parallel-scavenge");

/** What the main thread starts a thread with. */
export interface ThreadData {
  readonly thread: number;
  readonly threads: number;
  readonly deployment: Deployment;
  readonly seed: number;
  readonly epoch: bigint;
  /** Unix time at `epoch`. */
  readonly beganAtUs: Micros;
  readonly directory: string;
  /** URL of a module that exports `createNode(deployment, env)`. Absent: the services. */
  readonly createNode?: string;
  readonly segmentBytes?: number;
  readonly clockErrorUs?: Micros;
  readonly peers: ReadonlyMap<number, MessagePort>;
}

export interface DoorSpec {
  readonly host?: string;
  readonly port: number;
  /** Of tables that CreateTable makes without saying. */
  readonly replication?: Replication;
}

/** What is spoken at a door. */
export type DoorProtocol = keyof typeof openers;

/** A call of the main thread. Each is answered once. */
export type ThreadCall =
  | { readonly kind: "start" }
  | { readonly kind: "open"; readonly protocol: DoorProtocol; readonly door: DoorSpec }
  | { readonly kind: "connect"; readonly port: MessagePort }
  | { readonly kind: "inject"; readonly fault: Fault }
  | { readonly kind: "activity" }
  | { readonly kind: "check" }
  | { readonly kind: "counters" }
  | { readonly kind: "close" };

/** What a thread posts: the answer to call `id`, or the news that one of its nodes broke. */
export type ThreadPost =
  | { readonly kind: "answer"; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly kind: "broken"; readonly error: string };

type CreateNode = (deployment: Deployment, env: Env<unknown, string, unknown>) => ReturnType<CoreFactory>;

/** What a door offers, whatever protocol it speaks. */
export interface Door {
  /** Where it listens, such as http://127.0.0.1:8000. */
  readonly url: string;
  close(): Promise<void>;
}

/** What doors of every protocol are opened with. */
interface DoorOptions {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  readonly replication?: Replication;
  readonly nodes: number;
  readonly backend: { submit(request: Request, done: (answer: Answer) => void): void };
}

/** Each is loaded when it is wanted. */
const openers = {
  dynamodb: async (options: DoorOptions): Promise<Door> =>
    (await import("./servers/dynamodb/door.ts")).createDynamoDoor(options),
  stripe: async (options: DoorOptions): Promise<Door> =>
    (await import("./servers/stripe/door.ts")).createStripeDoor(options),
  etcd: async (options: DoorOptions): Promise<Door> => (await import("./servers/etcd/door.ts")).createEtcdDoor(options),
  dispatch: async (options: DoorOptions): Promise<Door> =>
    (await import("./servers/dispatch/door.ts")).createDispatchDoor(options),
  memcached: async (options: DoorOptions): Promise<Door> =>
    (await import("./servers/memcached/door.ts")).createMemcachedDoor(options),
};

const lost: Answer = {
  kind: "unknown",
  code: "connection-lost",
  message: "the node died before it answered",
};

function down(node: NodeId): Answer {
  return { kind: "refused", code: "unavailable", message: `node ${node} is down` };
}

class Thread {
  private readonly host: ThreadHost;
  private readonly doors: Door[] = [];
  private readonly data: ThreadData;

  constructor(data: ThreadData, factory: CoreFactory) {
    const { deployment } = data;
    this.data = data;
    this.host = new ThreadHost({
      ...data,
      topology: deployment.topology,
      factory,
      node: {
        durability: deployment.durability,
        acknowledgeEarly: deployment.plant === "acknowledge-before-durable",
        segmentBytes: data.segmentBytes ?? 16 * mebibyte,
        clockErrorUs: data.clockErrorUs ?? 0,
        beganAtUs: data.beganAtUs,
        lostReply: lost,
        downReply: down,
        fail: (node, error) => post({ kind: "broken", error: `node ${node} stopped: ${describe(error)}` }),
      },
    });
  }

  async handle(call: ThreadCall): Promise<unknown> {
    switch (call.kind) {
      case "start":
        return this.host.start();
      case "open":
        return this.open(call.protocol, call.door);
      case "connect":
        return this.host.connect(call.port);
      case "inject":
        return this.host.inject(call.fault);
      case "activity":
        return this.host.activity();
      case "check":
        return this.host.check();
      case "counters":
        return this.host.counters();
      case "close":
        for (const door of this.doors) await door.close();
        return this.host.close();
    }
  }

  private async open(protocol: DoorProtocol, { host = "127.0.0.1", port, replication }: DoorSpec): Promise<string> {
    const submit = (request: Request, done: (answer: Answer) => void): void =>
      this.host.submit(request, done as (reply: unknown) => void);
    const nodes = this.data.deployment.topology.nodes.length;
    const reusePort = this.data.threads > 1;
    const door = await openers[protocol]({ host, port, reusePort, replication, nodes, backend: { submit } });
    this.doors.push(door);
    return door.url;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function post(message: ThreadPost): void {
  parentPort!.postMessage(message);
}

async function factoryOf({ deployment, createNode }: ThreadData): Promise<CoreFactory> {
  if (createNode === undefined) return nodeFactory(deployment, rolesOf(deployment.plant));
  const module = (await import(createNode)) as { readonly createNode: CreateNode };
  return (env) => module.createNode(deployment, env);
}

async function main(data: ThreadData): Promise<void> {
  const thread = new Thread(data, await factoryOf(data));
  parentPort!.on("message", ({ id, call }: { id: number; call: ThreadCall }) => {
    thread
      .handle(call)
      .then((value) => post({ kind: "answer", id, value }))
      .catch((error: unknown) =>
        post({ kind: "answer", id, error: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => {
        if (call.kind === "close") parentPort!.close();
      });
  });
}

await main(workerData as ThreadData);
