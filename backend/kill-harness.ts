/**
 * kill -9 under load, as a procedure: a child process runs a backend and writes to it; it is killed at a random number of
 * acknowledgements; a backend over the same directory must then hold every write that was acknowledged, in this round and all before it.
 *
 *     child   put 1 2 3 ...  ──"a 1" "a 3"──>  pipe  ──> parent: SIGKILL by id, read the pipe to its end, restart, get each
 *
 * A killed process loses its memory but not what it gave to the operating system, so this proves that nothing is promised from memory;
 * the simulation's disk proves the flush.
 */
import { spawn } from "node:child_process";
import type { Answer, Deployment, Request } from "./api.ts";
import { startThreads } from "./backend.ts";
import { DirectConnection } from "./connection.ts";
import type { Fault } from "./kernel/fault.ts";
import { Random } from "./kernel/random.ts";
import type { NodeId } from "./kernel/units.ts";

/** What a load module exports. The child imports it too, so it must depend on nothing but its arguments. */
export interface KillLoad {
  readonly deployment: Deployment;
  /** URL of the module that builds nodes; absent for the services. */
  readonly createNode?: string;
  /** In force under the load, not after the restart. */
  readonly faults?: readonly Fault[];
  /** Asked once after each start, before the load. */
  readonly prepare?: readonly Request[];
  /** The i-th write, or its first request; each i is written at most once. */
  readonly write: (i: number) => Request;
  /** What the i-th write asks after this answer; null when it is complete, and acknowledged if the answer is ok. */
  readonly next?: (i: number, answer: Answer) => Request | null;
  /** What the last answer promised beside "it is done", as one word: a revision, an id. `holds` is told it again. */
  readonly told?: (answer: Answer) => string;
  readonly read: (i: number) => Request;
  /** Asks a node for its own copy. Set when every node is to have one of everything once at rest, which the last round then checks. */
  readonly readCopy?: (i: number) => Request;
  /** Whether the answer to `read(i)` shows the i-th write. */
  readonly holds: (i: number, answer: Answer, told: string) => boolean;
  /** Looks at the whole after each restart; returns what it cannot account for, of writes that were acknowledged or not. */
  readonly audit?: (
    ask: (request: Request) => Promise<Answer>,
    acknowledged: Acknowledged,
  ) => Promise<readonly number[]>;
}

/** By write: what its answer told. */
export type Acknowledged = ReadonlyMap<number, string>;

export interface KillPlan {
  /** URL of the load module. */
  readonly load: string;
  /** Survives the kills; the caller removes it. */
  readonly directory: string;
  readonly kills: number;
  readonly seed: number;
  /** Writes the child keeps open; 64 by default. */
  readonly inFlight?: number;
  /** A kill comes after between half of this and this many acknowledgements; 4,000 by default. */
  readonly acknowledgements?: number;
  readonly segmentBytes?: number;
  /** Set to plant a bug in the deployment, which the harness must then catch. */
  readonly plant?: string;
}

export interface KillReport {
  readonly kills: number;
  readonly acknowledged: number;
  /** Acknowledged writes that were not there after a restart, and what an audit found. */
  readonly lost: readonly number[];
}

/** What the child is started with. */
export interface ChildData extends KillPlan {
  readonly from: number;
}

/** Runs the plan; stops at the first round that lost something. */
export async function killUnderLoad(plan: KillPlan): Promise<KillReport> {
  const load = await importLoad(plan.load);
  const random = Random.stream(plan.seed, "kill");
  const acknowledged = new Map<number, string>();
  const most = plan.acknowledgements ?? 4_000;
  let from = 0;
  for (let kill = 1; kill <= plan.kills; kill++) {
    const round = await killOnce({ ...plan, from }, random.between(most >> 1, most));
    for (const [i, told] of round) {
      acknowledged.set(i, told);
      from = Math.max(from, i);
    }
    from += 100_000;
    const lost = await verify(plan, load, acknowledged, kill === plan.kills);
    if (lost.length > 0) return { kills: kill, acknowledged: acknowledged.size, lost };
  }
  return { kills: plan.kills, acknowledged: acknowledged.size, lost: [] };
}

export async function importLoad(url: string): Promise<KillLoad> {
  return (await import(url)) as KillLoad;
}

/** Starts a child, kills it after `limit` acknowledgements, and returns everything it said was acknowledged, and what was told. */
function killOnce(data: ChildData, limit: number): Promise<[number, string][]> {
  const script = new URL("./kill-child.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, JSON.stringify(data)], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let errors = "";
  let lines = 0;
  let killed = false;
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => {
    const text = chunk.toString();
    said += text;
    lines += text.split("\n").length - 1;
    if (lines < limit || killed) return;
    killed = true;
    // To this child and by its handle: an id that was given to another process meanwhile is never signalled.
    child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      // The last line may be cut short by the kill.
      if (killed) resolve(said.slice(0, said.lastIndexOf("\n")).split("\n").map(acknowledgement));
      else reject(new Error(`the child ended before it was killed:\n${errors}`));
    });
  });
}

function acknowledgement(line: string): [number, string] {
  const [i, told] = line.split(" ");
  return [Number(i), told];
}

/** Reads without an outcome are asked again for so long; what has none then counts as lost. */
const verifyPatienceMs = 30_000;

/** Starts a backend over what the kill left and reads everything acknowledged; `copies`: each node's own copy, once at rest. */
async function verify(plan: KillPlan, load: KillLoad, acknowledged: Acknowledged, copies: boolean): Promise<number[]> {
  const { directory, seed, segmentBytes } = plan;
  const writes = byWhatShowsThem(load, acknowledged.keys());
  const shows = (i: number, answer: Answer): boolean => load.holds(i, answer, acknowledged.get(i)!);
  const backend = await startThreads(load.deployment, { seed, directory, segmentBytes, createNode: load.createNode });
  const connection = new DirectConnection(backend.connect());
  try {
    const lost = new Set<number>();
    if (!copies || load.readCopy === undefined) {
      for (const i of await unseen(connection, shows, writes, load.read)) lost.add(i);
    } else {
      // Before any read of several copies, which would repair what it finds.
      if (!(await backend.settle(verifyPatienceMs)))
        throw new Error(`the nodes still owe each other writes: ${JSON.stringify(await backend.counters())}`);
      for (let node = 0; node < load.deployment.topology.nodes.length; node++) {
        for (const i of await unseen(connection, shows, writes, load.readCopy, node)) lost.add(i);
      }
    }
    for (const i of (await load.audit?.((request) => backend.request(request), acknowledged)) ?? []) lost.add(i);
    return [...lost];
  } finally {
    connection.close();
    await backend.close();
  }
}

/** Writes that the same read shows, such as the lines of a cart, together: it is asked once. */
function byWhatShowsThem(load: KillLoad, acknowledged: Iterable<number>): number[][] {
  const groups = new Map<string, number[]>();
  for (const i of acknowledged) {
    const shown = JSON.stringify(load.read(i));
    const group = groups.get(shown);
    if (group === undefined) groups.set(shown, [i]);
    else group.push(i);
  }
  return [...groups.values()];
}

/** Reads each group, at `entry` or anywhere; returns the writes that its answer does not show. */
function unseen(
  connection: DirectConnection,
  shows: (i: number, answer: Answer) => boolean,
  groups: readonly (readonly number[])[],
  read: (i: number) => Request,
  entry?: NodeId,
): Promise<number[]> {
  const missing: number[] = [];
  const giveUpMs = performance.now() + verifyPatienceMs;
  return new Promise((resolve) => {
    let next = 0;
    let open = 0;
    const ask = (group: number): void => connection.submit(group, read(groups[group][0]), entry);
    const more = (): void => {
      for (; open < 256 && next < groups.length; open++) ask(next++);
      if (open === 0) resolve(missing);
    };
    connection.onAnswer = (group, answer) => {
      // Nodes that have just come up may not trust each other yet; what is not answered proves nothing.
      if (answer.kind !== "ok" && performance.now() < giveUpMs) {
        setTimeout(() => ask(group), 10);
        return;
      }
      open--;
      for (const i of groups[group]) if (!shows(i, answer)) missing.push(i);
      more();
    };
    more();
  });
}
