/**
 * What the door alone can do: requests a second over a backend that answers at once. wrk drives it, closed loop, from its own process. The
 * second figure, requests per second of the door's own processor time, is what one undisturbed core would do: on a busy machine it holds still
 * while the first falls. `charge over the machine` has the service behind it, on one map in memory: the difference is what a charge costs.
 *
 *     node backend/servers/stripe/door.bench.ts [seconds] [connections]
 *
 * `--serve` and `--serve-machine` only serve, for a profile: node --cpu-prof backend/servers/stripe/door.bench.ts --serve
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer, Request } from "../../api.ts";
import type { Charge } from "../../api-charges.ts";
import { MemoryCharges } from "../../services/charges/memory-charges.fixture.ts";
import { createStripeDoor } from "./door.ts";
import type { DoorBackend } from "./dispatch.ts";

const charge: Charge = {
  id: "ch_10000000010mxLeh",
  amount: 1_999,
  amountRefunded: 0,
  currency: "usd",
  customer: "cus_10000000030mxLeh",
  description: null,
  metadata: { order: "6735" },
  source: "tok_visa",
  status: "succeeded",
  failureCode: null,
  failureMessage: null,
  created: 1_767_225_600,
};

const made: Answer = { kind: "ok", result: { kind: "charge", charge, replayed: false } };
const trivial: DoorBackend = { submit: (_request, done) => done(made) };

function overMachine(): DoorBackend {
  const charges = new MemoryCharges();
  return { submit: (request: Request, done) => done(charges.handle(request)) };
}

interface Load {
  readonly name: string;
  readonly serve: "--serve" | "--serve-machine";
  /** wrk's script. */
  readonly script: string;
}

const post = `wrk.method = "POST"
wrk.path = "/v1/charges"
wrk.headers["authorization"] = "Bearer sk_test_bench"
wrk.headers["content-type"] = "application/x-www-form-urlencoded"
wrk.body = "amount=1999&currency=usd&source=tok_visa&metadata[order]=6735"
local n, run = 0, tostring(os.time())
function request()
  n = n + 1
  wrk.headers["idempotency-key"] = run .. "-" .. n
  return wrk.format()
end
`;
const get = `wrk.path = "/v1/charges/ch_10000000010mxLeh"\nwrk.headers["authorization"] = "Bearer sk_test_bench"\n`;

const loads: readonly Load[] = [
  { name: "charge", serve: "--serve", script: post },
  { name: "retrieve", serve: "--serve", script: get },
  { name: "charge over the machine", serve: "--serve-machine", script: post },
];

async function bench(load: Load, seconds: number, connections: number): Promise<void> {
  const server = spawn(process.execPath, [import.meta.filename, load.serve], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => ((await lines.next()) as { value: string }).value;
  const cpuUs = async (): Promise<number> => {
    server.stdin.write("?");
    return Number(await line());
  };
  const url = await line();
  const directory = mkdtempSync(join(tmpdir(), "door-bench-"));
  const path = join(directory, "request.lua");
  writeFileSync(path, load.script);
  const wrk = (length: number): string =>
    execFileSync("wrk", ["-t1", `-c${connections}`, `-d${length}s`, "--latency", "-s", path, url], {
      encoding: "utf8",
    });
  wrk(1);
  const before = await cpuUs();
  const report = wrk(seconds);
  const usedUs = (await cpuUs()) - before;
  const figure = (pattern: RegExp): string => pattern.exec(report)?.[1] ?? "?";
  const failed = figure(/Non-2xx or 3xx responses: (\d+)/);
  const rate = Math.round(Number(figure(/Requests\/sec:\s+([\d.]+)/)));
  const tail = `p50 ${figure(/50%\s+(\S+)/)}  p99 ${figure(/99%\s+(\S+)/)}`;
  const perCpu = Math.round((Number(figure(/(\d+) requests in/)) / usedUs) * 1_000_000);
  const rates = `${rate} requests/s  ${perCpu} per CPU second`;
  process.stdout.write(`${load.name.padEnd(24)} ${rates}  ${tail}  failed ${failed === "?" ? 0 : failed}\n`);
  rmSync(directory, { recursive: true });
  server.stdin.end();
}

async function serve(backend: DoorBackend): Promise<void> {
  const door = await createStripeDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend });
  process.stdout.write(`${door.url}\n`);
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("data", () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(`${user + system}\n`);
  });
}

const [first, second] = process.argv.slice(2);
if (first === "--serve") await serve(trivial);
else if (first === "--serve-machine") await serve(overMachine());
else if (spawnSync("wrk", ["--version"]).error !== undefined) {
  process.stderr.write("door.bench: wrk is not on the path; install it, for example with apt-get install wrk\n");
  process.exitCode = 2;
} else for (const load of loads) await bench(load, Number(first ?? 5), Number(second ?? 64));
