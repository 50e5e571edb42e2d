import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleResults } from "../../reports/sample.ts";
import { findingsOf } from "./findings.ts";
import { escapeXml, renderJunit } from "./junit.ts";
import { syntheticHistory } from "./synthetic-nights.fixture.ts";
import { trendOf } from "./trend.ts";

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
}

/** A strict reader of the XML that is written here: elements and attributes, no text, nothing unescaped, everything closed. */
function parseXml(text: string): Element {
  assert.ok(text.startsWith('<?xml version="1.0" encoding="UTF-8"?>\n'), "no declaration");
  const stack: Element[] = [{ name: "", attributes: {}, children: [] }];
  let at = text.indexOf("\n");
  while (at < text.length) {
    const token =
      /\s*(?:<(?<open>[a-z]+)(?<attributes>(?:\s+[a-z]+="[^"<]*")*)(?<empty>\/?)>|<\/(?<close>[a-z]+)>)\s*/y;
    token.lastIndex = at;
    const groups = token.exec(text)?.groups;
    assert.ok(groups !== undefined, `no element at ${JSON.stringify(text.slice(at, at + 80))}`);
    at = token.lastIndex;
    if (groups.close !== undefined) {
      assert.equal(stack.pop()!.name, groups.close);
      continue;
    }
    const element = { name: groups.open, attributes: attributesOf(groups.attributes), children: [] };
    stack.at(-1)!.children.push(element);
    if (groups.empty === "") stack.push(element);
  }
  assert.equal(stack.length, 1, "an element is left open");
  assert.equal(stack[0].children.length, 1, "one root");
  return stack[0].children[0];
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name, raw] of text.matchAll(/([a-z]+)="([^"]*)"/g)) {
    assert.ok(!(name in attributes), `${name} twice`);
    assert.doesNotMatch(raw, /&(?!(?:amp|lt|gt|quot|apos);)/, "a bare ampersand");
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(raw, /[\u0000-\u001F\uFFFE\uFFFF]|\p{Surrogate}/u, "a character that XML cannot hold");
    attributes[name] = raw;
  }
  return attributes;
}

const hostile = `a<b> & "c" 'd' ]]> \u0000\u0008\uFFFE\uD800 \t\n end`;

test("the reader of this test is strict", () => {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  for (const bad of [
    "<a>",
    "<a></b>",
    '<a x="<"/>',
    '<a x="&"/>',
    '<a x="1" x="2"/>',
    "<a/><b/>",
    "<a>text</a>",
    '<a x="\u0001"/>',
  ])
    assert.throws(() => parseXml(head + bad), assert.AssertionError, bad);
});

test("every claim, check and gated figure is a test case, and the counts are theirs", () => {
  const results = sampleResults();
  const trend = trendOf({ lines: syntheticHistory(50, 90), skipped: { torn: 0, foreign: 0 } });
  const findings = findingsOf(trend, trend.nights[0].machine);
  assert.ok(findings.regressions.length > 0);
  const root = parseXml(renderJunit(results, findings));
  assert.equal(root.name, "testsuites");
  const cases = root.children.flatMap((suite) => suite.children);
  const count = (status: string): number =>
    results.experiments.flatMap((e) => e.claims).filter((c) => c.status === status).length;
  const broken = results.experiments
    .flatMap((e) => e.designs)
    .filter((d) => d.runs.some((run) => !run.check.held)).length;
  const designs = results.experiments.reduce((sum, e) => sum + e.claims.length + e.designs.length + 1, 0);
  assert.equal(cases.length, designs + findings.gated);
  assert.equal(Number(root.attributes.tests), cases.length);
  const failures = cases.filter((one) => one.children[0]?.name === "failure");
  assert.equal(failures.length, count("failed") + broken + findings.regressions.length);
  assert.equal(Number(root.attributes.failures), failures.length);
  const skipped = cases.filter((one) => one.children[0]?.name === "skipped");
  assert.equal(Number(root.attributes.skipped), skipped.length);
  for (const suite of root.children) {
    assert.equal(Number(suite.attributes.tests), suite.children.length);
    assert.match(suite.attributes.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  }
});

test("hostile names and figures stay text", () => {
  const results = sampleResults();
  const [first] = results.experiments;
  const experiment = {
    ...first,
    name: hostile,
    claims: [{ text: hostile, expected: hostile, measured: hostile, status: "failed" as const }],
    designs: first.designs.map((design) => ({ ...design, name: hostile })),
  };
  const findings = findingsOf(trendOf({ lines: [], skipped: { torn: 0, foreign: 0 } }), hostile);
  const root = parseXml(renderJunit({ ...results, experiments: [experiment] }, findings));
  assert.match(
    root.children[0].children[0].attributes.name,
    /^a&lt;b&gt; &amp; &quot;c&quot; &apos;d&apos; \]\]&gt; \uFFFD+ +end$/,
  );
  assert.equal(escapeXml("naïve 漢字 😀"), "naïve 漢字 😀");
});
