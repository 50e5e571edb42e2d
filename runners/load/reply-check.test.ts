import assert from "node:assert/strict";
import test from "node:test";
import type { HttpAnswer } from "../../workloads/http.ts";
import { UsageError } from "../command-error.ts";
import { CheckTally, mergeCounts } from "./check-tally.ts";
import { answerByStatus } from "./judge-answer.ts";
import { failedCheck, parseReplyCheck } from "./reply-check.ts";
import { judgeThreshold, parseThreshold } from "./threshold.ts";

function answer(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return {
    status,
    body: Buffer.from(body),
    header: (name) => headers[name.toLowerCase()],
    text: () => body,
    json: () => JSON.parse(body) as unknown,
  };
}

const order = answer(200, '{"ok":true,"items":[{"id":7,"name":"anvil"}],"note":null}', {
  "content-type": "application/json",
});

test("checks that pass, and checks that do not", () => {
  const passing = [
    "status=200",
    "status=2xx",
    "status=200-204",
    "header:content-type",
    "header:Content-Type=application/json",
    "header:content-type~^application/",
    'body~"id":\\d+',
    "json:$.ok=true",
    "json:$.items[0].id=7",
    "json:$.items[0].name~^an",
    "json:$.note=null",
    "json:$",
  ];
  for (const text of passing) assert.equal(failedCheck([parseReplyCheck(text)], order), null, text);
  const failing = [
    "status=201",
    "status=3xx",
    "header:x-cache",
    "header:content-type=json",
    "body=ok",
    "body~nothing",
    "json:$.ok=false",
    "json:$.items[1].id",
    "json:$.constructor",
  ];
  for (const text of failing) assert.equal(failedCheck([parseReplyCheck(text)], order)?.text, text);
  assert.notEqual(failedCheck([parseReplyCheck("json:$.a")], answer(200, "no json")), null);
});

test("what is no check is refused, and so is a regular expression that is none", () => {
  for (const text of [
    "",
    "status",
    "status=abc",
    "status=20",
    "header:",
    "json:ok",
    "json:$..a",
    "latency<5ms",
    "body",
  ]) {
    assert.throws(() => parseReplyCheck(text), UsageError, text);
  }
  assert.throws(() => parseReplyCheck("body~["), /regular expression/);
});

test("the outcome by status: nothing that may have happened is called refused", () => {
  const outcome = (status: number): string => {
    const judged = answerByStatus({ status });
    return judged.kind === "ok" ? "ok" : `${judged.kind} ${judged.code}`;
  };
  assert.deepEqual([200, 204, 304, 400, 404, 409, 429, 500, 502, 503, 504].map(outcome), [
    "ok",
    "ok",
    "ok",
    "refused invalid",
    "refused not-found",
    "refused condition-failed",
    "refused throttled",
    "unknown server-error",
    "unknown server-error",
    "refused unavailable",
    "unknown server-error",
  ]);
});

test("tallies of slices add up, with a few examples", () => {
  const tallies = [new CheckTally(), new CheckTally()];
  for (const tally of tallies) {
    tally.examined = 10;
    for (let i = 0; i < 4; i++) tally.fail("status=200", answer(500, "x".repeat(500)));
  }
  const merged = mergeCounts(tallies.map((tally) => tally.counts()));
  assert.deepEqual([merged.examined, merged.failed], [20, { "status=200": 8 }]);
  assert.equal(merged.examples.length, 5);
  assert.ok(merged.examples[0].length < 200);
});

test("thresholds: parsed, judged by every run, and failed where the figure does not exist", () => {
  const runs = [{ metrics: { p99Ms: 12, errorShare: 0.002 } }, { metrics: { p99Ms: 20, errorShare: 0 } }] as never[];
  const judged = (text: string, over = runs): string => judgeThreshold(parseThreshold(text), over).status;
  assert.equal(judged("p99<25ms"), "held");
  assert.equal(judged("p99<15ms"), "failed");
  assert.equal(judged("p99 < 0.1s"), "held");
  assert.equal(judged("errors<0.1%"), "failed");
  assert.equal(judged("errors<1%"), "held");
  assert.equal(judged("p50<1ms"), "failed", "no such figure");
  for (const text of ["p99", "p99<50", "p98<5ms", "errors<1", "rate>5%", "p99=5ms"]) {
    assert.throws(() => parseThreshold(text), UsageError, text);
  }
});
