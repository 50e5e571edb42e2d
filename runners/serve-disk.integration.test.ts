/** `wavetank serve` on a disk that is full at the start, becomes full, or may not be written: four lines that say so, exit code 2. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { wavetank, type Child } from "./agents/nats-server.fixture.ts";

/** A disk of its own, gone after the test; null where this user may not mount one. */
function disk(t: TestContext, megabytes: number, inodes = 100): string | null {
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-disk-"));
  t.after(() => {
    spawnSync("umount", [folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const options = `size=${megabytes}m,nr_inodes=${inodes}`;
  return spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]).status === 0 ? folder : null;
}

function serve(t: TestContext, data: string): Child {
  return wavetank(t, "serve", "--service", "etcd", "--port", "0", "--data", data);
}

async function assertRefused(server: Child, got: RegExp): Promise<void> {
  assert.equal(await server.ended(), 2, server.output);
  assert.match(server.output, /^wavetank: .*data.*\n {2}got: .*\n {2}expected: .*\n {2}fix: /m);
  assert.match(server.output, got);
  assert.doesNotMatch(server.output, /a bug in wavetank|^ {4}at /m);
}

test("no room for the first segments of the logs: the server says so and does not start", async (t) => {
  const folder = disk(t, 20);
  if (folder === null) return t.skip("mounting needs root");
  await assertRefused(serve(t, path.join(folder, "data")), /got: .*the disk is full \(ENOSPC: /);
});

test("a disk that becomes full: puts are acknowledged until then, and the server ends", async (t) => {
  const folder = disk(t, 60);
  if (folder === null) return t.skip("mounting needs root");
  const server = serve(t, path.join(folder, "data"));
  const [, url] = await server.says(/^ready {2}(http:\S+)$/m);
  const value = Buffer.alloc(64_000, 1).toString("base64");
  let acknowledged = 0;
  const client = async (name: number): Promise<void> => {
    for (let i = 0; server.process.exitCode === null; i++) {
      const body = JSON.stringify({ key: Buffer.from(`${name} ${i}`).toString("base64"), value });
      const response = await fetch(`${url}/v3/kv/put`, { method: "POST", body }).catch(() => undefined);
      if (response?.status === 200) acknowledged++;
    }
  };
  await Promise.all([1, 2, 3, 4].map(client));
  await assertRefused(server, /got: .*the disk is full \(.*ENOSPC/);
  assert.ok(acknowledged > 10, `${acknowledged} acknowledged`);
});

test("a folder that may not be written, or is a file, is refused at once", async (t) => {
  const folder = disk(t, 80);
  if (folder === null) return t.skip("mounting needs root");
  const file = path.join(folder, "file");
  writeFileSync(file, "");
  const data = path.join(folder, "data");
  mkdirSync(data);
  spawnSync("mount", ["-o", "remount,ro", folder]);
  await assertRefused(serve(t, data), /got: .*EROFS/);
  await assertRefused(serve(t, file), /got: .*EEXIST/);
});
