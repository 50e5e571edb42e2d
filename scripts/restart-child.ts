/**
 * The process that `bench-restart.ts` kills: three replicas of etcd's store on a log. It opens the directory, reads one key by the log's
 * leader, says how long each step took, and then, if it is to write, writes until so many puts are acknowledged and says so.
 */
import { startThreads } from "../backend/backend.ts";
import type { Answer, Deployment, Request } from "../backend/api.ts";
import { DirectConnection } from "../backend/connection.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import type { BootTimes } from "../backend/runtimes/threads/node-loop.ts";

export interface RestartChild {
  readonly directory: string;
  /** Puts of the earlier lives: the key that is read is the last of them. */
  readonly from: number;
  /** Puts that this life adds. */
  readonly puts: number;
  readonly valueBytes: number;
  readonly batch?: number;
  readonly keepSlots?: number;
  readonly inFlight: number;
  /** `Date.now()` when the process was started. */
  readonly spawnedAtMs: number;
}

/** All times in milliseconds since the process was started. */
export interface RestartTimes {
  readonly loadedMs: number;
  readonly startedMs: number;
  readonly answeredMs: number;
  /** Processor time of the whole process until then: what a machine that does nothing else would need, on one processor. */
  readonly processorMs: number;
  readonly boots: readonly (readonly [node: number, BootTimes])[];
  /** Slots of the log that are applied. */
  readonly slots: number;
  readonly leader: number;
  /** Whether what was read is what was last acknowledged. */
  readonly right: boolean;
}

export type ChildWords = { readonly kind: "serving"; readonly times: RestartTimes } | { readonly kind: "written" };

const data = JSON.parse(process.argv[2]) as RestartChild;
const sinceSpawn = (): number => performance.timeOrigin + performance.now() - data.spawnedAtMs;
const keyOf = (i: number): string => `key ${String(i).padStart(9, "0")}`;
const valueOf = (i: number): string =>
  Buffer.from(String(i).padEnd(data.valueBytes, ".").slice(0, data.valueBytes)).toString("base64");

function say(words: ChildWords): void {
  process.stdout.write(`${JSON.stringify(words)}\n`);
}

const deployment: Deployment = {
  topology: oneRegion(3),
  service: { kind: "keys", log: { replicas: [0, 1, 2], batch: data.batch, keepSlots: data.keepSlots } },
  durability: "log",
};

async function serve(): Promise<void> {
  const loadedMs = sinceSpawn();
  const backend = await startThreads(deployment, { seed: 1, directory: data.directory });
  const startedMs = sinceSpawn();
  const connection = new DirectConnection(backend.connect());
  const answer = await firstAnswer(connection);
  const answeredMs = sinceSpawn();
  const { user, system } = process.cpuUsage();
  const { result } = answer as Extract<Answer, { kind: "ok" }>;
  const entry = result.kind === "key-range" ? result.entries[0] : undefined;
  const status = await backend.request({ kind: "log-status" });
  const { applied, leader } =
    status.kind === "ok" && status.result.kind === "log-status" ? status.result : { applied: 0, leader: -1 };
  const right = data.from === 0 ? entry === undefined : entry?.value === valueOf(data.from - 1);
  say({
    kind: "serving",
    times: {
      loadedMs,
      startedMs,
      answeredMs,
      processorMs: (user + system) / 1_000,
      boots: [...backend.boots],
      slots: applied,
      leader,
      right,
    },
  });
  if (data.puts === 0) return;
  await write(connection);
  say({ kind: "written" });
}

/** Asked again until somebody leads; a client would do the same. */
function firstAnswer(connection: DirectConnection): Promise<Answer> {
  const read: Request = { kind: "key-range", key: keyOf(Math.max(0, data.from - 1)) };
  return new Promise((resolve) => {
    connection.onAnswer = (_, answer) => {
      if (answer.kind === "ok") resolve(answer);
      else setTimeout(() => connection.submit(0, read), 1);
    };
    connection.submit(0, read);
  });
}

function write(connection: DirectConnection): Promise<void> {
  const end = data.from + data.puts;
  let next = data.from;
  let open = 0;
  return new Promise((resolve) => {
    const submit = (i: number): void => {
      open++;
      connection.submit(i, { kind: "key-put", key: keyOf(i), value: valueOf(i) });
    };
    connection.onAnswer = (i, answer) => {
      open--;
      // A put is idempotent: one with an unknown outcome is written again.
      if (answer.kind !== "ok") submit(i);
      else if (next < end) submit(next++);
      else if (open === 0) resolve();
    };
    for (let k = 0; k < data.inFlight && next < end; k++) submit(next++);
  });
}

await serve();
