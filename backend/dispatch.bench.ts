/**
 * One city on this machine: drivers that report every 4 s and riders that are matched, open loop, straight into the nodes' threads. A match's
 * latency counts from when it was due, so what the generator or a pause held up is in it.
 *
 *     node backend/dispatch.bench.ts [--drivers 20000] [--matches 200] [--seconds 20] [--nodes 4] [--threads 2] [--durability log] [--http] [--legs]
 *
 * "match" counts from when it was due, "sent" from when it was sent. With --legs also "served": from its arrival at the thread of the node where it
 * enters until its answer leaves that thread, and where that time went. With --http, matches and reports pass the door as JSON, over one connection
 * for each of 64 clients. Everything shares the machine's cores with the generator.
 */
import { Agent, request as httpRequest } from "node:http";
import { parseArgs } from "node:util";
import type { Answer, Deployment, Request } from "./api.ts";
import type { Place } from "./api-dispatch.ts";
import { startThreads } from "./backend.ts";
import type { ThreadsBackend } from "./backend.ts";
import { DirectConnection } from "./connection.ts";
import { Random } from "./kernel/random.ts";
import { legsOf, nowUs, servedMs, tracesOf } from "./dispatch-trace.fixture.ts";
import { noDelays, oneRegion } from "./kernel/topology.ts";

const { values } = parseArgs({
  options: {
    drivers: { type: "string", default: "20000" },
    matches: { type: "string", default: "200" },
    seconds: { type: "string", default: "20" },
    nodes: { type: "string", default: "4" },
    threads: { type: "string", default: "2" },
    http: { type: "boolean", default: false },
    durability: { type: "string", default: "log" },
    legs: { type: "boolean", default: false },
  },
});
const drivers = Number(values.drivers);
const matchesPerSecond = Number(values.matches);
const seconds = Number(values.seconds);
const nodes = Number(values.nodes);
const warmUpMs = 6_000;
const reportEveryMs = 4_000;
const rideMs = 15_000;
const napMs = 0.1;
const metersPerDegree = 111_195;
const centre: Place = { latitude: 52.52, longitude: 13.405 };
const cityMeters = 30_000;

type Submit = (request: Request, done: (answer: Answer) => void) => void;

interface Driver extends Place {
  latitude: number;
  longitude: number;
  heading: number;
}

class City {
  /** By trip, when it was measured. */
  readonly sentUs = new Map<number, number>();
  readonly latenciesMs: number[] = [];
  readonly servedMs: number[] = [];
  readonly reportsMs: number[] = [];
  readonly distances: number[] = [];
  unmatched = 0;
  failed = 0;
  failures = new Map<string, number>();
  doubled = 0;
  private readonly submit: Submit;
  private readonly random = new Random(1);
  private readonly drivers: Driver[];
  private readonly busy = new Map<string, string>();
  private readonly begunAt = performance.now();
  private reported = 0;
  private matched = 0;
  private ends: { at: number; trip: string; driver: string }[] = [];

  constructor(submit: Submit) {
    this.submit = submit;
    this.drivers = Array.from({ length: drivers }, () => ({ ...this.somewhere(), heading: this.random.float() * 360 }));
  }

  get measuring(): boolean {
    return performance.now() - this.begunAt > warmUpMs;
  }

  /** Whatever is next, milliseconds of `performance.now()`. */
  get nextMs(): number {
    const report = ((this.reported + 1) * reportEveryMs) / drivers;
    const match = reportEveryMs + ((this.matched + 1) * 1_000) / matchesPerSecond;
    return this.begunAt + Math.min(report, match, this.ends[0]?.at ?? Infinity);
  }

  /** Sends what is due. */
  tick(): void {
    const now = performance.now() - this.begunAt;
    const reportsDue = Math.floor((now * drivers) / reportEveryMs);
    while (this.reported < reportsDue) this.report(this.reported++);
    const matchesDue = Math.floor(((now - reportEveryMs) * matchesPerSecond) / 1_000);
    while (this.matched < matchesDue) this.match(this.matched++);
    while (this.ends.length > 0 && this.ends[0].at <= now) this.end(this.ends.shift()!);
  }

  private report(number: number): void {
    const index = number % drivers;
    const driver = this.drivers[index];
    const dueMs = this.begunAt + ((number + 1) * reportEveryMs) / drivers;
    driver.heading += this.random.normal() * 30;
    const meters = 8 * (reportEveryMs / 1_000);
    move(
      driver,
      meters * Math.cos((driver.heading * Math.PI) / 180),
      meters * Math.sin((driver.heading * Math.PI) / 180),
    );
    const { latitude, longitude } = driver;
    const heading = ((driver.heading % 360) + 360) % 360;
    const request = {
      kind: "position-report",
      driver: `d${index}`,
      latitude,
      longitude,
      heading,
      state: "available",
    } as const;
    this.submit(request, (answer) => {
      if (answer.kind !== "ok") this.onFailure("report", answer);
      else if (this.measuring) this.reportsMs.push(performance.now() - dueMs);
    });
  }

  private match(number: number): void {
    const dueMs = this.begunAt + reportEveryMs + ((number + 1) * 1_000) / matchesPerSecond;
    const trip = `trip ${number}`;
    const sentMs = performance.now();
    if (this.measuring) this.sentUs.set(number, nowUs());
    this.submit({ kind: "match", rider: `r${number}`, trip, ...this.somewhere() }, (answer) => {
      if (answer.kind !== "ok" || answer.result.kind !== "match") return this.onFailure("match", answer);
      if (this.measuring) {
        const now = performance.now();
        this.latenciesMs.push(now - dueMs);
        this.servedMs.push(now - sentMs);
      }
      const { match } = answer.result;
      if (match === null) return void this.unmatched++;
      this.distances.push(match.distanceMeters);
      if (this.busy.has(match.driver)) this.doubled++;
      this.busy.set(match.driver, trip);
      this.ends.push({ at: performance.now() - this.begunAt + rideMs, trip, driver: match.driver });
    });
  }

  private end({ trip, driver }: { trip: string; driver: string }): void {
    this.busy.delete(driver);
    this.submit({ kind: "trip-end", trip }, (answer) => {
      if (answer.kind !== "ok") this.onFailure("end", answer);
    });
  }

  private onFailure(what: string, answer: Answer): void {
    this.failed++;
    const name = `${what}: ${answer.kind === "ok" ? "wrong kind" : answer.message}`;
    this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
  }

  private somewhere(): Place {
    const place = { ...centre };
    // Denser towards the middle.
    const north = (this.random.normal() * cityMeters) / 6;
    move(place, north, (this.random.normal() * cityMeters) / 6);
    return place;
  }
}

function move(place: { latitude: number; longitude: number }, north: number, east: number): void {
  place.latitude += north / metersPerDegree;
  place.longitude += east / (metersPerDegree * Math.cos((centre.latitude * Math.PI) / 180));
}

function direct(backend: ThreadsBackend): Submit {
  const connection = new DirectConnection(backend.connect());
  const open = new Map<number, (answer: Answer) => void>();
  let next = 0;
  connection.onAnswer = (id, answer) => {
    const done = open.get(id)!;
    open.delete(id);
    done(answer);
  };
  return (request, done) => {
    open.set(next, done);
    connection.submit(next++, request);
  };
}

/** Through the door: the answers' texts are read back into results. */
function overHttp(url: string): Submit {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return (request, done) => {
    const { path, body } = httpForm(request);
    const text = JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const call = httpRequest(`${url}${path}`, { method: "POST", agent, headers }, (response) => {
      let got = "";
      response.setEncoding("utf8").on("data", (piece: string) => (got += piece));
      response.on("end", () => {
        if (response.statusCode === 200)
          done({ kind: "ok", result: { ...JSON.parse(got), kind: resultKind(request) } });
        else done({ kind: "unknown", code: "server-error", message: `${response.statusCode}: ${got}` });
      });
    });
    call.on("error", (error) => done({ kind: "unknown", code: "connection-lost", message: error.message }));
    call.end(text);
  };
}

function httpForm(request: Request): { path: string; body: object } {
  const { kind, ...body } = request as unknown as { kind: string; driver: string; trip: string };
  if (kind === "position-report") return { path: `/v1/drivers/${body.driver}/position`, body: without(body, "driver") };
  if (kind === "match") return { path: "/v1/trips", body };
  return { path: `/v1/trips/${encodeURIComponent(body.trip)}/end`, body: {} };
}

function without(body: object, name: string): object {
  return Object.fromEntries(Object.entries(body).filter(([key]) => key !== name));
}

function resultKind({ kind }: Request): string {
  return kind === "position-report" ? "position" : kind === "match" ? "match" : "trip-ended";
}

function percentiles(name: string, ms: number[]): string {
  ms.sort((a, b) => a - b);
  const at = (share: number): string => (ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? NaN).toFixed(2);
  return `${name.padEnd(8)} ${String(ms.length).padStart(7)}  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  p99.9 ${at(0.999)} ms  max ${at(1)} ms`;
}

const deployment: Deployment = {
  topology: oneRegion(nodes, 3, noDelays),
  durability: values.durability as Deployment["durability"],
  service: { kind: "dispatch", keepers: nodes < 3 ? [0] : [0, 1, 2] },
};
const backend = await startThreads(deployment, {
  seed: 1,
  threads: Number(values.threads),
  createNode: values.legs ? new URL("./dispatch-trace.fixture.ts", import.meta.url).href : undefined,
  doors: values.http ? { dispatch: { port: 0 } } : undefined,
});
const city = new City(values.http ? overHttp(backend.urls.dispatch!) : direct(backend));
let stopped = false;
const nap = new Int32Array(new SharedArrayBuffer(4));

/** A timer of Node's is met to the millisecond: short naps between turns of the loop meet what is due, and leave the processor to others. */
function turn(): void {
  if (stopped) return;
  city.tick();
  const waitMs = city.nextMs - performance.now();
  if (waitMs > 0) Atomics.wait(nap, 0, 0, Math.min(waitMs, napMs));
  setImmediate(turn);
}

turn();
await new Promise((resolve) => setTimeout(resolve, warmUpMs));
const cpu = process.cpuUsage();
const from = performance.now();
await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
const used = process.cpuUsage(cpu);
const cores = (used.user + used.system) / 1_000 / (performance.now() - from);
stopped = true;
await new Promise((resolve) => setTimeout(resolve, 500));
const counters = await backend.counters();
console.log(
  `${drivers} drivers, ${drivers / 4} reports/s, ${matchesPerSecond} matches/s, ${nodes} nodes on ${values.threads} threads${values.http ? ", over HTTP" : ""}`,
);
console.log(percentiles("match", city.latenciesMs));
console.log(percentiles(" sent", city.servedMs));
console.log(percentiles("report", city.reportsMs));
if (values.legs) {
  const traces = tracesOf(counters.traceByNode as number[][], city.sentUs);
  console.log(percentiles("served", servedMs(traces)));
  for (const { name, ms } of legsOf(traces)) console.log(percentiles(`  ${name.padEnd(36)}`, ms));
  console.log(`searches that asked a neighbour: ${counters.asked as number} of ${counters.matched as number}`);
}
const meanMeters = city.distances.reduce((sum, meters) => sum + meters, 0) / city.distances.length;
console.log(
  `unmatched ${city.unmatched}, failed ${city.failed}, given twice ${city.doubled}, mean distance ${Math.round(meanMeters)} m, ` +
    `${cores.toFixed(2)} cores with the generator; drivers by node ${(counters.driversByNode as number[]).join(" ")}`,
);
for (const [name, count] of city.failures) console.log(`  ${count} ${name}`);
await backend.close();
