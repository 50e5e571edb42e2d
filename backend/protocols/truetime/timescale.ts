/**
 * Which time `env.wall` bounds. The simulation counts seconds of equal length from its beginning, as TAI does; call that t. The
 * reference, R(t), is what "true time" means to cores, and what a checker must compare their timestamps with:
 *
 *     no leap second, or ignored    R(t) = t                      a fleet on TAI, or in a year without a leap second
 *     step at A                     R(t) = t, from A on t - 1 s   UTC as POSIX counts it: it goes back, so order is lost
 *     linear, window w round A      R(t) = t - ramp(t)            smeared UTC: continuous, and equal for all who smear alike
 *     cosine, window w before A     R(t) = t - lie(t)             the same; its rate has no jump either
 *
 * Under a step each node steps at a moment of its own, after A; until then its claim is a lie, by a second. Linear, noon to noon,
 * is the smear that Google proposed as a standard; the cosine is its smear of 2011 ("Time, technology and leaping seconds"):
 * "lie(t) = (1.0 - cos(pi * t / w)) / 2.0".
 */
import type { LeapSecond, TimeSpec } from "../../kernel/time-spec.ts";
import type { Micros } from "../../kernel/units.ts";
import { hour, second } from "../../kernel/units.ts";

/** A leap second with everything filled in. */
export interface Timescale {
  readonly kind: LeapSecond["kind"];
  /** True time of the end of the UTC day. */
  readonly atUs: Micros;
  /** True time at which the smear begins, and how long it lasts; 0 and 0 unless there is one. */
  readonly beginsUs: Micros;
  readonly windowUs: Micros;
}

/** @throws RangeError when the instant or the window is not a number of microseconds */
export function timescaleOf(leap: LeapSecond | undefined): Timescale {
  if (leap === undefined) return { kind: "ignored", atUs: 0, beginsUs: 0, windowUs: 0 };
  const { kind, atUs } = leap;
  if (!Number.isSafeInteger(atUs)) {
    throw new RangeError(
      `time: the leap second is at ${atUs}; expected whole microseconds since the run began; 12 hours are 43_200_000_000`,
    );
  }
  if (kind === "ignored" || kind === "step") return { kind, atUs, beginsUs: 0, windowUs: 0 };
  const windowUs = leap.windowUs ?? (kind === "linear" ? 24 * hour : 20 * hour);
  if (!Number.isSafeInteger(windowUs) || windowUs < second) {
    throw new RangeError(
      `time: the smear's window is ${windowUs}; expected whole microseconds, at least a second; a step is kind "step"`,
    );
  }
  return { kind, atUs, beginsUs: kind === "linear" ? atUs - windowUs / 2 : atUs - windowUs, windowUs };
}

/** R(t), microseconds; not whole ones while a smear is under way. */
export function referenceUs(scale: Timescale, trueUs: Micros): number {
  if (scale.kind === "ignored") return trueUs;
  if (scale.kind === "step") return trueUs < scale.atUs ? trueUs : trueUs - second;
  const part = (trueUs - scale.beginsUs) / scale.windowUs;
  if (part <= 0) return trueUs;
  if (part >= 1) return trueUs - second;
  return trueUs - second * (scale.kind === "linear" ? part : (1 - Math.cos(Math.PI * part)) / 2);
}

/** The most that R ever runs slow, microseconds a second: 11.574 for the linear smear over a day. */
export function steepestPpm({ kind, windowUs }: Timescale): number {
  if (windowUs === 0) return 0;
  return (1e6 * second * (kind === "cosine" ? Math.PI / 2 : 1)) / windowUs;
}

/** Clocks on both would never disagree, but for their errors. */
export function sameTimescale(a: Timescale, b: Timescale): boolean {
  if (a.kind === "ignored" || b.kind === "ignored") return a.kind === b.kind;
  return a.kind === b.kind && a.atUs === b.atUs && a.windowUs === b.windowUs;
}

/** For checkers: from true time of the simulation to the reference that every honest `env.wall` bounds. */
export function referenceOf(time: TimeSpec | undefined): (trueUs: Micros) => number {
  const scale = timescaleOf(time?.kind === "polled" ? time.leap : undefined);
  return (trueUs) => referenceUs(scale, trueUs);
}
