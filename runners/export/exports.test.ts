/** Exports as others read them: logs by HdrHistogram's own reader, CSV by a parser of RFC 4180. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { HistogramLogReader } from "hdr-histogram-js";
import { Recorder } from "../measure/recorder.ts";
import type { Results } from "../results.ts";
import { csv, metricsCsv, timelineCsv } from "./csv.ts";
import { intervalLog, tagOf } from "./interval-log.ts";
import { RunExports } from "./run-exports.ts";

const startedAt = "2026-11-24T10:00:00.000Z";
const run = { experiment: "retry-storm", tank: "simulation", design: "none", round: 0, startedAt } as const;

/** Four seconds, two kinds of operation, one in ten refused. */
function recorded(byKind = true, from = 0, step = 1): Recorder {
  const recorder = new Recorder({ forUs: 4_000_000, warmUpUs: 0, byKind });
  const numbers = [recorder.operation("get"), recorder.operation("put item")];
  for (let i = from; i < 4_000; i += step) {
    const intendedUs = i * 1_000;
    recorder.began(numbers[i % 2], intendedUs, 10);
    const refused = i % 10 === 0;
    const ending = refused ? ({ kind: "refused", code: "throttled" } as const) : ({ kind: "ok", code: "" } as const);
    recorder.ended(numbers[i % 2], { ...ending, intendedUs, sentUs: intendedUs, endUs: intendedUs + 500 + (i % 700) });
  }
  return recorder;
}

interface Logged {
  readonly tag: string;
  readonly totalCount: number;
  readonly maxValue: number;
  readonly startTimeStampMsec: number;
  readonly endTimeStampMsec: number;
}

function read(text: string): Logged[] {
  const reader = new HistogramLogReader(text);
  const found: Logged[] = [];
  for (let next = reader.nextIntervalHistogram(); next !== null; next = reader.nextIntervalHistogram())
    found.push(next as unknown as Logged);
  return found;
}

test("HdrHistogram's own reader finds every operation under its tag and in its interval", () => {
  const recorder = recorded();
  const found = read(intervalLog(run, recorder));
  const counts: Record<string, number> = {};
  for (const { tag, totalCount } of found) counts[tag] = (counts[tag] ?? 0) + totalCount;
  assert.deepEqual(counts, { "get.ok": 1_600, "get.refused.throttled": 400, "put_item.ok": 2_000 });
  assert.equal(found[0].startTimeStampMsec, Date.parse(startedAt));
  assert.equal(found[0].endTimeStampMsec - found[0].startTimeStampMsec, recorder.intervalUs / 1_000);
  assert.ok(Math.max(...found.map(({ maxValue }) => maxValue)) >= 1_190);
  const maxima = intervalLog(run, recorder).matchAll(/^Tag=[^,]+,[\d.]+,[\d.]+,([\d.]+),/gm);
  const largest = Math.max(...Array.from(maxima, ([, max]) => Number(max)));
  assert.ok(Math.abs(largest - 1.199) < 0.02, `Interval_Max is in milliseconds: ${largest}`);
});

test("slices that are merged log what one slice logs", () => {
  const merged = recorded(true, 4_000);
  for (const from of [0, 1]) merged.merge(structuredClone(recorded(true, from, 2).parts()));
  const sums = (recorder: Recorder): string[] =>
    read(intervalLog(run, recorder))
      .map(({ tag, startTimeStampMsec, totalCount }) => `${startTimeStampMsec} ${tag} ${totalCount}`)
      .toSorted();
  assert.deepEqual(sums(merged), sums(recorded()));
});

test("what nobody asks for is not kept", () => assert.equal(recorded(false).intervals, null));

test("memory does not grow with operations", () => {
  const cells = (n: number): number => {
    const recorder = new Recorder({ forUs: 4_000_000, warmUpUs: 0, byKind: true });
    const number = recorder.operation("get");
    for (let i = 0; i < n; i++) {
      const endUs = (i / n) * 3_999_999;
      recorder.ended(number, { kind: "ok", code: "", intendedUs: endUs - 5, sentUs: endUs, endUs });
    }
    return recorder.parts().intervals!.length;
  };
  assert.equal(cells(20_000), cells(2_000));
});

test("a tag has neither comma nor space", () => {
  assert.equal(tagOf({ operation: "a b,c", outcome: "unknown", code: "timeout" }), "a_b_c.unknown.timeout");
});

/** RFC 4180, section 2. */
function parseCsv(text: string): string[][] {
  assert.ok(text.endsWith("\r\n"));
  const rows: string[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  let row: string[] = [];
  while (field.lastIndex < text.length) {
    const at = field.lastIndex;
    const match = field.exec(text);
    assert.ok(match !== null, `no field at ${at}: ${text.slice(at, at + 40)}`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

test("CSV survives commas, quotes and line ends, and knows nothing from zero", () => {
  const rows = [
    ["a,b", 'say "x"', "two\r\nlines"],
    [1.5, null, Number.NaN],
  ];
  assert.deepEqual(parseCsv(csv(rows)), [
    ["a,b", 'say "x"', "two\r\nlines"],
    ["1.5", "", ""],
  ]);
});

function results(): Results {
  const timeline = recorded().timeline();
  const run0 = { round: 0, seed: 7, startedAt, generator: { valid: true }, metrics: { p99Ms: 1.2 }, timeline };
  const experiments = [{ name: "retry-storm", tank: "simulation", designs: [{ name: "none", runs: [run0] }] }];
  return { experiments } as never as Results;
}

test("one row a run and figure, one a run and interval", () => {
  assert.deepEqual(parseCsv(metricsCsv(results()))[1], [
    "retry-storm",
    "simulation",
    "none",
    "1",
    "7",
    "true",
    "p99Ms",
    "1.2",
  ]);
  const [header, ...rows] = parseCsv(timelineCsv(results()));
  const ok = header.indexOf("ok");
  assert.equal(
    rows.reduce((sum, row) => sum + Number(row[ok]), 0),
    3_600,
  );
  assert.ok(rows.every((row) => row.length === header.length));
});

test("of a run that was repeated, the log is of the one in the results", (t) => {
  const exports = new RunExports(["hlog"]);
  const item = { experiment: "retry-storm", tank: "simulation", design: "none", round: 0, expectedS: 1 } as const;
  const watch = exports.observer.watchRun!(item, { totalS: 4, faults: [] })!;
  watch.onRecorded!("2026-11-24T09:00:00.000Z", recorded(true, 3_999));
  watch.onRecorded!(startedAt, recorded());
  exports.observer.onRunEnd!(item, { startedAt } as never);
  const folder = mkdtempSync(path.join(tmpdir(), "wavetank-exports-"));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.deepEqual(exports.write(results(), folder), [path.join(folder, "hlog")]);
  const log = readFileSync(path.join(folder, "hlog", "retry-storm-simulation-none-1.hlog"), "utf8");
  const total = read(log).reduce((sum, { totalCount }) => sum + totalCount, 0);
  assert.equal(total, 4_000);
});
