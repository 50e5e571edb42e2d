/** Debian's memcached as a child process: the peer of our door, and what its dialogues were recorded from. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { Bench } from "./processes.ts";
import { freePorts, launch, ready } from "./processes.ts";

export interface Memcached {
  readonly port: number;
  readonly child: ChildProcess;
}

let started = 0;

/** An empty one. `memoryMebibytes`: of items, 64 as it comes. */
export async function startMemcached(
  bench: Bench,
  { threads, memoryMebibytes = 64 }: { readonly threads: number; readonly memoryMebibytes?: number },
): Promise<Memcached> {
  const [port] = await freePorts(1);
  const flags = [
    "-l",
    "127.0.0.1",
    "-p",
    String(port),
    "-U",
    "0",
    "-t",
    String(threads),
    "-m",
    String(memoryMebibytes),
  ];
  // It refuses to be root without being told whom to become.
  if (process.getuid?.() === 0) flags.push("-u", "root");
  const server = launch(bench, { name: `memcached-${++started}`, command: ["memcached", ...flags] });
  await ready(bench, server, () => answers(port));
  return { port, child: server.child };
}

async function answers(port: number): Promise<true> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}
