/**
 * Partly open arrivals (Schroeder, Wierman, Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006, section 2):
 * visitors come as a Poisson process; each visit is followed by another with chance p after a think time, or is the last.
 *
 *     new sessions  ──> visit ──1 - p──> gone         visits a second, in all: sessions a second / (1 - p)
 *                        ^  │
 *                        └──┘ p, think
 *
 * Departure from the paper: a think time counts from arrival to arrival and not from the answer, as everywhere in this generator,
 * so that a slow answer delays nothing and the arrivals are a function of the seed alone. Think times are exponential, which lets
 * the load begin in its steady state exactly: with a Poisson number of visitors thinking, each for an exponential rest.
 */
import { TimeHeap } from "../backend/kernel/heap.ts";
import { Random } from "../backend/kernel/random.ts";
import { second, type Micros } from "../backend/kernel/units.ts";
import type { LoadShape } from "./experiment.ts";

export type SessionsLoad = Extract<LoadShape, { kind: "sessions" }>;

export interface Visit {
  /** Number of the session, from 0; sessions that were under way when the load began come first. */
  readonly session: number;
  readonly atUs: number;
}

/** Arrivals expected in [0, forUs). */
export function expectedVisits({ sessionsPerSecond, returnChance }: SessionsLoad, forUs: Micros): number {
  return ((sessionsPerSecond / (1 - returnChance)) * forUs) / second;
}

/** All visits in [0, forUs) in order of time. Holds one heap entry for each visitor who will return. */
export function* visits(load: SessionsLoad, forUs: Micros, seed: number): Iterable<Visit> {
  const { sessionsPerSecond, returnChance, thinkUs } = load;
  if (sessionsPerSecond === 0) return;
  const meanGapUs = second / sessionsPerSecond;
  const starts = Random.stream(seed, "arrivals");
  const returns = Random.stream(seed, "returns");
  const thinking = new TimeHeap();
  let sessions = 0;
  const meanThinking = (thinkUs / meanGapUs) * (returnChance / (1 - returnChance));
  // Rate-1 exponential gaps until the mean is passed: a Poisson number.
  for (let passed = returns.exponential(1); passed < meanThinking; passed += returns.exponential(1)) {
    thinking.push(returns.exponential(thinkUs), sessions, sessions);
    sessions++;
  }
  let startUs = starts.exponential(meanGapUs);
  for (;;) {
    const isNew = startUs <= thinking.earliest;
    const atUs = isNew ? startUs : thinking.earliest;
    if (atUs >= forUs) return;
    const session = isNew ? sessions++ : thinking.pop();
    if (isNew) startUs += starts.exponential(meanGapUs);
    if (returns.chance(returnChance)) thinking.push(atUs + returns.exponential(thinkUs), session, session);
    yield { session, atUs };
  }
}
