/** `wavetank calibrate` carried out: a row as each is measured, then how many held. */
import type { CalibrateOptions } from "../command-calibrate.ts";
import { exitCodes } from "../command-exit.ts";
import type { Parts } from "../command-parts.ts";
import { Interruption } from "../command-terminal.ts";
import { figure } from "../compare/judge.ts";
import { painter } from "../progress.ts";
import { Interrupted } from "../run-order.ts";
import type { Calibration } from "../results.ts";
import { calibrate } from "./calibrate.ts";

export async function calibrateCommand({ tanks, quick, seed, json }: CalibrateOptions, parts: Parts): Promise<number> {
  const { terminal } = parts;
  const interruption = new Interruption(
    parts.signals,
    () => terminal.note("stopping after this oracle\n"),
    (code) => parts.leave(code),
  );
  const paint = painter(terminal.colour);
  const rows: Calibration[] = [];
  const onRow = (row: Calibration): void => {
    rows.push(row);
    if (!json) terminal.print(`${rowText(row, paint(row.held ? "green" : "red", row.held ? "held  " : "missed"))}\n`);
  };
  try {
    if (!json)
      terminal.print(
        paint(
          "dim",
          `${"".padEnd(8)}${"oracle".padEnd(28)}${"tank".padEnd(12)}${"theory".padStart(10)}${"measured".padStart(10)}  tolerance\n`,
        ),
      );
    for (const tank of tanks) await calibrate({ tank, quick, seed, signal: interruption.signal, onRow });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    interruption.end();
  }
  const missed = rows.filter(({ held }) => !held).length;
  if (json) terminal.print(`${JSON.stringify({ seed, quick, rows }, null, 2)}\n`);
  else
    terminal.print(
      `${interruption.exitCode === null ? "" : "interrupted; of what was measured "}${missed === 0 ? `all ${rows.length} held` : `${missed} of ${rows.length} missed`}\n`,
    );
  return interruption.exitCode ?? (missed === 0 && rows.length > 0 ? exitCodes.ok : exitCodes.violated);
}

function rowText({ oracle, tank, quantity, theory, measured, tolerance }: Calibration, verdict: string): string {
  const figures = `${figure(theory).padStart(10)}${figure(measured).padStart(10)}`;
  return `${verdict}  ${oracle.padEnd(28)}${tank.padEnd(12)}${figures}  ${tolerance.padEnd(16)} ${quantity}`;
}
