/**
 * Puts and linearizable ranges through etcd's JSON gateway, the same for any server that speaks it: 10,000 keys chosen evenly,
 * values of 128 bytes, the bodies with their base64 made before the clock starts.
 *
 * What the load says of itself is checked: a store's revision counts its puts, so it must have grown by what was answered and by no
 * more than what was under way besides, and an answer to a range must be long enough to hold the value.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Target } from "./processes.ts";
import type { Load, Measured } from "./wrk.ts";
import { doneLua, runWrk } from "./wrk.ts";

export type EtcdOperation = "put" | "range";

export const keyCount = 10_000;
export const valueBytes = 128;
const seedConcurrency = 32;
/** Puts of the measurement before that were under way when it ended and may only now be applied. */
const stragglers = 1_024;
/** Of the length of an answer that was looked at: revisions and counts have more or fewer digits. */
const leastShare = 0.9;

const keyOf = (index: number): string => `key-${String(index).padStart(8, "0")}`;
const valueOf = (index: number): string => `${keyOf(index)} `.repeat(valueBytes).slice(0, valueBytes);
const base64 = (text: string): string => Buffer.from(text).toString("base64");

export function bodyOf(operation: EtcdOperation, index: number): string {
  const key = base64(keyOf(index));
  return JSON.stringify(operation === "put" ? { key, value: base64(valueOf(index)) } : { key });
}

/** Requests are formatted once, from a file with one body a line. */
const luaOf = (operation: EtcdOperation): string => `wrk.method = "POST"
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
 * Drives the server whose gateway is at the target's URL.
 * @throws Error when the store did not do what was answered
 */
export async function measureEtcd(
  bench: Bench,
  target: Target,
  operation: EtcdOperation,
  load: Load,
): Promise<Measured> {
  const bodies = join(bench.folder, `etcd-${operation}.bodies`);
  writeFileSync(bodies, Array.from({ length: keyCount }, (_, index) => `${bodyOf(operation, index)}\n`).join(""));
  const before = await lookAt(target);
  const parameters = [String(load.seed), bodies];
  const script = { name: `etcd-${operation}`, lua: luaOf(operation), parameters };
  const measured = await runWrk(bench, target, script, load);
  refuseInvented(operation, measured, load, before, await lookAt(target));
  return measured;
}

/** A store at a glance: how many changes it has seen, and how long an answer is that holds a value. */
export interface Glance {
  readonly url: string;
  readonly revision: number;
  readonly rangeBytes: number;
}

/** @throws Error when the first key is not there with its value */
export async function lookAt({ url }: Target): Promise<Glance> {
  const { answer, bytes } = await ask(url, "range", bodyOf("range", 0));
  refuseWrong(url, 0, answer);
  return { url, revision: Number(answer.header.revision), rangeBytes: bytes };
}

/** @throws Error when the revision grew by less than was answered or by more than can have been under way, or ranges came without values */
export function refuseInvented(
  operation: EtcdOperation,
  { ok, failed, answerBytes }: Measured,
  { connections }: Load,
  { url, revision, rangeBytes }: Glance,
  after: Glance,
): void {
  const grown = after.revision - revision;
  const [least, most] = operation === "put" ? [ok, ok + failed + connections] : [0, 0];
  if (grown < least || grown > most + stragglers) {
    throw new Error(
      `${url}: ${ok} ${operation}s were answered 200 and ${failed} otherwise, and the revision grew by ${grown}; ` +
        `expected ${least} to ${most + stragglers}: answers and store disagree`,
    );
  }
  if (operation === "range" && failed === 0 && answerBytes < leastShare * rangeBytes) {
    throw new Error(
      `${url}: a range under load is answered with ${answerBytes.toFixed(0)} bytes, one with its value has ${rangeBytes}`,
    );
  }
}

/** Puts every key once and reads some back. */
export async function prepareEtcd(bench: Bench, target: Target): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < keyCount) {
      bench.interrupted.throwIfAborted();
      await ask(target.url, "put", bodyOf("put", next++));
    }
  };
  await Promise.all(Array.from({ length: seedConcurrency }, writer));
  await verifyEtcd(target);
}

/** Keys come back with the values they were put with; a key that was never put does not. */
export async function verifyEtcd({ url }: Target): Promise<void> {
  for (const index of [0, 1, 4_321, keyCount - 1, keyCount]) {
    refuseWrong(url, index, (await ask(url, "range", bodyOf("range", index))).answer);
  }
}

function refuseWrong(url: string, index: number, { kvs = [] }: EtcdAnswer): void {
  const got = JSON.stringify(kvs.map(({ key, value }) => [key, value]));
  const expected = JSON.stringify(index < keyCount ? [[base64(keyOf(index)), base64(valueOf(index))]] : []);
  if (got === expected) return;
  throw new Error(`${url} answers the range of ${keyOf(index)} with ${got}; expected ${expected}`);
}

interface EtcdAnswer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly { readonly key: string; readonly value: string }[];
}

/** `bytes`: of the answer with its head. */
async function ask(
  url: string,
  operation: EtcdOperation,
  body: string,
): Promise<{ readonly answer: EtcdAnswer; readonly bytes: number }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v3/kv/${operation}`, { method: "POST", headers, body });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${operation} at ${url} was answered ${response.status}: ${text}`);
  const head = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return {
    answer: JSON.parse(text) as EtcdAnswer,
    bytes: "HTTP/1.1 200 OK\r\n\r\n".length + head.length + text.length,
  };
}
