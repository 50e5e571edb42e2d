/**
 * Prints what kill -9 under checkout load loses: nothing of the store as it is, and something once it is made to acknowledge
 * before its log is written. Exits with 1 when either is not so.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killUnderLoad } from "./kill-harness.ts";

const { values } = parseArgs({
  options: { kills: { type: "string", default: "20" }, seed: { type: "string", default: "7" } },
});
const kills = wholeNumber("--kills", values.kills);
const seed = wholeNumber("--seed", values.seed);

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  console.error(
    `${option} does not fit\n  got:      ${text}\n  expected: a whole number of at least 1\n  fix:      write ${option} 20`,
  );
  process.exit(2);
}

console.log("store                        kills  acknowledged    lost  seconds");
for (const plant of [undefined, "acknowledge-before-durable"]) {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-kill-"));
  const from = performance.now();
  try {
    const load = new URL("./checkout-load.ts", import.meta.url).href;
    const report = await killUnderLoad({
      load,
      directory,
      kills,
      seed,
      acknowledgements: 2_000,
      segmentBytes: 1_048_576,
      plant,
    });
    const cells = [
      (plant ?? "as it is").padEnd(27),
      String(report.kills).padStart(6),
      report.acknowledged.toLocaleString("en").padStart(13),
      report.lost.length.toLocaleString("en").padStart(7),
      ((performance.now() - from) / 1_000).toFixed(1).padStart(8),
    ];
    console.log(cells.join(" "));
    if (report.lost.length > 0 !== (plant !== undefined)) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
