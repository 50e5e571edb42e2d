import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Request } from "../../backend/api.ts";
import { second } from "../../backend/kernel/units.ts";
import { FakeBackend, worked } from "./fake-backend.ts";
import { askSimulated } from "./simulation-host.ts";

const request: Request = { kind: "work", operation: 0 };
const throttled: Answer = { kind: "refused", code: "throttled", message: "" };

test("setup and final reads are asked until they have an outcome", () => {
  const answers = [throttled, null, throttled, worked];
  const backend = new FakeBackend((_, nowUs) => {
    const answer = answers.shift()!;
    return answer === null ? null : { atUs: nowUs + 10, answer };
  });
  assert.equal(askSimulated(backend, request, 60 * second), worked);
  assert.equal(backend.received.length, 4);
});

test("what asking again cannot change is answered at once, and patience ends", () => {
  const invalid: Answer = { kind: "refused", code: "invalid", message: "" };
  const refusing = new FakeBackend((_, nowUs) => ({ atUs: nowUs + 10, answer: invalid }));
  assert.equal(askSimulated(refusing, request, 60 * second), invalid);
  assert.equal(refusing.received.length, 1);
  const throttling = new FakeBackend((_, nowUs) => ({ atUs: nowUs + 10, answer: throttled }));
  assert.equal(askSimulated(throttling, request, second), throttled);
  assert.ok(throttling.now <= second);
  const silent = new FakeBackend(() => null);
  assert.equal(askSimulated(silent, request, 20 * second).kind, "unknown");
});
