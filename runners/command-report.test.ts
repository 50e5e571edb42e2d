import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommandLine } from "./command-line.ts";
import { folderFor, recording } from "./command.fixture.ts";

test("report writes SVG files only when asked to", async (t) => {
  const folder = folderFor(t);
  const charts: string[] = [];
  const parts = recording({
    writeCharts: (_results, directory) => {
      charts.push(directory);
      return Promise.resolve({ folder: `${directory}/charts`, files: 7 });
    },
  });
  assert.equal(await runCommandLine(["report", "results.json", "--out", folder], parts), 0);
  assert.deepEqual(charts, []);
  assert.equal(await runCommandLine(["report", "results.json", "--out", folder, "--svg"], parts), 0);
  assert.deepEqual(charts, [folder]);
  assert.match(parts.printed.join(""), /charts {2}7 SVG files in .*\/charts\n/);
});
