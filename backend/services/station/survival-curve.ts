/**
 * Service times given by their survival function: log-log linear between points, so a piece of Pareto's law between each two, and
 * the last slope for ever. It takes a percentile from a paper as a point.
 */
import type { SurvivalCurve } from "../../api-tails.ts";
import type { Random } from "../../kernel/random.ts";
import type { Micros } from "../../kernel/units.ts";

export class CurveDraws {
  private readonly at: readonly number[];
  private readonly survival: readonly number[];
  /** Of piece i, between points i and i + 1: 1 / (its slope, taken positive). */
  private readonly inverse: readonly number[];

  /** @throws RangeError unless times grow and survival falls from 1 */
  constructor(curve: SurvivalCurve) {
    const falls = curve.every(
      ([at, p], i) => at > 0 && p > 0 && (i === 0 || (at > curve[i - 1][0] && p < curve[i - 1][1])),
    );
    if (curve.length < 2 || !falls || curve[0][1] !== 1) {
      const got = curve.map((point) => point.join(" ")).join(", ");
      throw new RangeError(
        `fanOut.curve: got ${got || "no points"}, expected two or more with growing times and survival falling from 1`,
      );
    }
    this.at = curve.map(([at]) => at);
    this.survival = curve.map(([, p]) => p);
    this.inverse = curve.slice(1).map(([at, p], i) => Math.log(at / curve[i][0]) / Math.log(curve[i][1] / p));
  }

  /** Whole microseconds. */
  draw(random: Random): Micros {
    const survives = 1 - random.float();
    let piece = 0;
    while (piece < this.inverse.length - 1 && survives < this.survival[piece + 1]) piece++;
    return Math.round(this.at[piece] * (this.survival[piece] / survives) ** this.inverse[piece]);
  }
}
