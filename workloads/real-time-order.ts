/**
 * What a recorded operation proves about when it took effect. A client sees only the two ends:
 *
 *     ok, sent once        some time between start and end
 *     ok, sent again       between start and end, and perhaps once more later: an attempt given up on may still arrive
 *     unknown              after its start, or never
 *     refused, sent once   never
 *     refused, sent again  after its start, or never: the refusal speaks for the last attempt only
 *
 * One operation is *before* another when its last possible effect is earlier than the other's start. Two that are not ordered
 * so are *concurrent*, and a store may order them as it likes (Herlihy and Wing, 1990).
 */
import type { Micros } from "../backend/kernel/units.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

export interface Effect {
  readonly happened: "certainly" | "perhaps" | "never";
  readonly startUs: Micros;
  /** When the client knew; Infinity when it never did. */
  readonly knownUs: Micros;
  /** The last moment at which it can have taken effect. */
  readonly untilUs: Micros;
}

export function effectOf(entry: HistoryEntry): Effect {
  const { startUs, endUs, outcome, attempts = 1 } = entry;
  if (outcome === "ok") {
    return { happened: "certainly", startUs, knownUs: endUs, untilUs: attempts > 1 ? Infinity : endUs };
  }
  const never = outcome === "refused" && attempts <= 1;
  return { happened: never ? "never" : "perhaps", startUs, knownUs: Infinity, untilUs: never ? -Infinity : Infinity };
}

/**
 * True when all of `a` was over before `b` began. Instants closer than `slackUs` are taken as one: recording machines' clocks
 * differ by that much, or the store orders writes by clocks that do.
 */
export function isBefore(a: Effect, b: Effect, slackUs: Micros): boolean {
  return a.untilUs + slackUs < b.startUs;
}

/** Violations, counts and figures while a check goes on. */
export class Findings {
  private readonly violations: string[] = [];
  private readonly counts: Record<string, number> = {};
  private readonly figures: Record<string, number> = {};
  private violationCount = 0;
  private examined = 0;

  /** The counts a check reports even when they stay at zero. */
  constructor(...counted: string[]) {
    for (const name of counted) this.counts[name] = 0;
  }

  examine(facts = 1): void {
    this.examined += facts;
  }

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  figure(name: string, value: number): void {
    this.figures[name] = value;
  }

  /** Texts past the twentieth are only counted. */
  violate(text: string): void {
    this.violationCount++;
    if (this.violationCount <= 20) this.violations.push(text);
  }

  result(name: string): CheckResult {
    const more = this.violationCount - this.violations.length;
    const violations = more > 0 ? [...this.violations, `and ${more} more`] : this.violations;
    const held = violations.length === 0 && this.examined > 0;
    const { examined, counts, figures } = this;
    return { name, held, examined, violations, counts: { ...counts }, figures: { ...figures } };
  }
}
