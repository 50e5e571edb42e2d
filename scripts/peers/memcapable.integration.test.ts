/**
 * libmemcached's conformance test against our memcached door, as a whole backend on a thread of its own: all of its text tests and all of its binary
 * ones. Debian's program is called memccapable, upstream's memcapable.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ensureSystemPackages, findProgram } from "../system-packages.ts";
import { startThreads } from "../../backend/backend.ts";
import { oneRegion } from "../../backend/kernel/topology.ts";
import { mebibyte } from "../../backend/kernel/units.ts";

ensureSystemPackages(["libmemcached-tools"]);
const program = findProgram(["memccapable", "memcapable"]);
const skip = program === undefined ? "no memccapable on the path" : false;

test("memcapable finds nothing to complain about", { skip, timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-memcapable-"));
  const backend = await startThreads(
    { topology: oneRegion(1), service: { kind: "cache", memoryBytes: 64 * mebibyte }, durability: "none" },
    {
      seed: 1,
      directory,
      threads: 1,
      doors: { memcached: { port: 0 } },
      onBroken: (error) => assert.fail(error),
    },
  );
  try {
    const { port } = new URL(backend.urls.memcached!);
    for (const protocol of ["-a", "-b"]) {
      const flags = ["-h", "127.0.0.1", "-p", port, "-t", "5", "-v", protocol];
      const { stdout } = await promisify(execFile)(program!, flags);
      const passed = stdout.match(/\[pass\]/g)?.length ?? 0;
      assert.ok(passed >= 20, stdout);
      assert.doesNotMatch(stdout, /\[FAIL\]/i, stdout);
      assert.match(stdout, /All tests passed/);
    }
  } finally {
    await backend.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
