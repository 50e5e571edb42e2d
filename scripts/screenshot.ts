/**
 * A picture of a report's first screen, from its top to the end of the verdicts: light, 1200 pixels wide, in headless Chromium. Cards
 * of the verdicts are kept whole: with `cards` only the first so many are in the picture.
 *
 *     node scripts/screenshot.ts <report.html> <picture.png> [cards]
 *
 * The README's: npm run bench, then node scripts/screenshot.ts .wavetank/runs/<run>/report.html docs/report.png
 */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { chromiumPath, ensureSystemPackages } from "./system-packages.ts";

const widthPx = 1_200;
/** Room below the last thing shown, as much as the page leaves around its cards. */
const marginPx = 16;

/** @returns the picture's height in pixels */
async function takeScreenshot(report: string, picture: string, cards: number): Promise<number> {
  ensureSystemPackages(["chromium", "fonts-dejavu-core"]);
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error("no Chromium: install it, or name one in WAVETANK_CHROMIUM");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  try {
    const page = await browser.newPage({ viewport: { width: widthPx, height: 900 }, colorScheme: "light" });
    await page.goto(pathToFileURL(path.resolve(report)).href);
    const shown = page.locator("section[aria-labelledby=verdicts] .card");
    const last = shown.nth(Math.min(cards, await shown.count()) - 1);
    const box = await last.boundingBox();
    if (box === null) throw new Error(`${report} shows no verdict; expected a report made by \`npm run bench\``);
    const height = Math.ceil(box.y + box.height + marginPx);
    mkdirSync(path.dirname(path.resolve(picture)), { recursive: true });
    await page.screenshot({ path: picture, fullPage: true, clip: { x: 0, y: 0, width: widthPx, height } });
    return height;
  } finally {
    await browser.close();
  }
}

const [report = "", picture = "", cards = "4"] = process.argv.slice(2);
if (!existsSync(report) || !picture.endsWith(".png") || !/^[1-9]\d*$/.test(cards)) {
  process.stderr.write(
    "screenshot: wrong arguments\n" +
      `  got:      ${process.argv.slice(2).join(" ") || "nothing"}\n` +
      "  expected: a report that exists, a path that ends in .png and, if not all, how many cards\n" +
      "  fix:      node scripts/screenshot.ts .wavetank/runs/<run>/report.html docs/report.png\n",
  );
  process.exit(2);
}
process.stdout.write(`${picture}: ${widthPx} x ${await takeScreenshot(report, picture, Number(cards))}\n`);
