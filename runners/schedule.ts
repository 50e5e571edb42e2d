/**
 * When operations are meant to begin: a pure function of (load, seed, arrival number), so that any slice on any machine finds
 * its own part and the union of the slices is the schedule of one.
 *
 *     rate r(t)  ──integrate──>  L(t) = arrivals expected by t  ──invert──>  arrival u happens at L^-1(u)
 *
 * Evenly spaced loads take u = 0, 1, 2 ...; Poisson loads take u from a Poisson process of rate 1 (exponential gaps), which the
 * change of time turns into a Poisson process of rate r(t), constant or not (Cinlar 1975, section 4.7). Every rate here is made
 * of straight pieces, so L^-1 is a quadratic. Nothing is held but the current piece.
 */
import { Random } from "../backend/kernel/random.ts";
import { second, type Micros } from "../backend/kernel/units.ts";
import type { LoadShape } from "./experiment.ts";

export interface Arrival {
  /** Number in the whole schedule, over all slices. */
  readonly index: number;
  /** Intended start, microseconds since the load began. */
  readonly atUs: Micros;
}

/**
 * One part of a load. Arrival i belongs to client i mod `clients`, and clients are dealt to slices whole, because a client's
 * retry budget and breaker live in one place. Without `clients` every arrival is dealt by itself.
 */
export interface Slice {
  readonly index: number;
  readonly count: number;
  readonly clients?: number;
}

export interface Schedule extends Iterable<Arrival> {
  /** Arrivals expected in the whole schedule; exact for evenly spaced loads, the mean for Poisson. */
  readonly expected: number;
}

export const wholeLoad: Slice = { index: 0, count: 1 };

/** Rate changes linearly from `fromRate` to `toRate` arrivals a microsecond over [startUs, endUs). */
interface Piece {
  readonly startUs: Micros;
  readonly endUs: Micros;
  readonly fromRate: number;
  readonly toRate: number;
  /** L(startUs). */
  readonly before: number;
  /** L(endUs) - L(startUs). */
  readonly mass: number;
}

/** Arrivals in [0, forUs) that belong to `slice`, in time order. Throws on a rate or length that is no load. */
export function createSchedule(load: LoadShape, forUs: Micros, seed: number, slice: Slice = wholeLoad): Schedule {
  checkLoad(load, forUs, slice);
  const pieces = piecesOf(load, forUs);
  const last = pieces[pieces.length - 1];
  return {
    expected: last.before + last.mass,
    *[Symbol.iterator](): Iterator<Arrival> {
      const clients = slice.clients ?? slice.count;
      const gaps = isPoisson(load) ? Random.stream(seed, "arrivals") : null;
      let reached = gaps === null ? 0 : gaps.exponential(1);
      let piece = 0;
      for (let index = 0; ; index++) {
        while (piece < pieces.length && reached >= pieces[piece].before + pieces[piece].mass) piece++;
        if (piece === pieces.length) return;
        if ((index % clients) % slice.count === slice.index) {
          yield { index, atUs: Math.min(forUs - 1, Math.floor(invert(pieces[piece], reached) + roundingSlack)) };
        }
        reached += gaps === null ? 1 : gaps.exponential(1);
      }
    },
  };
}

/** The load in words, with its figures. */
export function describeLoad(load: LoadShape, forUs: Micros): string {
  const length = `for ${forUs / second} s`;
  const process = isPoisson(load) ? "Poisson" : "evenly spaced";
  switch (load.kind) {
    case "constant":
    case "poisson":
      return `open loop, ${load.perSecond}/s ${process}, ${length}`;
    case "ramp":
      return `open loop, ramp from ${load.fromPerSecond}/s to ${load.toPerSecond}/s ${process}, ${length}`;
    case "step":
      return `open loop, steps of ${load.ratesPerSecond.join(", ")}/s ${process}, ${length}`;
    case "spike":
      return (
        `open loop, ${load.perSecond}/s ${process} with ${load.peakPerSecond}/s ` +
        `from ${load.atUs / second} s for ${load.lengthUs / second} s, ${length}`
      );
  }
}

/** The same shape with `perSecond` as its rate: steps and peaks keep their proportion to the first or base rate. */
export function withRate(load: LoadShape, perSecond: number): LoadShape {
  switch (load.kind) {
    case "constant":
    case "poisson":
      return { ...load, perSecond };
    case "ramp":
      return { ...load, fromPerSecond: (load.fromPerSecond * perSecond) / load.toPerSecond, toPerSecond: perSecond };
    case "step": {
      const first = load.ratesPerSecond[0];
      return { ...load, ratesPerSecond: load.ratesPerSecond.map((rate) => (rate * perSecond) / first) };
    }
    case "spike":
      return { ...load, perSecond, peakPerSecond: (load.peakPerSecond * perSecond) / load.perSecond };
  }
}

/** Keeps an arrival due at exactly 5,000 us from becoming 4,999 by the last bit of a division. */
const roundingSlack = 1e-6;

function isPoisson(load: LoadShape): boolean {
  if (load.kind === "constant") return false;
  return load.kind === "poisson" || load.poisson === true;
}

function piecesOf(load: LoadShape, forUs: Micros): Piece[] {
  const pieces: Piece[] = [];
  let before = 0;
  const add = (startUs: Micros, endUs: Micros, fromPerSecond: number, toPerSecond = fromPerSecond): void => {
    const from = Math.max(0, Math.min(startUs, forUs));
    const to = Math.max(0, Math.min(endUs, forUs));
    if (to <= from) return;
    const mass = (((fromPerSecond + toPerSecond) / 2) * (to - from)) / second;
    const rates = { fromRate: fromPerSecond / second, toRate: toPerSecond / second };
    pieces.push({ startUs: from, endUs: to, ...rates, before, mass });
    before += mass;
  };
  switch (load.kind) {
    case "constant":
    case "poisson":
      add(0, forUs, load.perSecond);
      break;
    case "ramp":
      add(0, forUs, load.fromPerSecond, load.toPerSecond);
      break;
    case "step": {
      const steps = load.ratesPerSecond.length;
      load.ratesPerSecond.forEach((rate, i) => add((i * forUs) / steps, ((i + 1) * forUs) / steps, rate));
      break;
    }
    case "spike":
      add(0, load.atUs, load.perSecond);
      add(load.atUs, load.atUs + load.lengthUs, load.peakPerSecond);
      add(load.atUs + load.lengthUs, forUs, load.perSecond);
      break;
  }
  return pieces;
}

/** L^-1(u) for a u inside this piece: the root of rate * t + slope / 2 * t^2 = u - before, in the form that does not cancel. */
function invert(piece: Piece, u: number): Micros {
  const wanted = u - piece.before;
  const slope = (piece.toRate - piece.fromRate) / (piece.endUs - piece.startUs);
  if (slope === 0) return piece.startUs + wanted / piece.fromRate;
  const root = Math.sqrt(Math.max(0, piece.fromRate * piece.fromRate + 2 * slope * wanted));
  return wanted === 0 ? piece.startUs : piece.startUs + (2 * wanted) / (piece.fromRate + root);
}

function checkLoad(load: LoadShape, forUs: Micros, slice: Slice): void {
  const rates =
    load.kind === "ramp"
      ? [load.fromPerSecond, load.toPerSecond]
      : load.kind === "step"
        ? load.ratesPerSecond
        : load.kind === "spike"
          ? [load.perSecond, load.peakPerSecond]
          : [load.perSecond];
  const wrong = rates.find((rate) => !(rate >= 0 && Number.isFinite(rate)));
  if (rates.length === 0 || wrong !== undefined) {
    throw new RangeError(`load ${load.kind}: got a rate of ${wrong} a second; expected finite rates of 0 or more`);
  }
  if (!(Number.isInteger(forUs) && forUs > 0)) {
    throw new RangeError(`load ${load.kind}: got a length of ${forUs} us; expected a positive whole number`);
  }
  if (!(slice.index >= 0 && slice.index < slice.count)) {
    throw new RangeError(`slice ${slice.index} of ${slice.count}: expected 0 <= index < count`);
  }
}
