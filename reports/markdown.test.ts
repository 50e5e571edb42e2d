import assert from "node:assert/strict";
import { test } from "node:test";
import { renderMarkdown } from "./markdown.ts";
import { sampleResults } from "./sample.ts";

test("the sample's summary: verdicts, then failed claims, then the details", (context) => {
  const results = sampleResults("invalid");
  const markdown = renderMarkdown({ ...results, experiments: results.experiments.slice(0, 4) });
  context.assert.snapshot(markdown, { serializers: [(text: string) => text] });
});

test("every table row has as many cells as its head, whatever the names are", () => {
  const results = sampleResults();
  const name = "a|b `c`\n\n# <b>d</b> [e](f)\\|";
  const experiments = results.experiments.slice(0, 1).map((experiment) => ({
    ...experiment,
    title: name,
    claims: experiment.claims.map((claim) => ({ ...claim, text: name })),
    designs: experiment.designs.map((design) => ({ ...design, name })),
  }));
  const markdown = renderMarkdown({ ...results, experiments });
  let head = 0;
  for (const line of markdown.split("\n")) {
    const cells = line.startsWith("|") ? line.replace(/\\./g, "").split("|").length : 0;
    if (cells > 0 && head > 0) assert.equal(cells, head, line);
    head = cells;
  }
  assert.ok(!markdown.includes("<b>"));
});

test("a summary too long for a CI job is cut and says so", () => {
  const results = sampleResults();
  const [first] = results.experiments;
  const experiments = Array.from({ length: 2_000 }, () => ({ ...first!, designs: [] }));
  const markdown = renderMarkdown({ ...results, experiments });
  assert.ok(Buffer.byteLength(markdown) < 1024 * 1024);
  assert.match(markdown, /report\.html/);
});
