import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { findProgram, inCi } from "./system-packages.ts";

const script = new URL("system-packages.ts", import.meta.url).pathname;

/** Runs the script with a PATH that has only what is given: no apt-get, no dpkg. */
function run(context: TestContext, names: readonly string[], ci: string, programs: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), "wavetank-path-"));
  context.after(() => rmSync(folder, { recursive: true }));
  for (const program of programs) {
    writeFileSync(join(folder, program), "#!/bin/sh\n");
    chmodSync(join(folder, program), 0o755);
  }
  return spawnSync(process.execPath, [script, ...names], { encoding: "utf8", env: { PATH: folder, CI: ci } });
}

test("what is on the path is not missing", (context) => {
  const { status, stderr } = run(context, ["wrk"], "true", ["wrk"]);
  assert.deepEqual([status, stderr], [0, ""]);
});

test("a missing package is named with its remedy, and is an error in CI only", (context) => {
  const desk = run(context, ["wrk"], "");
  assert.equal(desk.status, 0);
  assert.match(
    desk.stderr,
    /missing system packages: wrk \(no apt-get on this system\); fix: sudo apt-get .*install.* wrk/,
  );
  const ci = run(context, ["wrk"], "true");
  assert.notEqual(ci.status, 0);
  assert.match(ci.stderr, /missing system packages: wrk/);
});

test("CI=false is not CI", (context) => {
  const before = process.env["CI"];
  context.after(() => {
    if (before === undefined) delete process.env["CI"];
    else process.env["CI"] = before;
  });
  const table: [string, boolean][] = [
    ["true", true],
    ["1", true],
    ["false", false],
    ["0", false],
    ["", false],
  ];
  for (const [value, expected] of table) {
    process.env["CI"] = value;
    assert.equal(inCi(), expected, value);
  }
});

test("the first name found wins", () => {
  assert.equal(findProgram(["no-such-program"]), undefined);
  assert.match(findProgram(["no-such-program", "sh"])!, /\/sh$/);
});
