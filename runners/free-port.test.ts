import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { assertFreePort } from "./free-port.ts";

test("a port that others share is still taken", async () => {
  const server = createServer().listen({ port: 0, host: "127.0.0.1", reusePort: true });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await assert.rejects(assertFreePort(port), { code: "EADDRINUSE" });
  server.close();
  await once(server, "close");
  await assertFreePort(port);
});
