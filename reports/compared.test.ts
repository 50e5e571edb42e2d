/** What a report says of `wavetank compare`, and how that looks on a desk, on a telephone and on paper. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { launchBrowser, openPage, type Look, type Opened } from "./browser.fixture.ts";
import { change, metricSentence, overallVerdict, shortSentence } from "./compared-words.ts";
import { comparedCharts } from "./compared.ts";
import { readResults, renderReport, writeCharts, writeReport, type ReportPaths } from "./report.ts";
import { comparedResults, sampleCompared } from "./sample-compared.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [{ metrics }] = sampleCompared.groups as [(typeof sampleCompared.groups)[number]];
const [equal, better, worse, undecided, zero] = metrics as [
  (typeof metrics)[number],
  (typeof metrics)[number],
  (typeof metrics)[number],
  (typeof metrics)[number],
  (typeof metrics)[number],
];

let directory: string;
let paths: ReportPaths;
let browser: Browser | undefined;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "wavetank-compared-"));
  paths = await writeReport(comparedResults(), directory);
  browser = await launchBrowser();
});

after(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

const open = (context: TestContext, look: Look = {}): Promise<Opened | undefined> =>
  openPage(context, browser, pathToFileURL(paths.htmlPath).href, look);

test("each verdict is one sentence: by how much, the interval, and what is still needed", () => {
  assert.deepEqual(
    [equal, better, worse, undecided, zero].map((metric) => metricSentence(metric, 0.02)),
    [
      "ok per second: +0.3 % (95 % interval −0.5 % to +1.1 %), all of it within the 2 % that count as equal.",
      "p50: −8.6 % (95 % interval −10.4 % to −6.77 %).",
      "p99: +16 % (95 % interval +9.43 % to +23 %).",
      "p999: +2 % (95 % interval −6.42 % to +11.2 %): 55 more pairs like these would decide it.",
      "refused share: a figure of zero has no ratio.",
    ],
  );
  assert.deepEqual(
    [change(0.5, 0.5), change(1, 1), change(4.31, 4.31), change(1.9, 4)],
    ["−50 %", "0 %", "×4.31", "×1.9"],
  );
});

test("a comparison is worse as soon as one figure is, and equal only when all are", () => {
  assert.equal(overallVerdict(metrics), "worse");
  assert.equal(overallVerdict([equal, better, undecided]), "better");
  assert.equal(overallVerdict([equal, undecided]), "undecided");
  assert.equal(overallVerdict([equal]), "equal");
  assert.equal(overallVerdict([]), "undecided");
  const none = { ...sampleCompared, groups: [{ name: "", metrics: [] }] };
  assert.match(shortSentence(none), /nothing can be said, no pair was finished/);
});

test("the chart holds the counted pairs and the margin, more-is-better apart from less-is-better", () => {
  const charts = comparedCharts({ name: "", metrics }, sampleCompared);
  assert.deepEqual(
    charts.map(({ better: side, margin, rows }) => [side, margin, rows.map(({ name, pairs }) => [name, pairs.length])]),
    [
      ["higher", 0.02, [["ok per second", 19]]],
      ["lower", 0.02, [["p50", 19], ["p99", 19], ["p999", 19]]], // prettier-ignore
    ],
  );
  assert.equal(charts[0]!.rows[0]!.pairs[0]!.round, 1, "the warm-up pair is not drawn");
});

test("what a reader must know first: a stop, runs not interleaved, another machine", async () => {
  const notices = async (changes: Parameters<typeof comparedResults>[0]): Promise<string[]> => {
    const { html, markdown } = await renderReport(comparedResults(changes));
    const found = [...html.matchAll(/<p class="notice">([^<]*)</g)].map(([, text]) => text!.trim());
    for (const text of found) assert.ok(markdown.includes(`⚠️ ${text}`), text);
    return found;
  };
  assert.deepEqual(await notices({}), []);
  const [stopped] = await notices({ partial: true });
  assert.match(stopped!, /^Stopped before its 20 pairs, so nothing is decided/);
  const side = (machine: string): typeof sampleCompared.baseline => ({ name: machine, facts: { machine } });
  const apart = await notices({ kind: "results", interleaved: false, baseline: side("a"), candidate: side("b") });
  assert.equal(apart.length, 2);
  assert.match(apart[0]!, /not interleaved/);
  assert.match(apart[1]!, /different machines/);
});

test("the file is read again, and the Markdown says verdict, figures, sides and the line that repeats it", () => {
  assert.deepEqual(readResults(paths.resultsPath), comparedResults());
  const markdown = readFileSync(paths.markdownPath, "utf8");
  assert.match(markdown, /^# Wavetank report\n\n\*\*worse\*\*: HEAD against HEAD\\~1: worse in p99 \(\+16 %\)/);
  assert.match(markdown, /\| ❌ worse \| p99 \| \+16 % \(95 % interval \+9\.43 % to \+23 %\)\. \| 0\.0031 \|/);
  assert.match(markdown, /```sh\nnpm run wavetank -- compare HEAD~1 HEAD/);
  assert.match(markdown, /Baseline HEAD\\~1, commit 7744326a.*; candidate HEAD, commit 1c0d9e8f/);
});

test("the verdict comes first, then the pairs, the figures, what was compared, and the line to copy", async (context) => {
  const opened = await open(context);
  if (opened === undefined) return;
  const { page, complaints } = opened;
  assert.match((await page.locator(".answer").textContent())!, /^\s*Worse:\s+HEAD against HEAD~1: worse in p99/);
  const places = await page.evaluate(() =>
    [".judged", ".charts", ".figures-compared", ".conditions", ".conditions .copyable code"].map(
      (name) => document.querySelector(`.compared ${name}`)!.getBoundingClientRect().top,
    ),
  );
  assert.deepEqual(places, places.toSorted((a, b) => a - b)); // prettier-ignore
  assert.match(
    (await page.locator(".compared .conditions .copyable code").textContent())!,
    /^npm run wavetank -- compare HEAD~1 HEAD/,
  );
  const bands = await page.locator('.compared svg.wide [fill="var(--equal)"]').count();
  assert.equal(bands, 2, "each chart shows what counts as equal");
  const row = page.locator(".figures-compared tr", { has: page.locator("th", { hasText: "p99 (ms)" }) });
  assert.deepEqual(
    (await row.locator("td").allTextContents()).slice(2, 6).map((text) => text.trim()),
    ["×1.16", "+9.43 % to +23 %", "0.00062", "0.0031"],
  );
  const plot = page.locator(".compared .plot").nth(1);
  await plot.focus();
  await page.keyboard.press("ArrowRight");
  assert.match((await page.locator(".tip").textContent())!, /^p50, pair 2: ×/);
  assert.deepEqual(complaints, []);
});

for (const [theme, widthPx] of [
  ["light", 1280],
  ["dark", 390],
] as const) {
  test(`axe finds nothing and nothing is cut: ${theme}, ${widthPx} px`, async (context) => {
    const opened = await open(context, { theme, widthPx });
    if (opened === undefined) return;
    const { page } = opened;
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), widthPx);
    const hidden = await page.evaluate(() =>
      [...document.querySelectorAll(".scroll")]
        .filter((box) => !box.closest("details") && box.scrollWidth > box.clientWidth + 1)
        .map((box) => box.getAttribute("aria-label")),
    );
    assert.deepEqual(hidden, [], "tables that are wider than the page");
    await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
    await page.evaluate(axeSource);
    const violations = await page.evaluate(async () => {
      const { axe } = window as unknown as {
        axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      };
      const found = await axe.run({ resultTypes: ["violations"] });
      return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)}`);
    });
    assert.deepEqual(violations, []);
  });
}

test("on paper nothing is cut", async (context) => {
  const opened = await open(context, { theme: "dark", widthPx: 703 });
  if (opened === undefined) return;
  const { page } = opened;
  await page.emulateMedia({ media: "print" });
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("main table, main svg, main p, main li, header p")]
      .filter((element) => element.getBoundingClientRect().right > 704)
      .map((element) => `${element.tagName}: ${element.textContent.slice(0, 60)}`),
  );
  assert.deepEqual(cut, []);
});

test("long URLs break and hostile names stay text", async (context) => {
  const hostile = `http://127.0.0.1:8080/${"a".repeat(80)}?<img src=x onerror="document.title='owned'">|\``;
  const side = { name: hostile, facts: { [hostile]: hostile } };
  const folder = join(directory, "hostile");
  const results = comparedResults({
    kind: "urls",
    baseline: side,
    candidate: side,
    shared: { [hostile]: hostile },
    leftOut: [hostile],
    groups: [{ name: hostile, metrics: metrics.map((metric) => ({ ...metric, metric: hostile })) }],
  });
  const { htmlPath, markdownPath } = await writeReport({ ...results, rerun: hostile }, folder);
  assert.ok(!readFileSync(htmlPath, "utf8").includes("<img src=x"));
  assert.ok(
    !readFileSync(markdownPath, "utf8")
      .replace(/```+sh[^]*?```/g, "")
      .includes("<img"),
  );
  const opened = await openPage(context, browser, pathToFileURL(htmlPath).href, { widthPx: 390 });
  if (opened === undefined) return;
  assert.deepEqual(opened.complaints, []);
  assert.equal(await opened.page.evaluate(() => document.documentElement.scrollWidth), 390);
});

test("its charts are SVG files too", async () => {
  const { folder, files } = await writeCharts(comparedResults(), mkdtempSync(join(directory, "svg-")));
  assert.deepEqual(readdirSync(folder).sort(), [
    "compared-1-where-more-is-better.svg",
    "compared-2-where-less-is-better.svg",
  ]);
  assert.equal(files, 2);
  for (const name of readdirSync(folder))
    assert.doesNotMatch(readFileSync(join(folder, name), "utf8"), /var\(|NaN|undefined/);
});
