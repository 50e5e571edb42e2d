/**
 * Simulated events a second on one core, with the quorum store running: `node backend/simulation.bench.ts`. Every client is closed
 * loop: it puts or gets a random key, half and half, and asks again when it is answered. Each size runs in a process of its own, so
 * that peak memory is that of one. The rate is per second of the process's processor time, garbage collection included, which a busy
 * machine disturbs less than the clock on the wall.
 *
 *     5 nodes, 100 clients, 2 virtual seconds            1,000 nodes, 10,000 clients, 0.05 virtual seconds
 */
import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import type { Item, Request, TableSpec } from "./api.ts";
import { Random } from "./kernel/random.ts";
import { oneRegion } from "./kernel/topology.ts";
import { millisecond, second } from "./kernel/units.ts";
import { createSimulation } from "./simulated.ts";
import type { SimulatedBackend } from "./simulated.ts";

const keyCount = 10_000;
const sliceUs = 100 * millisecond;
const table: TableSpec = {
  name: "bench",
  hashKey: { name: "id", type: "S" },
  merge: "last-writer-wins",
  replication: { n: 3, r: 2, w: 2, sloppy: false },
  capacity: { kind: "unlimited" },
  partitions: 1_024,
};

function simulated(nodes: number): SimulatedBackend {
  const links = {
    sameZone: { kind: "constant", us: 100 },
    betweenZones: { kind: "exponential", minUs: 300, meanUs: 100 },
    betweenRegions: { kind: "none" },
    client: { kind: "constant", us: 100 },
  } as const;
  return createSimulation(
    {
      topology: oneRegion(nodes, 3, links),
      service: { kind: "tables", virtualNodes: 150, quorumTimeoutUs: 2 * second, tables: [table] },
      durability: "log",
    },
    1,
    { flush: { kind: "constant", us: 200 } },
  );
}

/** The clients stand in one chain of callbacks each, so nothing is allocated for them but requests. */
function startClients(backend: SimulatedBackend, clients: number): () => number {
  const random = Random.stream(1, "clients");
  let answered = 0;
  const next = (): Request => {
    const key: Item = { id: { S: `k${random.below(keyCount)}` } };
    if (random.chance(0.5)) return { kind: "get", table: table.name, key, consistent: true };
    return { kind: "put", table: table.name, item: { ...key, value: { S: "x".repeat(90) } } };
  };
  const ask = (): void =>
    backend.request(-1, next(), (answer) => {
      if (answer.kind === "ok") answered++;
      ask();
    });
  for (let client = 0; client < clients; client++) ask();
  return () => answered;
}

function run(nodes: number, clients: number, virtualUs: number): void {
  const built = performance.now();
  const backend = simulated(nodes);
  const started = performance.now();
  const answered = startClients(backend, clients);
  // The first tenth warms the compiler up and is not counted.
  const warmUs = virtualUs / 10;
  backend.run(warmUs);
  const before = { at: performance.now(), cpu: process.cpuUsage(), events: backend.events };
  for (let until = warmUs; until < virtualUs;) backend.run((until = Math.min(virtualUs, until + sliceUs)));
  const seconds = (performance.now() - before.at) / 1_000;
  const used = process.cpuUsage(before.cpu);
  const events = backend.events - before.events;
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1_024);
  console.log(
    `${nodes.toLocaleString("en").padStart(5)} nodes x ${clients.toLocaleString("en").padStart(6)} clients: ` +
      `${Math.round((events / (used.user + used.system)) * 1e6).toLocaleString("en")} events per CPU second  (${events.toLocaleString("en")} events in ${seconds.toFixed(1)} s, ` +
      `${answered().toLocaleString("en")} operations ok, built in ${((started - built) / 1_000).toFixed(1)} s, peak memory ${megabytes} MB)`,
  );
}

const sizes = [
  [5, 100, 2 * second],
  [1_000, 10_000, 0.05 * second],
];
const [nodes, clients, virtualUs] = process.argv.slice(2).map(Number);
if (virtualUs !== undefined) run(nodes, clients, virtualUs);
else
  for (const size of sizes)
    spawnSync(process.execPath, [import.meta.filename, ...size.map(String)], { stdio: "inherit" });
