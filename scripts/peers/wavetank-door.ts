/** Starts this project's side of a comparison as a child process, as its peers are. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Target } from "./processes.ts";
import { launch, ready } from "./processes.ts";

/** A new backend and the base URL of its door. Its three nodes, or the one of a cache, share `threads` threads. */
export async function startDoor(bench: Bench, door: "etcd" | "stripe" | "memcached", threads: number): Promise<Target> {
  const directory = join(bench.folder, "wavetank");
  mkdirSync(directory);
  const script = join(import.meta.dirname, "wavetank-child.ts");
  const flags = [script, door, directory, String(threads)];
  const server = launch(bench, { name: `wavetank-${door}`, command: [process.execPath, ...flags] });
  const url = await ready(bench, server, () => /^ready (\S+)$/m.exec(server.log())?.[1]);
  return { url: url.replace(/\/$/, ""), pids: [server.child.pid!] };
}
