/**
 * When operations are meant to begin: a pure function of (load, seed, arrival number), so that any slice on any machine finds
 * its own part and the union of the slices is the schedule of one.
 *
 *     rate r(t)  ──integrate──>  L(t) = arrivals expected by t  ──invert──>  arrival u happens at L^-1(u)
 *
 * Evenly spaced loads take u = 0, 1, 2 ...; Poisson loads take u from a Poisson process of rate 1 (exponential gaps), which the
 * change of time turns into a Poisson process of rate r(t), constant or not (Cinlar 1975, section 4.7). A slice inverts only what
 * is its own; what it passes over costs it an addition, or an exponential draw. Sessions and traces are no rate: they bring their
 * own instants, and a slice passes over those of others as cheaply.
 */
import { Random } from "../backend/kernel/random.ts";
import { second, type Micros } from "../backend/kernel/units.ts";
import type { LoadShape } from "./experiment.ts";
import { checkLoad } from "./load-check.ts";
import { expectedVisits, visits, type SessionsLoad } from "./partly-open.ts";
import { burstCurve, sineCurve, straightCurve, type RateCurve, type Segment } from "./rate-curve.ts";
import { readTrace } from "./trace.ts";

export interface Arrival {
  /** Number in the whole schedule, over all slices. */
  readonly index: number;
  /** Intended start, microseconds since the load began. */
  readonly atUs: Micros;
  /** The session it is a visit of, where sessions return: it is dealt, and belongs to a client, by this number. */
  readonly session?: number;
  /** What the trace says is done. */
  readonly operation?: string;
}

/**
 * One part of a load. Arrival (or session) i belongs to client i mod `clients`, and clients are dealt to slices whole, because a client's
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

type TraceLoad = Extract<LoadShape, { kind: "trace" }>;
type RatedLoad = Exclude<LoadShape, SessionsLoad | TraceLoad>;
/** Is this arrival, or the session it belongs to, the slice's? */
type Mine = (number: number) => boolean;

/**
 * Arrivals in [0, forUs) that belong to `slice`, in time order.
 * @throws RangeError on a rate or length that is no load; TraceError on a trace that cannot be read
 */
export function createSchedule(load: LoadShape, forUs: Micros, seed: number, slice: Slice = wholeLoad): Schedule {
  checkLoad(load, forUs);
  if (!(slice.index >= 0 && slice.index < slice.count)) {
    throw new RangeError(`slice ${slice.index} of ${slice.count}: expected 0 <= index < count`);
  }
  const clients = slice.clients ?? slice.count;
  const mine: Mine = (number) => (number % clients) % slice.count === slice.index;
  if (load.kind === "sessions") {
    return { expected: expectedVisits(load, forUs), [Symbol.iterator]: () => sessionArrivals(load, forUs, seed, mine) };
  }
  if (load.kind === "trace") return traceSchedule(load, forUs, mine);
  const curve = curveOf(load, forUs);
  const random = (): Random | null => (isPoisson(load) ? Random.stream(seed, "arrivals") : null);
  return { expected: curve.total, [Symbol.iterator]: () => ratedArrivals(curve, forUs, random(), mine) };
}

/** Evenly spaced without `gaps`, else Poisson with gaps from that stream. */
function* ratedArrivals(curve: RateCurve, forUs: Micros, gaps: Random | null, mine: Mine): Iterator<Arrival> {
  let reached = gaps === null ? 0 : gaps.exponential(1);
  for (let index = 0; reached < curve.total; index++) {
    if (mine(index)) yield { index, atUs: Math.min(forUs - 1, Math.floor(curve.invert(reached) + roundingSlack)) };
    reached += gaps === null ? 1 : gaps.exponential(1);
  }
}

function* sessionArrivals(load: SessionsLoad, forUs: Micros, seed: number, mine: Mine): Iterator<Arrival> {
  let index = 0;
  for (const { session, atUs } of visits(load, forUs, seed)) {
    if (mine(session)) yield { index, atUs: Math.floor(atUs), session };
    index++;
  }
}

function traceSchedule({ path, timeScale = 1 }: TraceLoad, forUs: Micros, mine: Mine): Schedule {
  const { atUs, operation, operations } = readTrace(path);
  const at = (index: number): Micros => Math.floor(atUs[index] * timeScale + roundingSlack);
  // Times do not fall: halve to the first at or past the end.
  let count = 0;
  for (let high = atUs.length; count < high;) {
    const middle = (count + high) >> 1;
    if (at(middle) < forUs) count = middle + 1;
    else high = middle;
  }
  return {
    expected: count,
    *[Symbol.iterator](): Iterator<Arrival> {
      for (let index = 0; index < count; index++) {
        if (!mine(index)) continue;
        if (operation === null) yield { index, atUs: at(index) };
        else yield { index, atUs: at(index), operation: operations[operation[index]] };
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
    case "sine":
      return (
        `open loop, a wave of ${load.perSecond - load.amplitudePerSecond}/s to ` +
        `${load.perSecond + load.amplitudePerSecond}/s with a period of ${load.periodUs / second} s ${process}, ${length}`
      );
    case "bursts":
      return (
        `open loop, bursts of ${load.perSecond}/s for ${load.onUs / second} s with ${load.offPerSecond ?? 0}/s ` +
        `for ${load.offUs / second} s in between ${process}, ${length}`
      );
    case "sessions":
      return (
        `partly open, ${load.sessionsPerSecond} new sessions/s Poisson, each visit followed by another with chance ` +
        `${load.returnChance} after ${load.thinkUs / second} s on average, ${length}`
      );
    case "trace": {
      const scale = load.timeScale ?? 1;
      return `open loop, replay of ${load.path}${scale === 1 ? "" : ` with times multiplied by ${scale}`}, ${length}`;
    }
  }
}

/**
 * The same shape with `perSecond` as its rate: that of a ramp's end, the first step that is not 0, a spike's base, a wave's mean,
 * a burst; all else keeps its proportion to it. For sessions it is the rate of visits, for a trace the mean from first to last.
 */
export function withRate(load: LoadShape, perSecond: number): LoadShape {
  switch (load.kind) {
    case "constant":
    case "poisson":
      return { ...load, perSecond };
    case "sine":
      return { ...load, perSecond, amplitudePerSecond: (load.amplitudePerSecond * perSecond) / load.perSecond };
    case "bursts":
      return { ...load, perSecond, offPerSecond: ((load.offPerSecond ?? 0) * perSecond) / load.perSecond };
    case "sessions":
      return { ...load, sessionsPerSecond: perSecond * (1 - load.returnChance) };
    case "trace": {
      const { atUs } = readTrace(load.path);
      const lengthUs = atUs[atUs.length - 1] - atUs[0];
      return { ...load, timeScale: ((atUs.length - 1) * second) / lengthUs / perSecond };
    }
    case "ramp": {
      const factor = perSecond / (load.toPerSecond > 0 ? load.toPerSecond : load.fromPerSecond);
      return { ...load, fromPerSecond: load.fromPerSecond * factor, toPerSecond: load.toPerSecond * factor };
    }
    case "step": {
      const first = load.ratesPerSecond.find((rate) => rate > 0) ?? 1;
      return { ...load, ratesPerSecond: load.ratesPerSecond.map((rate) => (rate * perSecond) / first) };
    }
    case "spike":
      return { ...load, perSecond, peakPerSecond: (load.peakPerSecond * perSecond) / load.perSecond };
  }
}

/** The same shape with everything that has a place in the load, or a length of its own in it, `factor` times as long. */
export function stretched(load: LoadShape, factor: number): LoadShape {
  const scale = (us: Micros): Micros => Math.max(1, Math.round(us * factor));
  switch (load.kind) {
    case "spike":
      return { ...load, atUs: Math.round(load.atUs * factor), lengthUs: scale(load.lengthUs) };
    case "sine":
      return { ...load, periodUs: scale(load.periodUs), phaseUs: Math.round((load.phaseUs ?? 0) * factor) };
    case "bursts":
      return { ...load, onUs: scale(load.onUs), offUs: scale(load.offUs) };
    case "trace":
      return { ...load, timeScale: (load.timeScale ?? 1) * factor };
    default:
      return load;
  }
}

/** Keeps an arrival due at exactly 5,000 us from becoming 4,999 by the last bit of a division. */
const roundingSlack = 1e-6;

function isPoisson(load: RatedLoad | LoadShape): boolean {
  return load.kind === "poisson" || ("poisson" in load && load.poisson === true);
}

function curveOf(load: RatedLoad, forUs: Micros): RateCurve {
  const flat = (startUs: Micros, endUs: Micros, perSecond: number): Segment => ({
    startUs,
    endUs,
    fromPerSecond: perSecond,
    toPerSecond: perSecond,
  });
  switch (load.kind) {
    case "constant":
    case "poisson":
      return straightCurve([flat(0, forUs, load.perSecond)], forUs);
    case "ramp": {
      const { fromPerSecond, toPerSecond } = load;
      return straightCurve([{ startUs: 0, endUs: forUs, fromPerSecond, toPerSecond }], forUs);
    }
    case "step": {
      const steps = load.ratesPerSecond.length;
      const held = load.ratesPerSecond.map((rate, i) => flat((i * forUs) / steps, ((i + 1) * forUs) / steps, rate));
      return straightCurve(held, forUs);
    }
    case "spike": {
      const endUs = load.atUs + load.lengthUs;
      const base = [flat(0, load.atUs, load.perSecond), flat(endUs, forUs, load.perSecond)];
      return straightCurve([base[0], flat(load.atUs, endUs, load.peakPerSecond), base[1]], forUs);
    }
    case "sine":
      return sineCurve(load.perSecond, load.amplitudePerSecond, load.periodUs, load.phaseUs ?? 0, forUs);
    case "bursts":
      return burstCurve(load.perSecond, load.offPerSecond ?? 0, load.onUs, load.offUs, forUs);
  }
}
