/**
 * The doors of a backend's threads share one port (SO_REUSEPORT), so a second backend on that port would start without a word and
 * take half of the first one's requests. Listening alone for a moment shows whether anybody is there.
 */
import { once } from "node:events";
import { createServer } from "node:net";

/** Rejects with EADDRINUSE when another socket listens on the port, EACCES when this user may not. */
export async function assertFreePort(port: number, host = "127.0.0.1"): Promise<void> {
  if (port === 0) return;
  const server = createServer().listen({ port, host });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}
