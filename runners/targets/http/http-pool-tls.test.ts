/** The pool over TLS, against Node's own server with a certificate that nobody vouches for, made for the test. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { HttpFailure } from "./exchange.ts";
import { HttpPool } from "./http-pool.ts";
import { serialiseCall } from "./serialise-call.ts";

/** A key and a certificate of its own for localhost; undefined where there is no openssl. */
function selfSigned(): { key: Buffer; cert: Buffer } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "wavetank-tls-"));
  try {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const made = spawnSync("openssl", [
      ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost".split(" "),
      "-keyout",
      key,
      "-out",
      cert,
    ]);
    return made.status === 0 ? { key: readFileSync(key), cert: readFileSync(cert) } : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function outcome(origin: URL, insecure: boolean): Promise<string | HttpFailure> {
  const pool = new HttpPool(origin, { connections: 1, insecure });
  const { promise, resolve } = Promise.withResolvers<string | HttpFailure>();
  pool.onReply = (_, reply) => resolve(`${reply.status} ${reply.text()}`);
  pool.onFailure = (_, failure) => resolve(failure);
  pool.submit(0, serialiseCall(origin, { path: "/" }));
  return promise.finally(() => pool.close());
}

test("a certificate that nobody vouches for is refused in words, unless it is to be taken", async (t) => {
  const identity = selfSigned();
  if (identity === undefined) {
    t.skip("openssl is not on the path");
    return;
  }
  // More than one TLS record.
  const body = "x".repeat(100_000);
  const server = https.createServer(identity, (_, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    assert.equal(await outcome(origin, true), `200 ${body}`);
    const refused = await outcome(origin, false);
    assert.ok(typeof refused !== "string" && refused.kind === "refused");
    assert.match(refused.message, /self-signed certificate/);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }
});
