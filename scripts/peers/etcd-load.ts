/**
 * Puts and linearizable ranges through etcd's JSON gateway, the same for any server that speaks it: 10,000 keys chosen evenly,
 * values of 128 bytes, the bodies with their base64 made before the clock starts.
 *
 * What the load says of itself is checked: a store's revision counts its puts, so it must have grown by what was answered and by no
 * more than what was under way besides, and an answer to a range must be long enough to hold the value.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "./processes.ts";
import type { Load, Measured } from "./wrk.ts";
import { doneLua, runWrk } from "./wrk.ts";

export type EtcdOperation = "put" | "range";

export const keyCount = 10_000;
const valueBytes = 128;
const seedConcurrency = 32;
/** Puts of the measurement before that were under way when it ended and may only now be applied. */
const stragglers = 1_024;

const keyOf = (index: number): string => `key-${String(index).padStart(8, "0")}`;
const valueOf = (index: number): string => `${keyOf(index)} `.repeat(valueBytes).slice(0, valueBytes);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

export function bodyOf(operation: EtcdOperation, index: number): string {
  const key = base64(keyOf(index));
  return JSON.stringify(operation === "put" ? { key, value: base64(valueOf(index)) } : { key });
}

/** Requests are formatted once, from a file with one body a line. */
const script = (operation: EtcdOperation): string => `wrk.method = "POST"
wrk.path = "/v3/kv/${operation}"
wrk.headers["Content-Type"] = "application/json"
local requests = {}
function init(args)
  math.randomseed(tonumber(args[1]))
  for body in io.lines(args[2]) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, body)
  end
end
function request()
  return requests[math.random(#requests)]
end
${doneLua}`;

/**
 * Drives the server at `url`, the base of its gateway.
 * @throws Error when the store did not do what was answered
 */
export async function measureEtcd(bench: Bench, url: string, operation: EtcdOperation, load: Load): Promise<Measured> {
  const bodies = join(bench.folder, `etcd-${operation}.bodies`);
  writeFileSync(bodies, Array.from({ length: keyCount }, (_, index) => `${bodyOf(operation, index)}\n`).join(""));
  const before = await revisionOf(url);
  const parameters = [String(load.seed), bodies];
  const measured = await runWrk(
    bench,
    `${url}/`,
    { name: `etcd-${operation}`, lua: script(operation), parameters },
    load,
  );
  refuseInvented(url, operation, measured, load, (await revisionOf(url)) - before);
  return measured;
}

/** @throws Error when the revision grew by less than was answered, or by more than can have been under way */
export function refuseInvented(
  url: string,
  operation: EtcdOperation,
  measured: Measured,
  load: Load,
  grown: number,
): void {
  const { ok, failed, answerBytes } = measured;
  const most = (operation === "put" ? ok + failed + load.connections : 0) + stragglers;
  const least = operation === "put" ? ok : 0;
  if (grown < least || grown > most) {
    throw new Error(
      `${url}: ${ok} ${operation}s were answered 200 and ${failed} otherwise, and the revision grew by ${grown}; ` +
        `expected ${least} to ${most}: answers and store disagree`,
    );
  }
  const shortest = base64(valueOf(0)).length;
  if (operation === "range" && ok > 0 && answerBytes < shortest) {
    throw new Error(`${url}: a range is answered with ${answerBytes.toFixed(0)} bytes; expected more than ${shortest}`);
  }
}

/** Puts every key once and reads some back. */
export async function prepareEtcd(bench: Bench, url: string): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < keyCount) {
      bench.interrupted.throwIfAborted();
      await ask(url, "put", bodyOf("put", next++));
    }
  };
  await Promise.all(Array.from({ length: seedConcurrency }, writer));
  await verifyEtcd(url);
}

/** Keys come back with the values they were put with; a key that was never put does not. */
export async function verifyEtcd(url: string): Promise<void> {
  for (const index of [0, 1, 4_321, keyCount - 1, keyCount]) {
    const { kvs = [] } = await ask(url, "range", bodyOf("range", index));
    const got = kvs.map(({ key, value }) => [key, value]);
    const expected = index < keyCount ? [[base64(keyOf(index)), base64(valueOf(index))]] : [];
    if (JSON.stringify(got) !== JSON.stringify(expected)) {
      throw new Error(
        `${url} answers the range of ${keyOf(index)} with ${JSON.stringify(got)}; expected ${JSON.stringify(expected)}`,
      );
    }
  }
}

interface EtcdAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly { readonly key: string; readonly value: string }[];
}

export async function revisionOf(url: string): Promise<number> {
  return Number((await ask(url, "range", bodyOf("range", 0))).header.revision);
}

async function ask(url: string, operation: EtcdOperation, body: string): Promise<EtcdAnswer> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v3/kv/${operation}`, { method: "POST", headers, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${operation} at ${url} was answered ${response.status}: ${text}`);
  return JSON.parse(text) as EtcdAnswer;
}
