/** Whoever can be told how long its client will wait is told, and what is told never grows. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Request } from "../../backend/api.ts";
import { withTimeout } from "./with-timeout.ts";

const put: Request = { kind: "key-put", key: "a", value: "" };

test("requests of every service are told their client's patience", () => {
  const asked: Request[] = [
    put,
    { kind: "row-get", key: "a" },
    { kind: "balance-get", account: "a" },
    { kind: "work", operation: 1 },
    { kind: "get", table: "t", key: {}, consistent: true },
  ];
  for (const request of asked) assert.deepEqual(withTimeout(request, 5_000), { ...request, timeoutUs: 5_000 });
});

test("the shorter patience counts", () => {
  assert.equal((withTimeout({ ...put, timeoutUs: 3_000 }, 5_000) as typeof put).timeoutUs, 3_000);
  assert.equal((withTimeout({ ...put, timeoutUs: 7_000 }, 5_000) as typeof put).timeoutUs, 5_000);
});

test("what has no deadline is left as it is", () => {
  const request: Request = { kind: "list-tables", limit: 10 };
  assert.equal(withTimeout(request, 5_000), request);
});
