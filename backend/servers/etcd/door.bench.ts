/**
 * What the door alone can do: requests a second over a backend that answers at once from memory. wrk drives it, closed loop,
 * from its own process. The second figure, requests per second of the door's own processor time, is what one undisturbed core
 * would do: on a busy machine it holds still while the first falls.
 *
 *     node backend/servers/etcd/door.bench.ts [seconds] [connections]
 *
 * `--serve` only serves, for a profile: node --cpu-prof backend/servers/etcd/door.bench.ts --serve
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEtcdDoor } from "./door.ts";
import type { DoorBackend } from "./dispatch.ts";
import type { Answer, Request } from "../../api.ts";
import type { KeyValue } from "../../api-coordination.ts";

const value = Buffer.alloc(128, "x").toString("base64");
const entry: KeyValue = { key: "key-0001", value, createRevision: 100_000, modRevision: 200_000, version: 7, lease: 0 };
const header = { revision: 1_000_000 };

const answers: Partial<Record<Request["kind"], Answer>> = {
  "key-put": { kind: "ok", result: { kind: "key-put", ...header, before: null } },
  "key-range": { kind: "ok", result: { kind: "key-range", ...header, entries: [entry], more: false, count: 1 } },
  "key-txn": {
    kind: "ok",
    result: { kind: "key-txn", ...header, succeeded: true, results: [{ kind: "put", before: null }] },
  },
};
const unavailable: Answer = { kind: "refused", code: "unavailable", message: "not in this bench" };

const trivial: DoorBackend = {
  submit(request: Request, done: (answer: Answer) => void): void {
    done(answers[request.kind] ?? unavailable);
  },
};

const key = Buffer.from("key-0001").toString("base64");
const bodies: Record<string, object> = {
  put: { key, value },
  range: { key },
  txn: {
    compare: [{ target: "MOD", key, modRevision: "200000" }],
    success: [{ requestPut: { key, value } }],
    failure: [{ requestRange: { key } }],
  },
};

async function bench(seconds: number, connections: number): Promise<void> {
  const server = spawn(process.execPath, [import.meta.filename, "--serve"], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => ((await lines.next()) as { value: string }).value;
  const cpuUs = async (): Promise<number> => {
    server.stdin.write("?");
    return Number(await line());
  };
  const url = await line();
  const directory = mkdtempSync(join(tmpdir(), "door-bench-"));
  const path = join(directory, "request.lua");
  for (const [operation, body] of Object.entries(bodies)) {
    writeFileSync(path, `wrk.method = "POST"\nwrk.body = [[${JSON.stringify(body)}]]\n`);
    const wrk = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", path, `${url}/v3/kv/${operation}`];
    const before = await cpuUs();
    const report = execFileSync("wrk", wrk, { encoding: "utf8" });
    const usedUs = (await cpuUs()) - before;
    const figure = (pattern: RegExp): string => pattern.exec(report)?.[1] ?? "?";
    const failed = figure(/Non-2xx or 3xx responses: (\d+)/);
    const rate = Math.round(Number(figure(/Requests\/sec:\s+([\d.]+)/)));
    const tail = `p50 ${figure(/50%\s+(\S+)/)}  p99 ${figure(/99%\s+(\S+)/)}`;
    const perCpu = Math.round((Number(figure(/(\d+) requests in/)) / usedUs) * 1_000_000);
    process.stdout.write(
      `${operation.padEnd(10)} ${rate} requests/s  ${perCpu} per CPU second  ${tail}  failed ${failed === "?" ? 0 : failed}\n`,
    );
  }
  rmSync(directory, { recursive: true });
  server.stdin.end();
}

async function serve(): Promise<void> {
  const door = await createEtcdDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend: trivial });
  process.stdout.write(`${door.url}\n`);
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("data", () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(`${user + system}\n`);
  });
}

const [first, second] = process.argv.slice(2);
if (first === "--serve") await serve();
else if (spawnSync("wrk", ["--version"]).error !== undefined) {
  process.stderr.write("door.bench: wrk is not on the path; install it, for example with apt-get install wrk\n");
  process.exitCode = 2;
} else await bench(Number(first ?? 5), Number(second ?? 64));
