/**
 * Puts and ranges through etcd's own gRPC door, driven by h2load (Debian's nghttp2-client), the cheapest client that speaks it: one
 * stream a connection and one body, so every put is of the same key. It is the best etcd can do here, and what our JSON door is held
 * against as well.
 *
 * h2load counts HTTP statuses, and gRPC says what went wrong behind a 200; so the revision is compared with what was counted.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Target } from "./processes.ts";
import { runAgainst } from "./processes.ts";
import { bodyOf, lookAt, refuseInvented, valueBytes } from "./etcd-load.ts";
import type { EtcdOperation } from "./etcd-load.ts";
import type { Load, Measured } from "./wrk.ts";

const methods: Record<EtcdOperation, string> = { put: "Put", range: "Range" };

/** A gRPC message: one byte "not compressed", four of length, and the fields in protobuf: key is 1, value 2, both bytes. */
function messageOf(operation: EtcdOperation): Buffer {
  const { key, value } = JSON.parse(bodyOf(operation, 0)) as { key: string; value?: string };
  const fields = [field(1, key), ...(value === undefined ? [] : [field(2, value)])];
  const body = Buffer.concat(fields);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** Tag (number, wire type 2), length as a varint of one or two bytes, bytes. */
function field(number: number, base64: string): Buffer {
  const bytes = Buffer.from(base64, "base64");
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

/** @throws Error when the store did not do what was counted */
export async function measureEtcdGrpc(
  bench: Bench,
  target: Target,
  operation: EtcdOperation,
  load: Load,
): Promise<Measured> {
  const data = join(bench.folder, `grpc-${operation}.bin`);
  const log = join(bench.folder, `grpc-${operation}.log`);
  writeFileSync(data, messageOf(operation));
  const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
  const loop = ["-t1", `-c${load.connections}`, "-m1", `-D${load.seconds}`];
  const before = await lookAt(target);
  writeFileSync(log, "");
  const method = `${target.url}/etcdserverpb.KV/${methods[operation]}`;
  const command = ["h2load", ...loop, "-d", data, ...headers, `--log-file=${log}`, method] as const;
  const { stdout, cpuSeconds } = await runAgainst(bench, target, command);
  const measured = parseH2load(stdout, readFileSync(log, "utf8"), load.seconds, cpuSeconds);
  refuseInvented(operation, measured, load, { ...before, rangeBytes: valueBytes }, await lookAt(target));
  return measured;
}

/**
 * `log` has a line for each answer: start in Unix microseconds, HTTP status, microseconds it took.
 * @throws Error when the summary or the log is missing
 */
export function parseH2load(stdout: string, log: string, seconds: number, cpuSeconds = NaN): Measured {
  const counts = /^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed/m.exec(stdout);
  const traffic = /^traffic: .*\((\d+)\) total/m.exec(stdout);
  const answers = log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t").map(Number));
  if (counts === null || answers.length === 0) throw new Error(`h2load printed no figures; it printed:\n${stdout}`);
  const [done, ok, failed] = counts.slice(1).map(Number);
  const times = Float64Array.from(answers, ([, , us]) => us).sort();
  const at = (q: number): number => times[Math.min(times.length - 1, Math.floor(q * times.length))] / 1_000;
  return {
    perSecond: ok / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    ok,
    failed,
    answerBytes: Number(traffic?.[1] ?? NaN) / done,
    cpuUs: (cpuSeconds / ok) * 1e6,
  };
}
