/**
 * etcd's store on threads and real disks while its leader is crashed, cut off, stopped and replaced. What the clients saw must fit one
 * order, and every replica must in the end tell of every acknowledged change, with its revision.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Answer, Deployment, Request } from "../backend/api.ts";
import type { KeyEvent } from "../backend/api-coordination.ts";
import { startThreads } from "../backend/backend.ts";
import type { ThreadsBackend } from "../backend/backend.ts";
import { Random } from "../backend/kernel/random.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { millisecond } from "../backend/kernel/units.ts";
import type { NodeId } from "../backend/kernel/units.ts";
import { HistoryRecorder } from "./check/history.ts";
import { checkLinearizability } from "./check/linearizability.ts";
import { keyValueModel } from "./check/models.ts";
import type { KeyValueInput, KeyValueOutput } from "./check/models.ts";

const nodes = 3;
const clients = 16;
const keys = 24;
const thinkMs = 4;
const calmChanges = 200;
const patienceUs = 600 * millisecond;

function deploymentOf(plant?: string): Deployment {
  const log = { replicas: [0, 1, 2], leaseUs: 300 * millisecond };
  return { topology: oneRegion(nodes), service: { kind: "keys", log }, durability: "log", plant };
}

const base64 = (value: string | number): string => Buffer.from(String(value)).toString("base64");
const textOf = (value: string): string => Buffer.from(value, "base64").toString();

function requestOf(input: KeyValueInput): Request {
  const { key } = input;
  switch (input.kind) {
    case "get":
      return { kind: "key-range", key, timeoutUs: patienceUs };
    case "put":
      return { kind: "key-put", key, value: base64(input.value), timeoutUs: patienceUs };
    case "delete":
      return { kind: "key-delete-range", key, timeoutUs: patienceUs };
    case "put-if":
      return {
        kind: "key-txn",
        compare: [{ key, target: "mod", operator: "=", operand: input.expected }],
        success: [{ kind: "put", key, value: base64(input.value) }],
        failure: [],
        timeoutUs: patienceUs,
      };
  }
}

function outputOf(answer: Extract<Answer, { kind: "ok" }>): KeyValueOutput {
  const { result } = answer;
  switch (result.kind) {
    case "key-range": {
      const [entry] = result.entries;
      if (entry === undefined) return { kind: "absent" };
      return { kind: "found", value: textOf(entry.value), number: entry.modRevision };
    }
    case "key-put":
      return { kind: "put", number: result.revision };
    case "key-deleted":
      return result.deleted > 0
        ? { kind: "deleted", existed: true, number: result.revision }
        : { kind: "deleted", existed: false };
    case "key-txn":
      return result.succeeded ? { kind: "put", number: result.revision } : { kind: "refused" };
    default:
      throw new Error(`no answer of a key: ${JSON.stringify(result)}`);
  }
}

/** Clients that ask one thing after another until they are stopped, and what they saw. */
class Load {
  readonly recorder = new HistoryRecorder<KeyValueInput, KeyValueOutput>();
  /** By revision: acknowledged changes, as "key = value". */
  readonly acknowledged = new Map<number, string>();
  unknown = 0;
  private stopped = false;
  private values = 0;
  private readonly seen = new Map<string, number>();
  private readonly running: Promise<void>[];
  private readonly backend: ThreadsBackend;
  private readonly random: Random;

  constructor(backend: ThreadsBackend, seed: number) {
    this.backend = backend;
    this.random = Random.stream(seed, "load");
    this.running = Array.from({ length: clients }, (_, client) => this.run(client));
  }

  /** Resolves when so many more changes are acknowledged that the service is plainly at work. */
  async goesOn(changes = calmChanges): Promise<void> {
    const enough = this.acknowledged.size + changes;
    while (this.acknowledged.size < enough) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private async run(client: number): Promise<void> {
    while (!this.stopped) {
      await this.once(client, this.draw());
      await new Promise((resolve) => setTimeout(resolve, this.random.below(2 * thinkMs)));
    }
  }

  private draw(): KeyValueInput {
    const { random } = this;
    const key = `k${random.below(keys)}`;
    const value = `v${++this.values}`;
    if (random.chance(0.4)) return { kind: "get", key };
    if (random.chance(0.1)) return { kind: "delete", key };
    if (random.chance(0.3)) return { kind: "put-if", key, expected: this.seen.get(key) ?? 0, value };
    return { kind: "put", key, value };
  }

  private async once(client: number, input: KeyValueInput): Promise<void> {
    const operation = this.recorder.onInvoked(client, this.backend.now(), input);
    const answer = await this.backend.request(requestOf(input));
    if (answer.kind === "refused") this.recorder.onRefused(operation);
    else if (answer.kind === "unknown") this.unknown++;
    else this.hear(operation, input, outputOf(answer));
  }

  private hear(operation: number, input: KeyValueInput, output: KeyValueOutput): void {
    this.recorder.onCompleted(operation, this.backend.now(), output);
    if (!("number" in output) || output.number === undefined) return;
    this.seen.set(input.key, output.number);
    if (output.kind === "put" && "value" in input)
      this.acknowledged.set(output.number, `${input.key} = ${input.value}`);
    if (output.kind === "deleted") this.acknowledged.set(output.number, `${input.key} deleted`);
  }
}

/** Who leads, as a live node sees it that knows. */
async function leaderOf(backend: ThreadsBackend, down: NodeId = -1): Promise<NodeId> {
  for (;;) {
    for (let node = 0; node < nodes; node++) {
      if (node === down) continue;
      const answer = await backend.request({ kind: "log-status" }, node);
      if (answer.kind === "ok" && answer.result.kind === "log-status") {
        const { leader } = answer.result;
        if (leader >= 0 && leader !== down) return leader;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves when a put by another leader than `old` is acknowledged: it takes a majority without it. */
async function servedWithout(backend: ThreadsBackend, old: NodeId): Promise<void> {
  const entry = (old + 1) % nodes;
  for (;;) {
    const answer = await backend.request({ kind: "key-put", key: "probe", value: "", timeoutUs: patienceUs }, entry);
    if (answer.kind === "ok" && (await leaderOf(backend, old)) !== old) return;
  }
}

const others = (node: NodeId): NodeId[] => [0, 1, 2].filter((other) => other !== node);

const troubles: readonly ((backend: ThreadsBackend, leader: NodeId, load: Load) => Promise<void>)[] = [
  async (backend, leader) => {
    await backend.inject({ kind: "crash", nodes: [leader] });
    await servedWithout(backend, leader);
    await backend.inject({ kind: "restart", nodes: [leader] });
  },
  async (backend, leader, load) => {
    await backend.inject({ kind: "partition", from: [leader], to: others(leader) });
    await servedWithout(backend, leader);
    // Who asks the old one meanwhile must not be told what was.
    await load.goesOn(30);
    await backend.inject({ kind: "heal" });
  },
  async (backend, leader) => {
    await backend.inject({ kind: "pause", nodes: [leader], forUs: 700 * millisecond });
    await servedWithout(backend, leader);
  },
  async (backend, leader) => {
    const [to] = others(leader);
    const answer = await backend.request({ kind: "log-hand-over", to, timeoutUs: 2_000 * millisecond });
    assert.equal(answer.kind, "ok", JSON.stringify(answer));
  },
];

async function eventsAt(backend: ThreadsBackend, node: NodeId): Promise<Map<number, string>> {
  const request: Request = { kind: "key-watch", key: "\0", end: "\0", fromRevision: 1, limit: 1_000_000, waitUs: 0 };
  const answer = await backend.request(request, node);
  assert.ok(answer.kind === "ok" && answer.result.kind === "key-events", JSON.stringify(answer));
  return new Map(answer.result.events.map((event) => [event.entry.modRevision, told(event)]));
}

function told({ kind, entry }: KeyEvent): string {
  return kind === "put" ? `${entry.key} = ${textOf(entry.value)}` : `${entry.key} deleted`;
}

/** Runs the load through every trouble, and says what was lost and how the history was judged. */
async function run(t: TestContext, seed: number, rounds: number, plant?: string) {
  const backend = await startThreads(deploymentOf(plant), { seed, threads: 2, segmentBytes: 262_144 });
  t.after(() => backend.close());
  await leaderOf(backend);
  const load = new Load(backend, seed);
  for (let round = 0; round < rounds; round++)
    for (const trouble of troubles) {
      await load.goesOn();
      await trouble(backend, await leaderOf(backend), load);
    }
  await load.goesOn();
  await load.stop();
  assert.ok(await backend.settle(10_000), "the replicas did not come to rest");
  return { backend, load };
}

test("the leader is crashed, cut off, stopped and replaced: linearizable, and no acknowledged change is lost at any replica", async (t) => {
  const { backend, load } = await run(t, 5, 1);
  const history = load.recorder.history();
  const verdict = checkLinearizability(keyValueModel("mod-revision"), history);
  assert.equal(verdict.kind, "linearizable", "text" in verdict ? verdict.text : "");
  assert.ok(load.acknowledged.size > 400, `${load.acknowledged.size} changes acknowledged`);
  for (let node = 0; node < nodes; node++) {
    const events = await eventsAt(backend, node);
    for (const [revision, change] of load.acknowledged)
      assert.equal(events.get(revision), change, `revision ${revision} at node ${node}`);
  }
  const { elections } = await backend.counters();
  t.diagnostic(
    `${history.length} operations, ${load.acknowledged.size} changes, ${load.unknown} outcomes unknown, elections ${String(elections)}`,
  );
});

test("the same troubles catch a leader that goes on reading when its lease is over", async (t) => {
  const { load } = await run(t, 5, 2, "lease-outlived");
  const verdict = checkLinearizability(keyValueModel("mod-revision"), load.recorder.history());
  assert.equal(verdict.kind, "violation", "the planted bug went unnoticed");
});
