import assert from "node:assert/strict";
import { test } from "node:test";
import { HistoryRecorder, isUnknown } from "./history.ts";

test("a recorder keeps what completed and what may have happened, and forgets what was refused", () => {
  const recorder = new HistoryRecorder<string, string>();
  const lost = recorder.onInvoked(1, 0, "write 1");
  const refused = recorder.onInvoked(2, 5, "write 2");
  const read = recorder.onInvoked(3, 7, "read");
  recorder.onRefused(refused);
  recorder.onCompleted(read, 9, "1");
  const history = recorder.history();
  assert.deepEqual(history, [
    { client: 1, invokedAt: 0, completedAt: Infinity, input: "write 1" },
    { client: 3, invokedAt: 7, completedAt: 9, input: "read", output: "1" },
  ]);
  assert.deepEqual(history.map(isUnknown), [true, false]);
  recorder.onCompleted(lost, 20, "ok");
  assert.equal(recorder.history()[0].completedAt, 20);
});
