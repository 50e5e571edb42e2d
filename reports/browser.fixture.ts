/** A page as a reader gets it, in headless Chromium, with everything it complains of and asks for. */
import type { TestContext } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { chromiumPath, ensureSystemPackages } from "../scripts/system-packages.ts";

export interface Opened {
  readonly page: Page;
  /** Console messages and uncaught errors. */
  readonly complaints: string[];
  /** URLs, but for data within the page. */
  readonly requests: string[];
}

export interface Look {
  readonly theme?: "light" | "dark";
  readonly widthPx?: number;
  /** Runs in the page before anything else. */
  readonly first?: () => void;
}

/** Undefined where there is no browser and none can be installed; in CI that is an error. */
export async function launchBrowser(): Promise<Browser | undefined> {
  ensureSystemPackages(["chromium", "fonts-dejavu-core"]);
  const executablePath = chromiumPath();
  if (executablePath === undefined) return undefined;
  const flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath, args: [...flags, ...quiet] });
}

/** Opens `url`; the page is closed with the test. Without a browser the test is skipped. */
export async function openPage(
  context: TestContext,
  browser: Browser | undefined,
  url: string,
  { theme = "light", widthPx = 1280, first }: Look = {},
): Promise<Opened | undefined> {
  if (browser === undefined) {
    context.skip("no Chromium on this machine: apt-get install chromium, or set WAVETANK_CHROMIUM");
    return undefined;
  }
  const page = await browser.newPage({ viewport: { width: widthPx, height: 900 }, colorScheme: theme });
  context.after(() => page.close());
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) requests.push(request.url());
  });
  if (first !== undefined) await page.addInitScript(first);
  await page.goto(url);
  await page.waitForFunction(
    () => document.querySelector(".packed") === null || document.documentElement.classList.contains("unpacked"),
  );
  return { page, complaints, requests };
}
