/**
 * What dispatch promises, over a recorded history. A driver is certainly on a trip from when its rider was told until somebody first asked for its
 * end: of one driver, two such spans must not meet. What a rider was told, the keepers know in the end.
 */
import type { Answer } from "../backend/api.ts";
import type { TripState } from "../backend/api-dispatch.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { Findings } from "./real-time-order.ts";
import type { CheckResult, HistoryEntry } from "./workload.ts";

/** In which a driver is certainly on the trip. */
export interface Span {
  readonly trip: string;
  readonly from: Micros;
  readonly to: Micros;
}

/** Counts: matched and unmatched riders. Figures: meanMeters, from driver to rider, and silenceUs. */
export function checkDispatch(
  history: readonly HistoryEntry[],
  finals: readonly Answer[],
  maxMeters: number,
): CheckResult {
  const findings = new Findings("matched", "unmatched");
  const endSentAt = new Map<string, Micros>();
  for (const { fact, startUs } of history) if (fact.kind === "end") endSentAt.set(fact.trip as string, startUs);
  const matches = history.filter(({ fact, outcome }) => fact.kind === "match" && outcome === "ok");
  const matched = matches.filter(({ fact }) => fact.driver !== null);
  const known = new Map(tripsIn(finals).map((state) => [state.trip, state]));
  const spans = new Map<string, Span[]>();
  for (const { fact, endUs } of matched) {
    const [trip, driver] = [fact.trip as string, fact.driver as string];
    const state = known.get(trip);
    if (state?.driver !== driver)
      findings.violate(`${trip} was given ${driver}; in the end it has ${state?.driver ?? "nobody"}`);
    if ((fact.meters as number) > maxMeters)
      findings.violate(`${trip} was given ${driver} from ${String(fact.meters)} m away`);
    const span = { trip, from: endUs, to: endSentAt.get(trip) ?? Infinity };
    if (span.from >= span.to) continue;
    const of = spans.get(driver);
    if (of === undefined) spans.set(driver, [span]);
    else of.push(span);
  }
  for (const [driver, of] of spans) for (const text of doubleBookings(driver, of)) findings.violate(text);
  const meters = matched.reduce((sum, { fact }) => sum + (fact.meters as number), 0);
  findings.examine(matched.length);
  findings.count("matched", matched.length);
  findings.count("unmatched", matches.length - matched.length);
  findings.figure("meanMeters", meters / Math.max(1, matched.length));
  findings.figure("silenceUs", longestSilence(history));
  return findings.result("dispatch");
}

/** @param spans of one driver, none of them empty */
export function doubleBookings(driver: string, spans: readonly Span[]): string[] {
  const inOrder = spans.toSorted((a, b) => a.from - b.from);
  const wrong: string[] = [];
  for (let i = 1; i < inOrder.length; i++) {
    const [before, after] = [inOrder[i - 1], inOrder[i]];
    if (after.from < before.to)
      wrong.push(`${driver} was given to ${before.trip} and, before its end, to ${after.trip}`);
  }
  return wrong;
}

/** The longest that any driver went between two reports that were taken. */
function longestSilence(history: readonly HistoryEntry[]): Micros {
  const lastAt = new Map<unknown, Micros>();
  let longest = 0;
  const taken = history.filter(({ fact, outcome }) => fact.kind === "report" && outcome === "ok");
  for (const { fact, endUs } of taken.toSorted((a, b) => a.endUs - b.endUs)) {
    const last = lastAt.get(fact.driver);
    if (last !== undefined) longest = Math.max(longest, endUs - last);
    lastAt.set(fact.driver, endUs);
  }
  return longest;
}

function tripsIn(finals: readonly Answer[]): readonly TripState[] {
  const [answer] = finals;
  return answer?.kind === "ok" && answer.result.kind === "trips" ? answer.result.trips : [];
}
