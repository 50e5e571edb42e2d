import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { usageErrorIn } from "../command-error.ts";
import { folderFor } from "../command.fixture.ts";
import { appendHistory, parseHistory, readHistory } from "./history-file.ts";
import { syntheticHistory } from "./synthetic-nights.fixture.ts";

const night = syntheticHistory(3, 1);

test("what is appended is read back, night after night", (t) => {
  const file = path.join(folderFor(t), "deep", "history.jsonl");
  assert.deepEqual(readHistory(file), { lines: [], skipped: { torn: 0, foreign: 0 } });
  appendHistory(file, night);
  appendHistory(file, night);
  assert.deepEqual(readHistory(file).lines, [...night, ...night]);
  assert.ok(readFileSync(file, "utf8").endsWith("}\n"));
});

test("a torn line is skipped and counted, and the next night begins on a line of its own", (t) => {
  const file = path.join(folderFor(t), "history.jsonl");
  appendHistory(file, night);
  appendFileSync(file, '{"schema":"wavetank.history/1","metric":"x/');
  appendHistory(file, night);
  assert.deepEqual(readHistory(file), { lines: [...night, ...night], skipped: { torn: 1, foreign: 0 } });
});

test("lines of another version, other JSON and lines that do not fit are skipped by kind", () => {
  const line = JSON.stringify(night[0]);
  const text = [
    line,
    line.replace("history/1", "history/2"),
    "{}",
    "17",
    "null",
    line.replace('"value":', '"walue":'),
    "",
    "\r",
    line,
  ].join("\n");
  assert.deepEqual(parseHistory(text), { lines: [night[0], night[0]], skipped: { torn: 3, foreign: 2 } });
});

test("a disk that fills up in the middle leaves the history as it was and says so", (t) => {
  const file = path.join(folderFor(t), "history.jsonl");
  appendHistory(file, night);
  const before = readFileSync(file, "utf8");
  let written = 0;
  const full = (descriptor: number, block: Uint8Array): number => {
    if (written > 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    written = writeSync(descriptor, block.subarray(0, 100));
    return written;
  };
  assert.throws(
    () => appendHistory(file, night, full),
    (error) => {
      const mistake = usageErrorIn(error)!;
      assert.match(mistake.what, /could not be added to the history, which is as it was/);
      assert.match(mistake.got, /ENOSPC/);
      assert.match(mistake.fix, /--no-run/);
      return true;
    },
  );
  assert.equal(written, 100);
  assert.equal(readFileSync(file, "utf8"), before);
});

test("a real full device is an error too", { skip: !existsSync("/dev/full") }, () => {
  assert.throws(() => appendHistory("/dev/full", night), /ENOSPC/);
});

test("writes that are cut short are carried on", (t) => {
  const file = path.join(folderFor(t), "history.jsonl");
  appendHistory(file, night, (descriptor, block) => writeSync(descriptor, block.subarray(0, 37)));
  assert.deepEqual(readHistory(file).lines, night);
});

test("a history that is a folder, or must exist and does not, is refused in four parts", (t) => {
  const folder = folderFor(t);
  mkdirSync(path.join(folder, "a"));
  writeFileSync(path.join(folder, "file"), "");
  for (const attempt of [
    () => readHistory(path.join(folder, "a")),
    () => readHistory(path.join(folder, "none"), true),
    () => appendHistory(path.join(folder, "file", "below"), night),
  ])
    assert.throws(attempt, (error) => usageErrorIn(error)?.got !== "");
});
