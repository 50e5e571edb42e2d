import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readResults, ResultsFileError } from "./read-results.ts";
import { sampleResults } from "./sample.ts";

test("each wrong file gets its own answer: what, got, expected, fix", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-results-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "results.json");
  const sample = sampleResults();
  const table: [string, RegExp][] = [
    ["{ half", /got no JSON: .*expected a wavetank\.results\/1 file; fix: run the suite again/],
    ["[]", /got JSON without a schema; .*fix: give the results\.json/],
    ["null", /got JSON without a schema/],
    [`{"schema":"k6/1"}`, /got schema "k6\/1"; expected schema "wavetank\.results\/1"; fix: give the results\.json/],
    [`{"schema":"wavetank.results/2"}`, /fix: read it with the Wavetank that wrote it, or a newer one/],
    [`{"schema":"wavetank.results/0"}`, /fix: run the suite again with this Wavetank/],
    [JSON.stringify({ ...sample, seed: "42" }), /got "42" at \/seed; expected must be number; fix:/],
    [JSON.stringify({ ...sample, machine: undefined }), /expected must have required properties machine/],
  ];
  for (const [text, message] of table) {
    writeFileSync(path, text);
    assert.throws(
      () => readResults(path),
      (error: unknown) => {
        assert.ok(error instanceof ResultsFileError);
        assert.equal(error.code, "WAVETANK_RESULTS_FILE");
        assert.ok(error.message.includes(path));
        assert.match(error.message, message);
        return true;
      },
    );
  }
  assert.throws(
    () => readResults(join(directory, "absent.json")),
    /got ENOENT; expected a readable file; fix: check the path/,
  );
});

test("the sample is a valid results file", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-results-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "results.json");
  writeFileSync(path, JSON.stringify(sampleResults("invalid")));
  assert.equal(readResults(path).experiments.length, 8);
});
