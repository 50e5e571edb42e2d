import assert from "node:assert/strict";
import { test } from "node:test";
import { below, parseStat, processorSeconds } from "./processor-time.ts";

test("a process's own time and that of its children that ended, whatever it is called", () => {
  const text =
    "4242 (a (b) c) S 17 4242 4242 0 -1 4194560 1 2 3 4 100 20 3 4 20 0 11 0 9000 1000 200 18446744073709551615\n";
  assert.deepEqual(parseStat(text), { pid: 4_242, parent: 17, ticks: 127 });
});

test("roots with all below them, once each", () => {
  const stat = (pid: number, parent: number) => ({ pid, parent, ticks: 1 });
  const stats = [stat(5, 4), stat(2, 1), stat(4, 2), stat(3, 1), stat(1, 0)];
  assert.deepEqual(
    below([2], stats)
      .map(({ pid }) => pid)
      .sort((a, b) => a - b),
    [2, 4, 5],
  );
  assert.deepEqual(below([7], stats), []);
});

test("this process has used some", { skip: process.platform !== "linux" }, () => {
  const own = process.cpuUsage();
  const seconds = processorSeconds([process.pid]);
  assert.ok(
    seconds >= (own.user + own.system) / 1e6 - 0.05,
    `${seconds} s, of which ${own.user + own.system} us its own`,
  );
});
