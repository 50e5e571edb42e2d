import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodes } from "./command-exit.ts";
import { runCommandLine } from "./command-line.ts";
import { recording } from "./command.fixture.ts";

function failing(code: string | undefined): ReturnType<typeof recording> {
  const error = Object.assign(new Error(`${code}: write`), code === undefined ? {} : { code });
  return recording({ writeReport: () => Promise.reject(error) });
}

for (const [code, reason] of [
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the quota is used up"],
  ["EROFS", "the file system is read-only"],
  ["EIO", "the disk failed"],
]) {
  test(`${code} while results are written is told in four lines, without a stack`, async () => {
    const parts = failing(code);
    assert.equal(await runCommandLine(["run"], parts), exitCodes.usage);
    const [said] = parts.noted.slice(-1);
    assert.match(said, /^wavetank: the results could not be written\n {2}got: {6}/);
    assert.ok(said.includes(`${reason} (${code})`), said);
    assert.doesNotMatch(said, /\n\s+at /);
  });
}

test("an error that is no disk's is a bug of ours, with its stack", async () => {
  const parts = failing(undefined);
  assert.equal(await runCommandLine(["run"], parts), exitCodes.internal);
  assert.match(parts.noted.at(-1)!, /a bug in wavetank/);
});
