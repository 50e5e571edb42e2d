/**
 * One client, one request after the other, nothing failing: the simulation and the threads must then be indistinguishable. Each
 * gets the same requests at the same entry nodes and may finish its replication in between, so even reads of one replica agree.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Answer, AttributeValue, Condition, Deployment, Item, MergeRule, Request, UpdateAction } from "./api.ts";
import { startThreads } from "./backend.ts";
import { Random } from "./kernel/random.ts";
import { oneRegion } from "./kernel/topology.ts";
import { second } from "./kernel/units.ts";
import type { NodeId } from "./kernel/units.ts";
import { createSimulation } from "./simulated.ts";

const nodes = 4;
const keys = ["a", "b", "c", "\u00e4 \ud83c\udf0a", "e"];
const merges: readonly MergeRule[] = ["last-writer-wins", "union"];

function deploymentOf(): Deployment {
  const tables = merges.map((merge) => ({
    name: merge,
    hashKey: { name: "k", type: "S" } as const,
    merge,
    replication: { n: 3, r: 2, w: 2, sloppy: false },
    capacity: { kind: "unlimited" } as const,
    partitions: 4,
  }));
  return {
    topology: oneRegion(nodes),
    service: { kind: "tables", virtualNodes: 16, quorumTimeoutUs: 2 * second, tables },
    durability: "log",
  };
}

/** A backend that has come to rest after each answer. */
interface Side {
  ask(request: Request, entry: NodeId): Promise<Answer>;
}

function simulated(seed: number): Side {
  const backend = createSimulation(deploymentOf(), seed);
  return {
    ask(request, entry) {
      const answers: Answer[] = [];
      backend.request(entry, request, (given) => void answers.push(given));
      const limit = backend.now + 10 * second;
      while (answers.length === 0 && backend.now < limit) backend.run(backend.now + 1_000);
      backend.settle(10 * second);
      return answers.length === 1 ? Promise.resolve(answers[0]) : Promise.reject(new Error("no answer"));
    },
  };
}

async function threaded(t: TestContext, seed: number): Promise<Side> {
  const backend = await startThreads(deploymentOf(), { seed, threads: 2 });
  t.after(() => backend.close());
  return {
    async ask(request, entry) {
      const answer = await backend.request(request, entry);
      await backend.quiet();
      return answer;
    },
  };
}

/* ---- requests ---- */

interface Asked {
  readonly request: Request;
  readonly entry: NodeId;
  /** Write back with the context of the key's last read, which is each side's own. */
  readonly follows: boolean;
}

function scalar(random: Random): AttributeValue {
  return random.pick([{ N: String(random.between(-5, 5)) }, { S: `text ${random.below(4)}` }, { BOOL: true }]);
}

function itemFor(key: string, random: Random): Item {
  const item: Record<string, AttributeValue> = { k: { S: key } };
  if (random.chance(0.6)) item.n = { N: String(random.below(10)) };
  if (random.chance(0.6)) item.set = { SS: [`s${random.below(5)}`] };
  if (random.chance(0.6)) item.map = { M: { [`m${random.below(5)}`]: scalar(random), both: scalar(random) } };
  if (random.chance(0.3)) item.list = { L: [scalar(random)] };
  return item;
}

function conditionFor(random: Random): Condition {
  return random.pick<Condition>([
    { kind: "exists", path: ["k"] },
    { kind: "not-exists", path: ["k"] },
    { kind: "not-exists", path: ["map", "m1"] },
    { kind: "compare", operator: ">=", path: ["n"], value: { N: "5" } },
  ]);
}

function actionFor(random: Random): UpdateAction {
  return random.pick<UpdateAction>([
    { kind: "add", path: ["n"], value: { N: "1" } },
    { kind: "add", path: ["set"], value: { SS: [`u${random.below(5)}`] } },
    { kind: "delete", path: ["set"], value: { SS: [`s${random.below(5)}`] } },
    { kind: "remove", path: ["map", "both"] },
    { kind: "set", path: ["map", `m${random.below(5)}`], operand: { kind: "value", value: scalar(random) } },
    { kind: "set", path: ["v"], operand: { kind: "path", path: ["n"] } },
    { kind: "set", path: ["k"], operand: { kind: "value", value: { S: "a key never changes" } } },
  ]);
}

function dataRequest(table: string, key: string, random: Random): Request {
  const condition = random.chance(0.3) ? conditionFor(random) : undefined;
  const returnBefore = random.chance(0.3);
  const one = { k: { S: key } };
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return { kind: "put", table, item: itemFor(key, random), condition, returnBefore };
    case 3:
    case 4:
      return { kind: "update", table, key: one, actions: [actionFor(random)], condition };
    case 5:
      return { kind: "delete", table, key: one, condition, returnBefore };
    default:
      return { kind: "get", table, key: one, consistent: random.chance(0.5) };
  }
}

function tableRequest(random: Random): Request {
  const table = `made-${random.below(2)}`;
  const [spec] = (deploymentOf().service as Extract<Deployment["service"], { kind: "tables" }>).tables!;
  return random.pick<Request>([
    { kind: "create-table", table: { ...spec, name: table } },
    { kind: "describe-table", table },
    { kind: "list-tables", limit: 3 },
    { kind: "delete-table", table },
    { kind: "get", table: "absent", key: { k: { S: "a" } }, consistent: true },
    { kind: "get", table: "union", key: { other: { S: "a" } }, consistent: true },
  ]);
}

function nextRequest(random: Random): Asked {
  const entry = random.below(nodes);
  if (random.chance(0.1)) return { request: tableRequest(random), entry, follows: false };
  const request = dataRequest(random.pick(merges), random.pick(keys), random);
  return { request, entry, follows: request.kind === "put" && random.chance(0.4) };
}

/* ---- comparing ---- */

/** The client of one side: keeps the contexts it was given, which only that side understands. */
class Client {
  private readonly side: Side;
  private readonly contexts = new Map<string, string>();

  constructor(side: Side) {
    this.side = side;
  }

  async ask({ request, entry, follows }: Asked): Promise<unknown> {
    const read = request.kind === "get" ? `${request.table} ${JSON.stringify(request.key)}` : null;
    let asked = request;
    if (request.kind === "put" && follows) {
      const context = this.contexts.get(`${request.table} ${JSON.stringify({ k: request.item.k })}`);
      if (context !== undefined) asked = { ...request, context };
    }
    const answer = await this.side.ask(asked, entry);
    if (read !== null && answer.kind === "ok" && answer.result.kind === "item")
      this.contexts.set(read, answer.result.context);
    return comparable(answer);
  }
}

/** An answer without what names one backend: causality tokens and instants. */
function comparable(answer: Answer): unknown {
  if (answer.kind !== "ok") return answer;
  const { result } = answer;
  if (result.kind === "table") return { ...result, table: { ...result.table, createdAt: 0 } };
  return "context" in result ? { ...result, context: result.context === "" ? "none" : "some" } : result;
}

for (const seed of [1, 2, 3]) {
  test(`the simulation and the threads answer alike and end alike, seed ${seed}`, async (t) => {
    const random = Random.stream(seed, "differential");
    const simulation = new Client(simulated(seed));
    const threads = new Client(await threaded(t, seed));
    const outcomes = new Map<string, number>();
    const same = async (asked: Asked, what: string): Promise<void> => {
      const expected = await simulation.ask(asked);
      assert.deepEqual(await threads.ask(asked), expected, `seed ${seed}, ${what}: ${JSON.stringify(asked)}`);
      const { kind, code } = expected as { kind: string; code?: string };
      const outcome = `${asked.request.kind} ${code ?? kind}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    };
    for (let i = 1; i <= 300; i++) await same(nextRequest(random), `request ${i}`);
    // The requests must have been worth asking.
    for (const seen of [
      "put written",
      "update written",
      "delete written",
      "get item",
      "put condition-failed",
      "update invalid",
    ])
      assert.ok(outcomes.has(seen), `no request ended as "${seen}": ${JSON.stringify([...outcomes])}`);
    for (let entry = 0; entry < nodes; entry++) {
      for (const table of merges) {
        for (const key of keys) {
          for (const consistent of [true, false]) {
            const request: Request = { kind: "get", table, key: { k: { S: key } }, consistent };
            await same({ request, entry, follows: false }, `final read at node ${entry}`);
          }
        }
      }
    }
  });
}
