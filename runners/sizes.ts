/**
 * Value sizes as the command line takes them: a distribution's short form, or a file of what was counted elsewhere.
 *
 *     1000                             constant, in bytes like all others
 *     uniform:100:2000                 exponential:1000
 *     log-normal:800:1.2               median, deviation of the logarithm
 *     pareto:214.476:0.348238[:15]     generalised Pareto: scale, shape, location
 *     etc                              Facebook's ETC pool
 *     file:sizes.csv                   a histogram
 *
 * A histogram file is YCSB's (`BlockSize 100`, then a bucket number and its count a line: bucket b holds sizes of (b + 1) blocks)
 * or `value,count` lines, with or without that header.
 */
import { readFileSync } from "node:fs";
import { etcValueBytes, fitsDistribution, type Distribution } from "../workloads/distribution.ts";
import { UsageError } from "./command-error.ts";

const forms =
  "a number of bytes, uniform:FROM:TO, exponential:MEAN, log-normal:MEDIAN:SIGMA, pareto:SCALE:SHAPE[:LOCATION], etc, or " +
  "file:PATH";

/** @throws UsageError */
export function parseSizes(text: string): Distribution {
  const [kind, ...rest] = text.split(":");
  if (kind === "file") return readHistogram(rest.join(":"));
  if (text === "etc") return etcValueBytes;
  const numbers = (/^[\d.]/.test(text) ? [kind, ...rest] : rest).map((part) => (part === "" ? NaN : Number(part)));
  const sizes = sizesOf(kind, numbers);
  if (sizes !== null && fitsDistribution(sizes)) return sizes;
  throw new UsageError({
    what: "the sizes are no distribution of sizes",
    got: text === "" ? "an empty value" : text,
    expected: `${forms}; no number negative`,
    fix: "for instance 1000 or log-normal:800:1.2",
  });
}

function sizesOf(kind: string, numbers: readonly number[]): Distribution | null {
  const [a, b, c] = numbers;
  const count = numbers.length;
  if (/^[\d.]/.test(kind)) return count === 1 ? a : null;
  if (kind === "uniform" && count === 2) return { kind, from: a, to: b };
  if (kind === "exponential" && count === 1) return { kind, mean: a };
  if (kind === "log-normal" && count === 2) return { kind, median: a, sigma: b };
  if (kind === "pareto" && (count === 2 || count === 3))
    return { kind: "generalised-pareto", location: c ?? 0, scale: a, shape: b };
  return null;
}

/** @throws UsageError naming file and line */
export function readHistogram(path: string): Distribution {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError({
      what: "the histogram of sizes cannot be read",
      got: `${path === "" ? "no path" : path} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a file of value,count lines, or YCSB's with a BlockSize",
      fix: "check the path; it is relative to the folder the command is given in",
    });
  }
  return parseHistogram(text, path);
}

/** `name` is what errors call the text. @throws UsageError naming the line */
export function parseHistogram(text: string, name: string): Distribution {
  const values: number[] = [];
  const weights: number[] = [];
  let blockSize: number | null = null;
  let line = 0;
  for (const raw of text.split("\n")) {
    line++;
    const row = raw.replace(/^\uFEFF/, "").trim();
    if (row === "" || (values.length === 0 && blockSize === null && /^values?\s*,\s*(counts?|weights?)$/i.test(row)))
      continue;
    const block = /^BlockSize\s+(\S+)$/i.exec(row);
    const wrong = (expected: string): UsageError => mistakeIn(`${name}:${line}: ${row}`, expected);
    if (block !== null) {
      blockSize = Number(block[1]);
      if (values.length > 0 || !(blockSize >= 1))
        throw wrong("one BlockSize, a number of bytes from 1, before all buckets");
      continue;
    }
    const [bucket, weight] = /^(\d+(?:\.\d+)?)\s*[,\s]\s*(\d+(?:\.\d+)?)$/.exec(row)?.slice(1).map(Number) ?? [
      NaN,
      NaN,
    ];
    if (Number.isNaN(bucket)) throw wrong(blockSize === null ? "value,count" : "a bucket's number and its count");
    values.push(blockSize === null ? bucket : (bucket + 1) * blockSize);
    weights.push(weight);
  }
  const histogram: Distribution = { kind: "histogram", values, weights };
  if (fitsDistribution(histogram)) return histogram;
  throw mistakeIn(`${name}, ${values.length} lines with counts`, "at least one count above 0, and sizes below 4 GiB");
}

function mistakeIn(got: string, expected: string): UsageError {
  return new UsageError({
    what: "the histogram of sizes cannot be understood",
    got,
    expected,
    fix: 'write one "value,count" a line, for instance 100,25',
  });
}
