/**
 * Prints what kill -9 under load loses: nothing of each service as it is, and something once it is made to acknowledge before its log is
 * written. Exits with 1 when either is not so.
 *
 *     npm run kill -- [--load checkout|puts|charges] [--kills 20] [--seed 7]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killUnderLoad } from "./kill-harness.ts";

const loads = ["checkout", "puts", "charges"];

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    seed: { type: "string", default: "7" },
    load: { type: "string", multiple: true, default: loads },
  },
});
const kills = wholeNumber("--kills", values.kills);
const seed = wholeNumber("--seed", values.seed);
for (const load of values.load)
  if (!loads.includes(load)) refuse("--load", load, `one of ${loads.join(", ")}`, "--load puts");

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) refuse(option, text, "a whole number of at least 1", `${option} 20`);
  return value;
}

function refuse(option: string, got: string, expected: string, example: string): never {
  console.error(`${option} does not fit\n  got:      ${got}\n  expected: ${expected}\n  fix:      write ${example}`);
  process.exit(2);
}

async function report(load: string, plant: string | undefined): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "wavetank-kill-"));
  const from = performance.now();
  try {
    const report = await killUnderLoad({
      load: new URL(`./${load}-load.ts`, import.meta.url).href,
      directory,
      kills,
      seed,
      acknowledgements: 2_000,
      segmentBytes: 1_048_576,
      plant,
    });
    const cells = [
      load.padEnd(9),
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

console.log("load      service                      kills  acknowledged    lost  seconds");
for (const load of values.load) {
  for (const plant of [undefined, "acknowledge-before-durable"]) await report(load, plant);
}
