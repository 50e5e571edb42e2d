/**
 * The whole report as one HTML file that needs nothing else: no network, no font, no library. Its one script and one style sheet
 * are allowed by their hashes and nothing else may run.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resetSVGDefIds } from "vega";
import type { Results } from "../runners/results.ts";
import { calibrationSection } from "./calibration.ts";
import { experimentSection } from "./experiment-section.ts";
import { formatInstant } from "./format.ts";
import { pageHeader } from "./header.ts";
import { html, trusted, type Markup } from "./markup.ts";
import { verdictSection } from "./verdicts.ts";

const styles = readFileSync(new URL("page.css", import.meta.url), "utf8");
const script = readFileSync(new URL("page-script.js", import.meta.url), "utf8");

/** Byte for byte what is hashed below: a space more and the browser refuses them. */
const styleElement = trusted(`<style>${styles}</style>`);
const scriptElement = trusted(`<script>${script}</script>`);

export async function renderPage(results: Results): Promise<string> {
  resetSVGDefIds();
  const sections: Markup[] = [];
  for (const experiment of results.experiments) sections.push(await experimentSection(experiment, results));
  const title = `Wavetank report, ${formatInstant(results.startedAt)}`;
  return html`${trusted("<!doctype html>")}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${contentPolicy()}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${styleElement}
      </head>
      <body>
        <a class="skip" href="#verdicts">Skip to the verdicts</a>
        ${pageHeader(results)}
        <main id="main">${verdictSection(results)}${calibrationSection(results)}${sections}${methodSection()}</main>
        <footer><p>Made by Wavetank from results.json, which has every histogram.</p></footer>
        ${scriptElement}
      </body>
    </html> `.text;
}

/** Scripts of type application/json are data and need no permission. */
function contentPolicy(): string {
  return [
    "default-src 'none'",
    `style-src '${hashOf(styles)}'`,
    `script-src '${hashOf(script)}'`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function methodSection(): Markup {
  return html`<section class="method" aria-labelledby="method">
    <h2 id="method">How to read the figures</h2>
    <ul>
      <li>
        Load is open loop: each operation has an intended start, and its latency counts from there.
        <i>Service</i> counts from the last attempt’s send and is what a closed-loop tool would have shown.
      </li>
      <li>
        An operation is <i>ok</i>, <i>refused</i> (certainly did not happen) or <i>unknown</i> (may have happened); the
        three are never added up.
      </li>
      <li>
        Percentiles come from merged HDR histograms (three significant digits), never from averages of percentiles, and
        are left out where under ten samples lie beyond them.
      </li>
      <li>
        A ratio compares pairs of interleaved runs: the run is the sampling unit, and the interval is that of the method
        named beside it. An interval across ×1 shows no difference.
      </li>
      <li>The warm-up is cut from every figure but the timelines. Invalid runs are left out and counted.</li>
      <li>Figures from the simulation are in virtual time; figures from threads are this machine’s.</li>
    </ul>
  </section>`;
}
