import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { ResultsSchema } from "./results.ts";

const file = new URL("../docs/results-1.schema.json", import.meta.url);

test("docs/results-1.schema.json is the schema that results are validated with", () => {
  const schema = `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", ...ResultsSchema }, null, 2)}\n`;
  if (process.env.WAVETANK_UPDATE === "1") writeFileSync(file, schema);
  assert.equal(
    readFileSync(file, "utf8"),
    schema,
    "refresh it with WAVETANK_UPDATE=1 npm test -- runners/results.test.ts",
  );
});
