/**
 * A rate of arrivals over time, by its integral. What a schedule needs of a rate r(t) is only
 *
 *     L(t) = arrivals expected by t       as `total`, L at the end of the load
 *     L^-1(u)                             when arrival u happens
 *
 * Straight pieces invert as quadratics. A wave has no closed inverse and is inverted by Newton's method between bounds. Whatever
 * repeats is inverted inside one period, so the cost of an arrival does not depend on how long the load is. Every inverse is a
 * function of u alone, never of the arrival before: slices that walk different arrivals must agree to the last bit.
 */
import { second, type Micros } from "../backend/kernel/units.ts";

export interface RateCurve {
  /** L at the end of the load. */
  readonly total: number;
  /** When arrival `u` happens, for u in [0, total); microseconds, not rounded. */
  invert(u: number): Micros;
}

/** Rate over [startUs, endUs) as a straight line, a second. */
export interface Segment {
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
}

/** A segment with rates a microsecond and L(startUs), L(endUs). */
interface Piece {
  readonly startUs: Micros;
  readonly fromRate: number;
  readonly toRate: number;
  readonly lengthUs: Micros;
  readonly before: number;
  readonly after: number;
}

/** Straight segments in order of time; what lies at or after `forUs` is cut, and empty segments are left out. */
export function straightCurve(segments: readonly Segment[], forUs: Micros): RateCurve {
  const pieces: Piece[] = [];
  let before = 0;
  for (const { startUs, endUs, fromPerSecond, toPerSecond } of segments) {
    const from = Math.max(0, Math.min(startUs, forUs));
    const to = Math.max(0, Math.min(endUs, forUs));
    if (to <= from) continue;
    const after = before + (((fromPerSecond + toPerSecond) / 2) * (to - from)) / second;
    const rates = { fromRate: fromPerSecond / second, toRate: toPerSecond / second };
    pieces.push({ startUs: from, lengthUs: to - from, ...rates, before, after });
    before = after;
  }
  return { total: before, invert: (u) => invertPiece(pieces[pieceOf(pieces, u)], u) };
}

/** The first piece that ends above `u`; the last one for a u at the very end. */
function pieceOf(pieces: readonly Piece[], u: number): number {
  let low = 0;
  let high = pieces.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (u < pieces[middle].after) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The root of rate * t + slope / 2 * t^2 = u - before, in the form that does not cancel. */
function invertPiece(piece: Piece, u: number): Micros {
  const wanted = u - piece.before;
  const slope = (piece.toRate - piece.fromRate) / piece.lengthUs;
  if (slope === 0) return piece.startUs + wanted / piece.fromRate;
  const root = Math.sqrt(Math.max(0, piece.fromRate * piece.fromRate + 2 * slope * wanted));
  return wanted === 0 ? piece.startUs : piece.startUs + (2 * wanted) / (piece.fromRate + root);
}

/** `perSecond` for `onUs`, then `offPerSecond` for `offUs`, over and over until `forUs`. */
export function burstCurve(
  perSecond: number,
  offPerSecond: number,
  onUs: Micros,
  offUs: Micros,
  forUs: Micros,
): RateCurve {
  const on: Segment = { startUs: 0, endUs: onUs, fromPerSecond: perSecond, toPerSecond: perSecond };
  const off: Segment = { startUs: onUs, endUs: onUs + offUs, fromPerSecond: offPerSecond, toPerSecond: offPerSecond };
  const periodUs = onUs + offUs;
  const period = straightCurve([on, off], periodUs);
  return repeated(periodUs, period, straightCurve([on, off], forUs % periodUs).total, forUs);
}

/** perSecond + amplitude sin(2 pi (t + phaseUs) / periodUs) until `forUs`; the amplitude is at most perSecond. */
export function sineCurve(
  perSecond: number,
  amplitude: number,
  periodUs: Micros,
  phaseUs: Micros,
  forUs: Micros,
): RateCurve {
  const rate = perSecond / second;
  const turn = (2 * Math.PI) / periodUs;
  const phase = turn * phaseUs;
  const swing = amplitude / second / turn;
  const massBy = (t: Micros): number => rate * t + swing * (Math.cos(phase) - Math.cos(turn * t + phase));
  const rateAt = (t: Micros): number => rate + swing * turn * Math.sin(turn * t + phase);
  const period: RateCurve = {
    total: rate * periodUs,
    invert: (u) => monotoneRoot(massBy, rateAt, u, periodUs),
  };
  return repeated(periodUs, period, massBy(forUs % periodUs), forUs);
}

/** Keeps an arrival due at the very start of a period from being put at the end of the one before by the last bit of a division. */
const periodSlack = 1e-9;

/** `period` over and over. `rest`: arrivals in the unfinished period at the end of the load. */
function repeated(periodUs: Micros, period: RateCurve, rest: number, forUs: Micros): RateCurve {
  return {
    total: Math.floor(forUs / periodUs) * period.total + rest,
    invert: (u) => {
      const periods = Math.floor(u / period.total + periodSlack);
      return periods * periodUs + period.invert(Math.max(0, u - periods * period.total));
    },
  };
}

/** A hundred-thousandth of what a schedule rounds to. */
const toleranceUs = 1e-5;

/** The t in [0, end] at which a growing `f` is `wanted`: Newton's steps, halved intervals where they would leave the bounds. */
function monotoneRoot(f: (t: number) => number, slope: (t: number) => number, wanted: number, end: number): number {
  let low = 0;
  let high = end;
  let t = (wanted / f(end)) * end;
  for (let i = 0; i < 100; i++) {
    const excess = f(t) - wanted;
    if (excess > 0) high = t;
    else low = t;
    const newton = t - excess / slope(t);
    if (Math.abs(newton - t) < toleranceUs) return Math.min(end, Math.max(0, newton));
    if (high - low < toleranceUs) return t;
    t = newton > low && newton < high ? newton : (low + high) / 2;
  }
  return t;
}
