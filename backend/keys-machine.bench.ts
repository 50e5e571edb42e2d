/**
 * What one replica pays to apply a put, in processor time, over the store that the threads run on: writes kept in memory and packed for
 * the log every 64 puts, nothing flushed. 10,007 keys, 128-byte values. And what a linearizable range costs once it may be answered.
 *
 *     node backend/keys-machine.bench.ts [thousand puts]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LayeredStore } from "./runtimes/threads/store.ts";
import { KeysMachine } from "./services/keys/keys-machine.ts";

const keys = 10_007;
const batch = 64;
const value = Buffer.alloc(128, "x").toString("base64");
const key = (i: number): string => `key-${(i * 7_919) % keys}`;

function cpuUs(count: number, one: (i: number) => void): number {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) one(i);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

const puts = Number(process.argv[2] ?? 300) * 1_000;
const directory = mkdtempSync(join(tmpdir(), "keys-bench-"));
const store = new LayeredStore(directory);
const machine = new KeysMachine(store);
let bytes = 0;
const put = (i: number): void => {
  machine.apply({ kind: "key-put", key: key(i), value }, 0);
  if (i % batch === 0) bytes += store.takeWrites().length;
};
cpuUs(puts / 3, put);
bytes = 0;
const putUs = cpuUs(puts, put);
const rangeUs = cpuUs(puts, (i) => machine.read({ kind: "key-range", key: key(i) }, 0));
process.stdout.write(
  `put   ${putUs.toFixed(2)} us, ${Math.round(bytes / puts)} bytes of log\nrange ${rangeUs.toFixed(2)} us\n`,
);
await store.close();
rmSync(directory, { recursive: true });
