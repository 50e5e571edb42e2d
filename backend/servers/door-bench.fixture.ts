/**
 * What a door alone can do: requests a second over a backend that answers at once from memory. wrk drives it, closed loop, from its own
 * process. The second figure, requests per second of the door's own processor time, is what one undisturbed core would do: on a busy machine it
 * holds still while the first falls.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface DoorLoad {
  readonly name: string;
  /** wrk's script in Lua. */
  readonly script: string;
  /** Argument that makes the bench serve, and over what: a key of `doors`. */
  readonly serve: string;
}

/**
 * The whole program of a bench: without an argument that is a key of `doors` it measures every load, each over a server of its own.
 *
 * @param file the bench's own, which is started again to serve
 */
export async function doorBench(
  file: string,
  doors: Readonly<Record<string, () => Promise<{ readonly url: string }>>>,
  loads: readonly DoorLoad[],
): Promise<void> {
  const [first, second] = process.argv.slice(2);
  if (first !== undefined && first in doors) {
    await serve(doors[first]);
  } else if (spawnSync("wrk", ["--version"]).error !== undefined) {
    process.stderr.write("door.bench: wrk is not on the path; install it, for example with apt-get install wrk\n");
    process.exitCode = 2;
  } else {
    for (const load of loads) await measure(file, load, Number(first ?? 5), Number(second ?? 64));
  }
}

/** Prints its URL, then its processor time so far, in microseconds, for each character it is sent; ends with its input. */
async function serve(open: () => Promise<{ readonly url: string }>): Promise<void> {
  const door = await open();
  process.stdout.write(`${door.url}\n`);
  process.stdin.on("end", () => process.exit(0));
  process.stdin.on("data", () => {
    const { user, system } = process.cpuUsage();
    process.stdout.write(`${user + system}\n`);
  });
}

async function measure(file: string, load: DoorLoad, seconds: number, connections: number): Promise<void> {
  const server = spawn(process.execPath, [file, load.serve], { stdio: ["pipe", "pipe", "inherit"] });
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
