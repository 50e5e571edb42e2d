/**
 * `wavetank compare` tried on comparisons whose truth is known:
 *
 *     node scripts/bench-compare.ts             synthetic and live, about two minutes
 *     node scripts/bench-compare.ts --no-live   synthetic only, seconds
 *
 * Live: a server of this process's making against itself, in 20 comparisons of interleaved pairs of short open-loop loads.
 */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { loadOptions } from "../runners/command-load.ts";
import { collectPairs, metricsOf } from "../runners/comparison/pair-source.ts";
import { UrlSource } from "../runners/comparison/sources.ts";
import { compareMetrics, usualRule } from "../runners/compare/comparison.ts";
import { blockFalseVerdicts, falseVerdicts, power, type Noise } from "../runners/compare/self-test.ts";

const comparisons = 200;
const pairs = 20;
const liveComparisons = 20;
const livePairs = 8;

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`.padStart(8);

function line(held: boolean | null, text: string): void {
  process.stdout.write(`${held === null ? "         " : held ? "HELD     " : "NOT HELD "}${text}\n`);
  if (held === false) process.exitCode = 1;
}

function synthetic(): void {
  line(null, `synthetic: ${comparisons} comparisons of ${pairs} pairs, runs vary by 3 %`);
  for (const noise of ["log-normal", "drift", "heavy-tailed"] satisfies Noise[]) {
    const share = falseVerdicts({ noise, comparisons, pairs, seed: 1 });
    line(
      share >= 0.03 && share <= 0.08,
      `A against A, ${noise.padEnd(12)} ${percent(share)} called different; expected 3 to 8 %`,
    );
  }
  const found = power({ slowdown: 0.05, comparisons, pairs, seed: 1 });
  line(found >= 0.95, `5 % slower              ${percent(found)} found; expected 95 % or more`);
  const smaller = power({ slowdown: 0.02, comparisons, pairs, seed: 1 });
  line(null, `2 % slower              ${percent(smaller)} found`);
  const blocks = blockFalseVerdicts({ comparisons, pairs, seed: 1 });
  line(null, `A, then A on a machine that slows by 5 %: ${percent(blocks)} called different: why runs are interleaved`);
}

async function live(): Promise<void> {
  const server = http.createServer((_, response) => response.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { plan } = loadOptions(url, { rate: "500", for: "300ms", connections: "16", warmUp: "50ms" });
  let different = 0;
  let undecided = 0;
  for (let seed = 1; seed <= liveComparisons; seed++) {
    const source = new UrlSource(plan, { baseline: new URL(url), candidate: new URL(url) });
    const never = new AbortController().signal;
    const collected = await collectPairs(source, { pairs: livePairs + 1, seed: seed * 1_000 }, {}, never);
    const names = { baseline: "a", candidate: "a again" };
    const measured = metricsOf(collected, ["okPerSecond", "p50Ms", "p99Ms"]);
    const verdicts = compareMetrics(measured, names, { ...usualRule, seed }).map(({ verdict }) => verdict);
    if (verdicts.some((verdict) => verdict === "better" || verdict === "worse")) different++;
    else if (verdicts.includes("undecided")) undecided++;
    process.stderr.write(`live ${seed} of ${liveComparisons}: ${verdicts.join(", ")}\n`);
  }
  server.closeAllConnections();
  server.close();
  line(
    different <= 2,
    `live: ${different} of ${liveComparisons} comparisons of a server with itself called different, ${undecided} undecided; expected at most 2`,
  );
}

const { values } = parseArgs({ options: { "no-live": { type: "boolean" } } });
synthetic();
if (values["no-live"] !== true) await live();
