/** A row that holds when what was measured is theory's, give or take a share of it. */
import type { Calibration } from "../results.ts";

export function withinShare(
  row: Pick<Calibration, "oracle" | "tank" | "quantity">,
  theory: number,
  measured: number,
  share: number,
): Calibration {
  const held = Math.abs(measured / theory - 1) <= share;
  return { ...row, theory, measured, tolerance: `${share * 100} %`, held };
}
