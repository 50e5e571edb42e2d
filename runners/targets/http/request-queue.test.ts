import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RequestQueue } from "./request-queue.ts";

const request = { bytes: Buffer.from("GET / HTTP/1.1\r\n\r\n"), head: false };

/** Microseconds of this thread's processor. */
function cpuUs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return user + system;
}

test("it does what a list does", () => {
  const moves = fc.array(fc.oneof(fc.constant("push"), fc.constant("shift"), fc.nat({ max: 60 })), {
    maxLength: 300,
    size: "max",
  });
  fc.assert(
    fc.property(moves, (all) => {
      const queue = new RequestQueue();
      let list: number[] = [];
      let next = 0;
      for (const move of all) {
        if (move === "push") {
          // As the driver numbers attempts: the place of one that is over, in another generation.
          const token = next++ * 64 + (next % 64);
          queue.push(token, request);
          list.push(token);
        } else if (move === "shift") {
          if (list.length === 0) continue;
          assert.equal(queue.firstToken, list.shift());
          queue.shift();
        } else {
          const token = list[move] ?? -1 - move;
          if (token >= 0) assert.equal(queue.cancel(token), true);
          assert.equal(queue.cancel(Math.abs(token) * 64 * 1_000 + 63), false);
          list = list.filter((other) => other !== token);
        }
        assert.equal(queue.size, list.length);
        if (list.length > 0) assert.equal(queue.firstToken, list[0]);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("what is given up on leaves no place behind, though the first still waits", () => {
  const queue = new RequestQueue();
  queue.push(0, request);
  for (let token = 1; token <= 100_000; token++) {
    queue.push(token, request);
    if (token > 10) assert.equal(queue.cancel(token - 10), true);
    assert.ok(queue.length <= 2 * queue.size + 1_024, `${queue.length} places for ${queue.size} requests`);
  }
  assert.deepEqual([queue.size, queue.firstToken], [11, 0]);
  for (const expected of [0, 99_991, 99_992]) {
    assert.equal(queue.firstToken, expected);
    queue.shift();
  }
  // Nobody is ever sent: a service that takes no connection.
  for (let token = 200_000; token < 300_000; token++) {
    queue.push(token, request);
    queue.cancel(token);
  }
  assert.ok(queue.length <= 2 * queue.size + 1_024, `${queue.length} places for ${queue.size} requests`);
});

test("giving up on the last of 100,000 costs what giving up on the last of 1,000 does", () => {
  const perCancelUs = (count: number, rounds: number): number => {
    let spent = 0;
    for (let round = 0; round < rounds; round++) {
      const queue = new RequestQueue();
      for (let token = 0; token < count; token++) queue.push(token, request);
      spent += cpuUs(() => {
        for (let token = count - 1; token >= count - 500; token--) queue.cancel(token);
      });
    }
    return spent / rounds / 500;
  };
  perCancelUs(1_000, 20);
  const few = perCancelUs(1_000, 20);
  const many = perCancelUs(100_000, 4);
  // A search through 100,000 would take some 30 microseconds.
  assert.ok(many < 20 * few + 2, `${many} us each of 100,000, ${few} us of 1,000`);
});
