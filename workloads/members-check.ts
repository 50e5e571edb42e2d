/**
 * What failure detectors did, worked out of what each member noted.
 *
 * How long a member that dies waits until somebody finds out is measured twice. Directly: the few that crash. And at every instant of every
 * member, because what decides is whom the others were about to ping: had a member died at t, the first to find out would have been whoever
 * pinged it next, in the period that this ping began. With T the period and the next ping at p that is the ceil((p - t) / T)-th period since,
 * by the pinger's own count.
 */
import type { MembersNotes } from "../backend/api-members.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

export interface MembersStory {
  readonly members: number;
  readonly arrivalsPerPeriod: number;
  /** From and to: numbers of arrivals. */
  readonly crashes: readonly { readonly member: number; readonly from: number; readonly to: number }[];
  readonly held: ReadonlySet<number>;
  readonly heldFrom: number;
}

/** Periods after an instant in which its next ping is looked for: longer waits, one in e^12, count as so long. */
const aheadPeriods = 12;

/** Turns arrivals into instants of the members' clocks. */
interface Timescale {
  readonly periodUs: Micros;
  readonly endUs: Micros;
  at(arrival: number): Micros;
}

/**
 * Counts: `crashes`, `unnoticed` (pairs of crash and member), `falseDead` and `falseDeadAtHeld` (pairs of member and believer).
 * Figures, in periods: `pingWait` and `longestPingWait` (at every instant), `firstMiss` (begun to ask, by the finder's count), `firstDead` and
 * `lastDead` (since the crash), `spread` and `longestSpread` (from the first member that held it for dead to the last); and in messages of a
 * member and period `messagesPerPeriod`, before the first crash, and `messagesInAll`.
 */
export function checkMembers(
  history: readonly HistoryEntry[],
  notes: readonly (MembersNotes | null)[],
  story: MembersStory,
): CheckResult {
  const findings = new Findings("crashes", "unnoticed", "falseDead", "falseDeadAtHeld");
  findings.examine(notes.length);
  const present = notes.filter((each) => each !== null);
  if (present.length < story.members)
    findings.violate(`${story.members - present.length} members did not say what they noted`);
  const timescale = timescaleOf(history, story);
  if (timescale === null) {
    findings.violate("fewer than two operations were answered: nothing says when arrivals were");
    return findings.result("members say what they noted");
  }
  countMessages(present, story, timescale, findings);
  countWaits(present, story, timescale, findings);
  countCrashes(present, story, timescale, findings);
  countFalse(present, story, findings);
  return findings.result("members say what they noted");
}

function timescaleOf(history: readonly HistoryEntry[], story: MembersStory): Timescale | null {
  const [first, last] = [history[0], history.at(-1)];
  if (first === undefined || last === undefined || last.arrival === first.arrival) return null;
  // A node read its clock before the client had the answer: the largest difference is the nearest.
  const ahead = history.flatMap(({ endUs, fact }) => (typeof fact.now === "number" ? [fact.now - endUs] : []));
  if (ahead.length === 0) return null;
  const offsetUs = ahead.reduce((a, b) => Math.max(a, b));
  const spacingUs = (last.startUs - first.startUs) / (last.arrival - first.arrival);
  const at = (arrival: number): Micros => first.startUs + (arrival - first.arrival) * spacingUs + offsetUs;
  return { periodUs: spacingUs * story.arrivalsPerPeriod, endUs: at(last.arrival), at };
}

/** While nobody has crashed yet, and of all the time. Each ping is answered, so what one member sends less another sends more. */
function countMessages(
  notes: readonly MembersNotes[],
  story: MembersStory,
  timescale: Timescale,
  findings: Findings,
): void {
  const crashed = new Set(story.crashes.map(({ member }) => member));
  const calmUs = Math.min(timescale.endUs, ...story.crashes.map(({ from }) => timescale.at(from)));
  const watched = notes.filter(({ node }) => !crashed.has(node));
  findings.figure("messagesPerPeriod", messagesUntil(watched, calmUs));
  findings.figure("messagesInAll", messagesUntil(watched, timescale.endUs));
}

/** Messages a member and period. */
function messagesUntil(notes: readonly MembersNotes[], untilUs: Micros): number {
  let messages = 0;
  let periods = 0;
  for (const { sent } of notes) {
    const begun = sent.filter((at, i) => i % 2 === 0 && at < untilUs).length;
    if (begun < 2) continue;
    messages += sent[2 * begun - 1] - sent[1];
    periods += begun - 1;
  }
  return messages / Math.max(1, periods);
}

/** Of members that are well all the time, before anybody's messages are held. The last instants have their next ping after the window. */
function countWaits(
  notes: readonly MembersNotes[],
  story: MembersStory,
  timescale: Timescale,
  findings: Findings,
): void {
  const { periodUs } = timescale;
  const fromUs = timescale.at(2 * story.arrivalsPerPeriod);
  const lastUs = Math.min(timescale.endUs, timescale.at(story.heldFrom));
  const toUs = lastUs - aheadPeriods * periodUs;
  const crashed = new Set(story.crashes.map(({ member }) => member));
  let waited = 0;
  let watchedUs = 0;
  let longestUs = 0;
  for (const { node, pinged } of notes) {
    // Heartbeats ping nobody.
    if (crashed.has(node) || toUs <= fromUs || pinged.length === 0) continue;
    const pings = [...pinged.filter((at) => at > fromUs && at < lastUs), lastUs];
    let previousUs = fromUs;
    for (const at of pings) {
      longestUs = Math.max(longestUs, at - previousUs);
      if (previousUs < toUs)
        waited += waitBefore(at - previousUs, periodUs) - waitBefore(at - Math.min(at, toUs), periodUs);
      previousUs = at;
    }
    watchedUs += toUs - fromUs;
  }
  if (watchedUs > 0) findings.figure("pingWait", waited / watchedUs);
  findings.figure("longestPingWait", longestUs / periodUs);
}

/** The integral of ceil(t / T) from 0 to `gapUs`. */
function waitBefore(gapUs: Micros, periodUs: Micros): number {
  const gap = gapUs / periodUs;
  const whole = Math.floor(gap);
  return periodUs * ((whole * (whole + 1)) / 2 + (whole + 1) * (gap - whole));
}

function countCrashes(
  notes: readonly MembersNotes[],
  story: MembersStory,
  timescale: Timescale,
  findings: Findings,
): void {
  const crashed = new Set(story.crashes.map(({ member }) => member));
  // Who crashed itself has forgotten what it noted.
  const watchers = notes.filter(({ node }) => !crashed.has(node));
  const seen: { miss: number; first: number; last: number }[] = [];
  for (const { member, from, to } of story.crashes) {
    const [fromUs, toUs] = [timescale.at(from), timescale.at(to)];
    if (toUs > timescale.endUs) continue;
    findings.count("crashes");
    const within = (at: Micros): boolean => at >= fromUs && at < toUs;
    const probes = watchers.flatMap(({ missed }) => triples(missed).filter(([m, , at]) => m === member && within(at)));
    const deaths = watchers.flatMap(({ dead }) =>
      triples(dead)
        .filter(([m, at]) => m === member && within(at))
        .slice(0, 1),
    );
    findings.count("unnoticed", watchers.length - deaths.length);
    if (probes.length === 0 || deaths.length === 0) continue;
    const periods = (at: Micros): number => (at - fromUs) / timescale.periodUs;
    seen.push({
      miss: Math.max(1, Math.ceil(Math.min(...probes.map(([, probedAt]) => periods(probedAt))))),
      first: Math.min(...deaths.map(([, at]) => periods(at))),
      last: Math.max(...deaths.map(([, at]) => periods(at))),
    });
  }
  if (seen.length === 0) return;
  findings.figure("firstMiss", mean(seen.map(({ miss }) => miss)));
  findings.figure("firstDead", mean(seen.map(({ first }) => first)));
  findings.figure("lastDead", mean(seen.map(({ last }) => last)));
  findings.figure("spread", mean(seen.map(({ first, last }) => last - first)));
  findings.figure("longestSpread", Math.max(...seen.map(({ first, last }) => last - first)));
}

/** Members that neither crashed nor were held, and were held for dead by others. */
function countFalse(notes: readonly MembersNotes[], { crashes, held }: MembersStory, findings: Findings): void {
  const crashed = new Set(crashes.map(({ member }) => member));
  const isWell = (member: number): boolean => !crashed.has(member) && !held.has(member);
  for (const { node, dead } of notes) {
    const wrong = triples(dead).filter(([member]) => isWell(member)).length;
    findings.count(held.has(node) ? "falseDeadAtHeld" : "falseDead", wrong);
  }
}

function triples(numbers: readonly number[]): number[][] {
  return Array.from({ length: numbers.length / 3 }, (_, i) => numbers.slice(3 * i, 3 * i + 3));
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
