/**
 * `wavetank capacity` on a server whose capacity theory knows: an M/M/1 queue behind HTTP with a mean service of 1 ms, asked for the
 * highest rate with p99 < 23 ms, which is 1,000 - ln(100) / 0.023 = 800 a second.
 *
 *     node scripts/bench-capacity.ts           about five minutes: live probes of 30 s
 *     node scripts/bench-capacity.ts --quick   a minute, and as much less sure
 */
import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mm1RateFor } from "../runners/oracles/queueing.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" } } });
const sloMs = 23;
const theory = mm1RateFor(1_000, 0.99, sloMs / 1_000);
const server = fork(join(import.meta.dirname, "queue-server.ts"), ["1", "7"]);
try {
  const [{ port }] = (await once(server, "message")) as [{ port: number }];
  const length = values.quick === true ? ["--for", "6s", "--probes", "10"] : ["--for", "30s", "--probes", "14"];
  const words = [
    "capacity",
    `http://127.0.0.1:${port}/`,
    "--slo",
    `p99<${sloMs}ms`,
    "--from",
    "400",
    "--precision",
    "1%",
    ...length,
  ];
  const main = join(import.meta.dirname, "..", "runners", "main.ts");
  const { stdout, status } = spawnSync(process.execPath, [main, ...words, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`wavetank ${words.join(" ")} ended with code ${status}`);
  const { found } = JSON.parse(stdout) as {
    found: {
      perSecond: number;
      low: number;
      high: number;
      probes: { perSecond: number; strain: number; valid: boolean }[];
    };
  };
  for (const { perSecond, strain, valid } of found.probes)
    process.stdout.write(
      `  probe ${perSecond.toFixed(0).padStart(5)}/s  p99 ${(strain * sloMs).toFixed(1).padStart(6)} ms${valid ? "" : "  generator late, not used"}\n`,
    );
  const off = found.perSecond / theory - 1;
  const held = Math.abs(off) <= 0.03;
  process.stdout.write(
    `${held ? "HELD     " : "NOT HELD "}capacity ${found.perSecond.toFixed(1)}/s [${found.low.toFixed(1)}, ${found.high.toFixed(1)}], theory ${theory.toFixed(1)}: ${(off * 100).toFixed(2)} % off; expected within 3 %\n`,
  );
  if (!held) process.exitCode = 1;
} finally {
  server.kill();
}
