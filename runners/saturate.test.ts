import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { measurePeak, peakRequest } from "./saturate.ts";

test("the probe asks what it was given and says that it is a closed loop", async () => {
  const asked = new Set<string>();
  const server = createServer((request, response) => {
    asked.add(String(request.headers["x-amz-target"]));
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const peak = await measurePeak({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      connections: 2,
      durationS: 1,
      requests: [
        peakRequest({ kind: "get", table: "t", key: { id: { S: "a" } }, consistent: true }),
        peakRequest({ kind: "put", table: "t", item: { id: { S: "a" } } }),
      ],
    });
    assert.equal(peak.model, "closed loop");
    assert.equal(peak.errors, 0);
    assert.ok(peak.requestsPerSecond > 10);
    assert.deepEqual([...asked].toSorted(), ["DynamoDB_20120810.GetItem", "DynamoDB_20120810.PutItem"]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
