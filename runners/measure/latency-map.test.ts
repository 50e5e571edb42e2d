import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { Histogram } from "./histogram.ts";
import { latencyMap } from "./latency-map.ts";

test("every sample is in the bucket that its latency names, and no other", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 50_000_000 }), { maxLength: 30 })), (rows) => {
      const histograms = rows.map((row) => {
        const histogram = new Histogram(2);
        for (const us of row) histogram.record(us);
        return row.length === 0 ? null : histogram;
      });
      const { perDecade, first, counts } = latencyMap(histograms);
      rows.forEach((row, i) => {
        assert.equal(
          counts[i].reduce((total, count) => total + count, 0),
          row.length,
        );
        for (const us of row) {
          const bucket = Math.log10(us) * perDecade - first;
          // A row's histogram keeps 1 %, which may carry a sample over one edge.
          assert.ok((counts[i][Math.floor(bucket)] ?? 0) + (counts[i][Math.floor(bucket + 0.15)] ?? 0) > 0, `${us} us`);
        }
      });
    }),
  );
});

test("rows without an answer are empty; without any there is nothing to place", () => {
  assert.deepEqual(latencyMap([null, null]), { perDecade: 16, first: 0, counts: [[], []] });
});
