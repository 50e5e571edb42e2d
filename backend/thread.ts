/**
 * Entry of one worker thread of a backend: builds its nodes and doors out of the parts and answers the main thread's calls. Everything
 * a request needs after that happens between the threads; the main thread only injects faults and reads counters.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { Answer, Deployment, Request } from "./api.ts";
import type { CoreFactory, Env } from "./kernel/env.ts";
import type { Fault } from "./kernel/fault.ts";
import { mebibyte } from "./kernel/units.ts";
import type { Micros, NodeId } from "./kernel/units.ts";
import { ThreadHost } from "./runtimes/threads/thread-host.ts";

/** What the main thread starts a thread with. */
export interface ThreadData {
  readonly thread: number;
  readonly threads: number;
  readonly deployment: Deployment;
  readonly seed: number;
  readonly epoch: bigint;
  readonly directory: string;
  /** URL of a module that exports `createNode(deployment, env)`. */
  readonly createNode: string;
  readonly segmentBytes?: number;
  readonly clockErrorUs?: Micros;
  readonly peers: ReadonlyMap<number, MessagePort>;
}

export interface DoorSpec {
  readonly host?: string;
  readonly port: number;
}

/** A call of the main thread. Each is answered once. */
export type ThreadCall =
  | { readonly kind: "start" }
  | { readonly kind: "open-dynamodb"; readonly door: DoorSpec }
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

interface NodeModule {
  readonly createNode: (deployment: Deployment, env: Env<unknown, string, unknown>) => ReturnType<CoreFactory>;
}

/** What a door offers, whatever protocol it speaks. */
export interface Door {
  /** Where it listens, such as http://127.0.0.1:8000. */
  readonly url: string;
  close(): Promise<void>;
}

interface DynamoDoorModule {
  readonly createDynamoDoor: (options: {
    host: string;
    port: number;
    submit: (request: Request, done: (answer: Answer) => void) => void;
  }) => Promise<Door>;
}

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

  constructor(data: ThreadData, createNode: NodeModule["createNode"]) {
    const { deployment } = data;
    this.host = new ThreadHost({
      ...data,
      topology: deployment.topology,
      factory: (env) => createNode(deployment, env),
      node: {
        durability: deployment.durability,
        acknowledgeEarly: deployment.plant === "acknowledge-before-durable",
        segmentBytes: data.segmentBytes ?? 16 * mebibyte,
        clockErrorUs: data.clockErrorUs ?? 0,
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
      case "open-dynamodb":
        return this.openDynamo(call.door);
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

  private async openDynamo(spec: DoorSpec): Promise<string> {
    const url = new URL("./servers/dynamodb/door.ts", import.meta.url).href;
    const { createDynamoDoor } = (await import(url)) as DynamoDoorModule;
    const door = await createDynamoDoor({
      host: spec.host ?? "127.0.0.1",
      port: spec.port,
      submit: (request, done) => this.host.submit(request, done as (reply: unknown) => void),
    });
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

async function main(data: ThreadData): Promise<void> {
  const { createNode } = (await import(data.createNode)) as NodeModule;
  const thread = new Thread(data, createNode);
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
