import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { TestContext } from "node:test";
import { FolderHeldError, FolderLock } from "./folder-lock.ts";

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "folder-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** What the newest lock says. */
function lockOf(directory: string): { readonly file: string; readonly text: string } {
  const [name] = readdirSync(join(directory, "lock")).sort((a, b) => Number(b) - Number(a));
  const file = join(directory, "lock", name);
  return { file, text: readFileSync(file, "utf8") };
}

test("a folder that is held is refused, to this process too, with what to do; given back it is free", (t) => {
  const directory = folder(t);
  const lock = FolderLock.take(join(directory, "not", "there", "yet"));
  const again = (): FolderLock => FolderLock.take(join(directory, "not", "there", "yet"));
  assert.throws(again, (error) => {
    assert(error instanceof FolderHeldError);
    assert.equal(error.holder, process.pid);
    assert.match(error.message, /^the data folder is in use; got: .*this process, \d+, .*; expected: .*; fix: stop /);
    return true;
  });
  lock.release();
  again().release();
  again();
  assert.throws(again, FolderHeldError);
});

test("numbers go up and nothing is left lying about", (t) => {
  const directory = folder(t);
  for (let i = 0; i < 12; i++) FolderLock.take(directory).release();
  assert.deepEqual(readdirSync(join(directory, "lock")), ["12"]);
});

for (const [of, change] of [
  ["no process has that id", (text: string) => text.replace(/^\d+/, "4194305")],
  ["another process has that id now", (text: string) => text.replace(/^(\S+ \S+) \d+/, "$1 1")],
  ["the machine was started anew", (text: string) => text.replace(/^(\d+) \S+/, "$1 another-boot")],
  ["the folder is a copy of the one that is held", (text: string) => text.replace(/\S+$/, "1:1")],
  ["a power cut left it torn", (text: string) => text.slice(0, text.length >> 1)],
  ["a power cut left zeros", () => "\0".repeat(30)],
] as const) {
  test(`a stale lock needs no cleaning up: ${of}`, (t) => {
    if (!existsSync("/proc/self/stat")) return t.skip("without /proc only a process that is gone is told");
    const directory = folder(t);
    FolderLock.take(directory);
    const { file, text } = lockOf(directory);
    writeFileSync(file, change(text));
    FolderLock.take(directory);
    assert.throws(() => FolderLock.take(directory), FolderHeldError);
  });
}

test("a copy of a folder that is held is free, the folder itself is not", (t) => {
  const directory = folder(t);
  const original = join(directory, "original");
  FolderLock.take(original);
  cpSync(original, join(directory, "copy"), { recursive: true });
  FolderLock.take(join(directory, "copy"));
  assert.throws(() => FolderLock.take(original), FolderHeldError);
});

test("a draft that a killed process left is swept out", (t) => {
  const directory = folder(t);
  FolderLock.take(directory).release();
  writeFileSync(join(directory, "lock", "draft-1-0"), "1");
  FolderLock.take(directory);
  assert.deepEqual(readdirSync(join(directory, "lock")), ["2"]);
});

test("a folder that is gone when it is given back is no error", (t) => {
  const directory = folder(t);
  const lock = FolderLock.take(directory);
  rmSync(directory, { recursive: true });
  lock.release();
});
