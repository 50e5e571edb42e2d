import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { writeReport } from "../reports/report.ts";
import { sampleResults } from "../reports/sample.ts";
import { exitCodes } from "./command-exit.ts";
import { runCommandLine } from "./command-line.ts";
import { recording, type Recording } from "./command.fixture.ts";

/** A disk of so many kilobytes, gone after the test; null where this user may not mount one. */
function smallDisk(t: TestContext, kilobytes: number): string | null {
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-disk-"));
  t.after(() => {
    spawnSync("umount", [folder]);
    rmSync(folder, { recursive: true });
  });
  return spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", folder]).status === 0 ? folder : null;
}

/** A command that measures something and writes it with the real writer. */
function measuring(): Recording {
  const results = { ...sampleResults(), rerun: "npm run bench -- sample" };
  return recording({
    runSuite: () => Promise.resolve(results),
    merge: () => Promise.resolve(results),
    readResults: () => Promise.resolve(results),
    writeReport: async (given, directory) => {
      const { htmlPath, markdownPath, resultsPath } = await writeReport(given, directory);
      return [htmlPath, markdownPath, resultsPath];
    },
  });
}

const sizeKb = Math.ceil(JSON.stringify(sampleResults()).length / 1_024);

for (const words of [["run"], ["merge", "a.json", "b.json"]]) {
  test(`${words[0]}: a disk with no room for the results: four lines, 2, and nothing half written`, async (t) => {
    const disk = smallDisk(t, 16);
    if (disk === null) return t.skip("mounting needs root");
    const out = path.join(disk, "run");
    const parts = measuring();
    assert.equal(await runCommandLine([...words, "--out", out], parts), exitCodes.usage);
    assert.equal(
      parts.noted.at(-1),
      "wavetank: the results could not be written\n" +
        `  got:      ${out}: the disk is full (ENOSPC)\n` +
        "  expected: a folder with room for a few megabytes that this user may write to\n" +
        "  fix:      make room or choose another --out, then repeat: npm run bench -- sample\n",
    );
    assert.deepEqual(readdirSync(out), []);
    assert.equal(parts.printed.join(""), "");
  });
}

test("a disk with room for the results but not for the report keeps the results whole, and says how to go on", async (t) => {
  const disk = smallDisk(t, sizeKb + 16);
  if (disk === null) return t.skip("mounting needs root");
  const parts = measuring();
  assert.equal(await runCommandLine(["run", "--out", disk], parts), exitCodes.usage);
  const kept = path.join(disk, "results.json");
  assert.match(parts.noted.at(-1)!, /the report could not be written; the results are\n {2}got: .*ENOSPC/);
  assert.ok(parts.noted.at(-1)!.includes(`\`wavetank report ${kept}\` draws the report`));
  assert.deepEqual(
    readdirSync(disk).filter((file) => file.endsWith(".tmp") || file.endsWith(".html")),
    [],
  );
  assert.equal((JSON.parse(readFileSync(kept, "utf8")) as { schema: string }).schema, sampleResults().schema);
});

test("what stood in the folder before stays when the disk is full", async (t) => {
  const disk = smallDisk(t, 16);
  if (disk === null) return t.skip("mounting needs root");
  const old = path.join(disk, "results.json");
  writeFileSync(old, "an earlier run");
  const parts = measuring();
  assert.equal(await runCommandLine(["run", "--out", disk], parts), exitCodes.usage);
  assert.match(parts.noted.at(-1)!, /the results could not be written/);
  assert.equal(readFileSync(old, "utf8"), "an earlier run");
});
