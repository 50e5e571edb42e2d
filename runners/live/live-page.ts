/**
 * The live page as one text: no file, font or script from anywhere else, and a policy that allows nothing but what is in it
 * (by hash) and the stream of its own server.
 */
import { createHash } from "node:crypto";
import { liveScript } from "./live-page-script.ts";
import { liveStyle } from "./live-page-style.ts";

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

export const livePagePolicy = [
  "default-src 'none'",
  `script-src ${hashOf(liveScript)}`,
  `style-src ${hashOf(liveStyle)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const latencyRows = [
  ["p50", "p50"],
  ["p90", "p90"],
  ["p99", "p99"],
  ["p999", "p99.9"],
  ["max", "max"],
]
  .map(([id, name]) => `<tr><th scope="row">${name}</th><td id="latest-${id}">–</td><td id="sofar-${id}">–</td></tr>`)
  .join("");

const rates = ["offered", "ok", "refused", "unknown"]
  .map(
    (name) =>
      `<div class="tile ${name}"><dt><i aria-hidden="true"></i>${name}</dt><dd><b id="rate-${name}">–</b> <small>/s</small></dd></div>`,
  )
  .join("");

export const livePage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Wavetank, live</title>
<link rel="icon" href="data:,">
<style>${liveStyle}</style>
</head>
<body>
<main>
<header>
  <p class="brand">Wavetank <span id="status" class="pill">connecting</span></p>
  <h1 id="experiment">Waiting for the first run</h1>
  <p id="where" class="quiet">&nbsp;</p>
  <div class="progress"><label for="suite">suite</label><progress id="suite" max="1" value="0"></progress><span id="suite-text" class="number">–</span></div>
  <div class="progress"><label for="run">run</label><progress id="run" max="1" value="0"></progress><span id="run-text" class="number">–</span></div>
</header>
<p id="faults" class="faults" hidden></p>
<section aria-labelledby="rates-title">
  <h2 id="rates-title">Operations a second <span class="span quiet"></span></h2>
  <dl class="tiles">${rates}</dl>
  <svg id="rate-chart" class="chart" role="img" aria-label="Offered, ok, refused and unknown operations a second over time"></svg>
</section>
<section aria-labelledby="latency-title">
  <h2 id="latency-title">Latency <span class="quiet">ms, from the intended start, ok operations</span></h2>
  <div class="beside">
    <div><svg id="latency-chart" class="chart" role="img" aria-label="Median, p99 and maximum latency over time, logarithmic"></svg>
    <p class="legend quiet"><span class="p50"><i aria-hidden="true"></i>p50</span><span class="p99"><i aria-hidden="true"></i>p99</span><span class="max"><i aria-hidden="true"></i>max</span></p></div>
    <table><thead><tr><th scope="col"></th><th scope="col" class="latest-name">latest</th><th scope="col">so far</th></tr></thead><tbody>${latencyRows}</tbody></table>
  </div>
</section>
<div class="columns">
<section aria-labelledby="outcomes-title">
  <h2 id="outcomes-title">Outcomes <span class="quiet">since the load began</span></h2>
  <table><thead><tr><th scope="col">outcome</th><th scope="col">operations</th><th scope="col">share</th></tr></thead><tbody id="outcomes"></tbody></table>
</section>
<section aria-labelledby="generator-title">
  <h2 id="generator-title">Generator</h2>
  <table><tbody>
    <tr><th scope="row">sends behind their time, p99</th><td id="late">–</td></tr>
    <tr><th scope="row">arrivals dropped</th><td id="dropped">–</td></tr>
  </tbody></table>
</section>
</div>
<p id="spoken" class="spoken" role="status" aria-live="polite"></p>
<footer class="quiet">Figures come from the run under way; the report at its end has the judged ones. <a href="/metrics">OpenMetrics</a></footer>
</main>
<script>${liveScript}</script>
</body>
</html>
`;
