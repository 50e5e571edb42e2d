/**
 * What a scenario of dispatch hears. A driver is certainly on a trip from when the rider was told of it until somebody first asked for its
 * end; two such spans of one driver must not meet.
 *
 *     match sent ····· told  ████████████ certainly on the trip ████████████  end sent ····· end answered
 */
import type { Match, TripState } from "../../backend/api-dispatch.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import { doubleBookings } from "../../workloads/dispatch-check.ts";
import { ScenarioHistory } from "./scenario-history.ts";

interface TripSpan {
  readonly trip: string;
  driver: string | null;
  toldAt: Micros;
  endSentAt: Micros;
  endedAt: Micros;
}

export class DispatchHistory extends ScenarioHistory {
  private readonly trips = new Map<string, TripSpan>();

  onSent(trip: string): void {
    if (!this.trips.has(trip))
      this.trips.set(trip, { trip, driver: null, toldAt: Infinity, endSentAt: Infinity, endedAt: Infinity });
  }

  onMatched(trip: string, { driver }: Match, at: Micros): void {
    const span = this.trips.get(trip)!;
    if (span.driver !== null && span.driver !== driver)
      this.report("two-drivers", `trip ${trip} was given ${span.driver}, and later ${driver}`);
    if (span.driver !== null) return;
    this.acknowledged++;
    span.driver = driver;
    span.toldAt = at;
  }

  onEndSent(trip: string, at: Micros): void {
    const span = this.trips.get(trip)!;
    span.endSentAt = Math.min(span.endSentAt, at);
  }

  onEnded(trip: string, ended: boolean, sentAt: Micros, at: Micros): void {
    const span = this.trips.get(trip)!;
    span.endedAt = Math.min(span.endedAt, at);
    if (!ended && span.toldAt < sentAt)
      this.report("lost-match", `trip ${trip} was given ${span.driver}, and then unknown`);
  }

  /** A driver was told of a trip, or of none, by a report sent at `sentAt` and answered now. */
  onReported(driver: string, trip: string | null, sentAt: Micros, at: Micros): void {
    this.reads++;
    for (const span of this.trips.values()) {
      const certain = span.driver === driver && span.toldAt < sentAt && at < span.endSentAt;
      if (certain && trip !== span.trip) this.staleReads++;
    }
    if (trip !== null && !this.trips.has(trip))
      this.report("phantom", `${driver} was told of ${trip}, which nobody asked for`);
  }

  /** What the keepers remember when all is over. */
  judge(states: readonly TripState[]): void {
    this.judgeSpans();
    const known = new Map(states.map((state) => [state.trip, state]));
    for (const { trip, driver, endSentAt, endedAt } of this.trips.values()) {
      const state = known.get(trip);
      if (state?.ended === false && endedAt < Infinity) this.report("resurrection", `trip ${trip} was ended, and runs`);
      if (driver === null) continue;
      if (state === undefined)
        this.report("lost-match", `trip ${trip} was given ${driver}, and no keeper remembers it`);
      else if (state.driver !== driver)
        this.report("two-drivers", `trip ${trip} was given ${driver}, and has ${state.driver}`);
      else if (state.ended && endSentAt === Infinity)
        this.report("lost-match", `trip ${trip} has ended, and nobody asked for it`);
    }
    const running = new Set<string>();
    for (const { trip, driver, ended } of states) {
      if (!this.trips.has(trip)) this.report("phantom", `trip ${trip} of ${driver} was asked for by nobody`);
      if (!ended && running.has(driver)) this.report("double-booking", `${driver} is on two trips in the end`);
      if (!ended) running.add(driver);
    }
  }

  private judgeSpans(): void {
    const certain = [...this.trips.values()].filter(
      ({ driver, toldAt, endSentAt }) => driver !== null && toldAt < endSentAt,
    );
    for (const [driver, spans] of Map.groupBy(certain, ({ driver }) => driver!)) {
      const onTrip = spans.map(({ trip, toldAt: from, endSentAt: to }) => ({ trip, from, to }));
      for (const detail of doubleBookings(driver, onTrip)) this.report("double-booking", detail);
    }
  }
}
