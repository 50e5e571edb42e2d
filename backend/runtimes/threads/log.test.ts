import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Log } from "./log.ts";

const segmentBytes = 4_096;

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-log-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function open(directory: string, floor = 0, sync = true): Promise<{ log: Log; texts: string[] }> {
  const { log, records } = await Log.open({ directory, sync, segmentBytes, floor });
  return { log, texts: records.map((record) => Buffer.from(record.payload).toString()) };
}

function write(log: Log, text: string): Promise<void> {
  return new Promise((resolve, reject) => log.write(Buffer.from(text), (error) => (error ? reject(error) : resolve())));
}

/** Writes records of about 300 bytes, rotating as a node does, with checkpoints that trail by one segment when `release`. */
async function fill(log: Log, from: number, to: number, release: boolean): Promise<string[]> {
  const texts: string[] = [];
  let floor = 0;
  for (let i = from; i <= to; i++) {
    texts.push(`${i} `.padEnd(300, "."));
    await write(log, texts.at(-1)!);
    if (!log.full) continue;
    log.rotate();
    if (release) log.release(floor);
    floor = log.last;
  }
  return texts;
}

const segments = (directory: string): string[] =>
  readdirSync(directory)
    .sort()
    .map((name) => join(directory, name));

test("what was written is there when the log is opened again", async (t) => {
  const directory = directoryFor(t);
  const first = await open(directory);
  assert.deepEqual(first.texts, []);
  const written = await fill(first.log, 1, 40, false);
  await first.log.close();
  const second = await open(directory);
  assert.deepEqual(second.texts, written);
  written.push(...(await fill(second.log, 41, 60, false)));
  await second.log.close();
  const third = await open(directory);
  assert.deepEqual(third.texts, written);
  assert.equal(third.log.last, 60);
  await third.log.close();
});

test("segments are used again once a checkpoint covers them, and old records stay dead", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory);
  await fill(log, 1, 400, true);
  await log.close();
  assert.ok(segments(directory).length <= 4, `${segments(directory).length} segments`);
  for (const floor of [385, 399, 400]) {
    const again = await open(directory, floor);
    assert.deepEqual(
      again.texts.map((text) => Number.parseInt(text, 10)),
      Array.from({ length: 400 - floor }, (_, i) => floor + 1 + i),
    );
    await again.log.close();
  }
});

test("whatever record the checkpoint ends with, exactly those after it are read; a damaged first one of them is noticed", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory);
  await fill(log, 1, 40, false);
  // The last of a log may rot unnoticed, so it shall not be alone in its segment.
  for (const i of [41, 42]) await write(log, `${i} `.padEnd(300, "."));
  await log.close();
  for (let floor = 0; floor <= 42; floor++) {
    const again = await open(directory, floor);
    assert.equal(again.texts.length, 42 - floor, `above ${floor}`);
    assert.equal(again.log.last, 42);
    await again.log.close();
  }
  // The first record of the last segment rots.
  const last = segments(directory).findLast((path) => readFileSync(path).includes("42 ..."))!;
  const bytes = readFileSync(last);
  const first = Number(/(\d+) \.\.\./.exec(bytes.toString("latin1"))![1]);
  bytes[40] ^= 1;
  writeFileSync(last, bytes);
  for (const floor of [0, first - 1])
    await assert.rejects(open(directory, floor), /the log is damaged/, `above ${floor}`);
});

test("a torn tail is cut and written over", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory);
  await fill(log, 1, 5, false);
  await log.close();
  const [path] = segments(directory);
  const bytes = readFileSync(path);
  bytes.fill(0, bytes.indexOf("5 ..") + 100);
  writeFileSync(path, bytes);
  const cut = await open(directory);
  assert.equal(cut.texts.length, 4);
  await write(cut.log, "five again");
  await cut.log.close();
  const again = await open(directory);
  assert.equal(again.texts.at(-1), "five again");
  await again.log.close();
});

test("a damaged record in the middle refuses the start and says where", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory);
  await fill(log, 1, 45, false);
  await log.close();
  // 27 and 40 open a segment; 40 opens the last one, so that no other segment shows the gap.
  for (const record of [2, 15, 27, 40, 43]) {
    const path = segments(directory).find((each) => readFileSync(each).includes(`${record} ..`))!;
    const whole = readFileSync(path);
    const bytes = Buffer.from(whole);
    bytes[bytes.indexOf(`${record} ..`) + 50] ^= 1;
    writeFileSync(path, bytes);
    await assert.rejects(open(directory), new RegExp(`the log is damaged: in .*log, record ${record} `));
    writeFileSync(path, whole);
  }
  const { log: repaired } = await open(directory);
  await repaired.close();
});

test("a segment that vanished refuses the start", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory);
  await fill(log, 1, 40, false);
  await log.close();
  rmSync(segments(directory)[1]);
  await assert.rejects(open(directory), /record \d+ is missing before record/);
});

test("a log that was never flushed ends at its first hole", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory, 0, false);
  await fill(log, 1, 10, false);
  await log.close();
  const [path] = segments(directory);
  const bytes = readFileSync(path);
  bytes[bytes.indexOf("4 ..") + 50] ^= 1;
  writeFileSync(path, bytes);
  const { log: cut, texts } = await open(directory, 0, false);
  assert.equal(texts.length, 3);
  await cut.close();
});

test("a store older than its log refuses the start", async (t) => {
  const directory = directoryFor(t);
  const { log } = await open(directory);
  await fill(log, 1, 20, false);
  log.release(13);
  await write(log, "after the checkpoint");
  await log.close();
  await assert.rejects(open(directory, 0), /its checkpoint covers record 0, the log says it covered 13/);
  const { log: again } = await open(directory, 13);
  await again.close();
});
