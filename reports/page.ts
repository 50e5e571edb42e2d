/**
 * The whole report as one HTML file that needs nothing else: no network, no font, no library.
 */
import { readFileSync } from "node:fs";
import { resetSVGDefIds } from "vega";
import type { Results } from "../runners/results.ts";
import { calibrationSection } from "./calibration.ts";
import { comparedSection } from "./compared.ts";
import { experimentSection } from "./experiment-section.ts";
import { formatInstant } from "./format.ts";
import { pageHeader } from "./header.ts";
import { html, type Markup } from "./markup.ts";
import { wholePage } from "./page-shell.ts";
import { verdictSection } from "./verdicts.ts";

const styles = readFileSync(new URL("page.css", import.meta.url), "utf8");
const script = readFileSync(new URL("page-script.js", import.meta.url), "utf8");

export async function renderPage(results: Results): Promise<string> {
  resetSVGDefIds();
  const sections: Markup[] = [];
  for (const experiment of results.experiments) sections.push(await experimentSection(experiment, results));
  const title = `Wavetank report, ${formatInstant(results.startedAt)}`;
  const { compared } = results;
  const verdicts = compared === undefined ? verdictSection(results) : await comparedSection(compared, results);
  const body = html`<a class="skip" href="#${compared === undefined ? "verdicts" : "compared"}">Skip to the verdicts</a>
    ${pageHeader(results)}
    <main id="main">${verdicts}${calibrationSection(results)}${sections}${methodSection()}</main>
    <footer>
      <p>Made by Wavetank from results.json, which has every ${compared === undefined ? "histogram" : "pair"}.</p>
    </footer>`;
  return wholePage({ title, styles, script, body });
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
