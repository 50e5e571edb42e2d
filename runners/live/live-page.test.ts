/**
 * The live page as a viewer gets it, in headless Chromium: its figures move and are the stream's. Skipped with a message where
 * there is no browser; in CI that is an error.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test, type TestContext } from "node:test";
import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, openPage } from "../../reports/browser.fixture.ts";
import { begun, item, plan } from "./live.fixture.ts";
import type { LiveFrame } from "./live-frame.ts";
import { LiveServer } from "./live-server.ts";

let browser: Browser | undefined;

before(async () => {
  browser = await launchBrowser();
});

after(() => browser?.close());

interface Viewed {
  readonly page: Page;
  readonly complaints: string[];
  readonly server: LiveServer;
  readonly watch: ReturnType<typeof begun>;
  readonly frames: LiveFrame[];
}

async function view(t: TestContext, widthPx = 1_100, theme: "light" | "dark" = "light"): Promise<Viewed | undefined> {
  const server = new LiveServer();
  const url = await server.listen(0);
  const frames: LiveFrame[] = [];
  const watch = begun((message) => {
    server.take(message);
    if (message.kind === "frame") frames.push(message.frame);
  });
  for (let i = 0; i < 3; i++) watch.news(i);
  t.after(() => server.close());
  const opened = await openPage(t, browser, url, { widthPx, theme });
  if (opened === undefined) return undefined;
  const { page, complaints } = opened;
  return { page, complaints, server, watch, frames };
}

const textOf = (page: Page, id: string): Promise<string | null> => page.locator(`#${id}`).textContent();

/** Waits until the page shows the frame, which it does within a few hundredths of a second. */
async function shows(page: Page, frame: LiveFrame): Promise<void> {
  const want = Math.round(frame.rate.ok).toLocaleString("en-US");
  await page.waitForFunction((text) => document.getElementById("rate-ok")?.textContent === text, want);
  assert.equal(await textOf(page, "rate-offered"), Math.round(frame.rate.offered).toLocaleString("en-US"));
  for (const [id, ms] of Object.entries(frame.latest)) {
    assert.equal(Number(await textOf(page, `latest-${id}`)), Number(ms!.toPrecision(3)), `latest ${id}`);
  }
  for (const [id, ms] of Object.entries(frame.soFar)) {
    assert.equal(Number(await textOf(page, `sofar-${id}`)), Number(ms!.toPrecision(3)), `so far ${id}`);
  }
  const rows = await page
    .locator("#outcomes tr")
    .evaluateAll((all) => all.map((row) => Array.from(row.children, (cell) => cell.textContent).slice(0, 2)));
  const outcomes = Object.entries(frame.outcomes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(
    rows,
    outcomes.map(([name, n]) => [name, n.toLocaleString("en-US")]),
  );
}

test("the figures are the stream's, and move with it; a page opened late shows the past", async (t) => {
  const viewed = await view(t);
  if (viewed === undefined) return;
  const { page, watch, frames, complaints } = viewed;
  await shows(page, frames.at(-1)!);
  assert.equal(await textOf(page, "experiment"), "retry-storm: none");
  assert.equal(await textOf(page, "suite-text"), "0 of 2 runs");
  assert.equal(await page.locator("#faults").isVisible(), true);
  const points = (): Promise<number> =>
    page.locator("#rate-chart path.ok").evaluate((path) => path.getAttribute("d")!.split(/[ML]/).length - 1);
  assert.equal(await points(), 3);
  watch.news(3, 0, 250);
  await shows(page, frames.at(-1)!);
  assert.equal(await points(), 4);
  assert.deepEqual(complaints, []);
});

test("a run that has only begun does not stand over the figures of the run before it", async (t) => {
  const viewed = await view(t);
  if (viewed === undefined) return;
  const { page, watch, frames, complaints } = viewed;
  await shows(page, frames.at(-1)!);
  watch.watch.observer.onRunEnd!(item, {} as never);
  watch.watch.observer.watchRun!({ ...item, design: "budget" }, plan);
  await page.waitForFunction(() => document.getElementById("experiment")?.textContent === "retry-storm: budget");
  assert.equal(await textOf(page, "rate-ok"), "–");
  assert.equal(await textOf(page, "sofar-p99"), "–");
  assert.equal(await page.locator("#outcomes tr").count(), 0);
  assert.equal(await textOf(page, "suite-text"), "1 of 2 runs");
  assert.deepEqual(complaints, []);
});

test("at its end the page says so and stays", async (t) => {
  const viewed = await view(t);
  if (viewed === undefined) return;
  const { page, watch, server, complaints } = viewed;
  await page.waitForFunction(() => document.getElementById("status")?.textContent === "running");
  watch.watch.finish();
  await server.close();
  await page.waitForFunction(() => document.getElementById("status")?.textContent === "finished");
  assert.match((await textOf(page, "spoken")) ?? "", /The suite is finished/);
  assert.equal(await textOf(page, "rate-ok"), "90");
  assert.deepEqual(complaints, []);
});

for (const theme of ["light", "dark"] as const) {
  test(`narrow and ${theme}: nothing overflows, and axe finds no serious violation`, async (t) => {
    const viewed = await view(t, 390, theme);
    if (viewed === undefined) return;
    const { page, frames } = viewed;
    await shows(page, frames.at(-1)!);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
    // By the debugger, not by a script element: the page's policy would refuse one.
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
    const violations = await page.evaluate(async () => {
      const axe = Reflect.get(globalThis, "axe") as {
        run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
      };
      const { violations: found } = await axe.run();
      return found.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes[0].html}`);
    });
    assert.deepEqual(
      violations.filter((violation) => /^(serious|critical)/.test(violation)),
      [],
    );
  });
}
