/**
 * What the door alone can do: requests a second over a backend that answers at once from memory. wrk drives it, closed loop,
 * from its own process. The second figure, requests per second of the door's own processor time, is what one undisturbed core
 * would do: on a busy machine it holds still while the first falls.
 *
 *     node backend/servers/dynamodb/door.bench.ts [seconds] [connections]
 *
 * `--serve` only serves, for a profile: node --cpu-prof backend/servers/dynamodb/door.bench.ts --serve
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDynamoDoor } from "./door.ts";
import type { DoorBackend } from "./dispatch.ts";
import type { Answer, Item, Request } from "../../api.ts";

const item: Item = { id: { S: "k0000001" }, value: { S: "x".repeat(100) } };

const got: Answer = { kind: "ok", result: { kind: "item", item, siblings: [item], context: "", units: 1 } };
const written: Answer = { kind: "ok", result: { kind: "written", before: null, after: null, context: "", units: 1 } };

const trivial: DoorBackend = {
  submit(request: Request, done: (answer: Answer) => void): void {
    done(request.kind === "get" ? got : written);
  },
};

const bodies: Record<string, object> = {
  GetItem: { TableName: "bench", Key: { id: { S: "k0000001" } }, ConsistentRead: true },
  PutItem: { TableName: "bench", Item: item },
  UpdateItem: {
    TableName: "bench",
    Key: { id: { S: "k0000001" } },
    UpdateExpression: "SET #c = if_not_exists(#c, :zero) + :one",
    ConditionExpression: "attribute_exists(id)",
    ExpressionAttributeNames: { "#c": "count" },
    ExpressionAttributeValues: { ":zero": { N: "0" }, ":one": { N: "1" } },
  },
};

function script(operation: string): string {
  const authorization = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f";
  return `wrk.method = "POST"
wrk.headers["content-type"] = "application/x-amz-json-1.0"
wrk.headers["x-amz-target"] = "DynamoDB_20120810.${operation}"
wrk.headers["x-amz-date"] = "20260101T000000Z"
wrk.headers["authorization"] = "${authorization}"
wrk.body = [[${JSON.stringify(bodies[operation])}]]
`;
}

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
  for (const operation of Object.keys(bodies)) {
    writeFileSync(path, script(operation));
    const wrk = ["-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", path, url];
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
  const door = await createDynamoDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend: trivial, nodes: 3 });
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
