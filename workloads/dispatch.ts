/**
 * A city: drivers that go round their blocks and report in turn, and riders that are matched, ride and arrive. Riders begin at hot spots more
 * often than elsewhere: at the airport always, and at the stadium when the match is over. Hours are counted in arrivals, because a plan's time
 * may be stretched by a tank.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { Place } from "../backend/api-dispatch.ts";
import { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { checkDispatch } from "./dispatch-check.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface DispatchParameters {
  /** Default 2,000. */
  readonly drivers?: number;
  /** Arrivals that are reports for each that is a rider. Default 20. */
  readonly reportsPerRider?: number;
  /** Mean of an exponential. Default 3 s. */
  readonly rideUs?: Micros;
  /** Arrivals between which most riders come from the stadium. Default never. */
  readonly surgeFrom?: number;
  readonly surgeTo?: number;
  /** Share of riders at the stadium meanwhile. Default 0.7. */
  readonly surgeShare?: number;
  /** A match from farther away is not sensible. Default 8,000 m. */
  readonly maxMeters?: number;
}

export const dispatchDefaults = {
  drivers: 2_000,
  reportsPerRider: 20,
  rideUs: 3_000_000,
  surgeFrom: 0,
  surgeTo: 0,
  surgeShare: 0.7,
  maxMeters: 8_000,
} satisfies Required<DispatchParameters>;

export function dispatch(parameters: DispatchParameters = {}): WorkloadSpec {
  return { name: "dispatch", parameters: { ...dispatchDefaults, ...parameters } };
}

const centre: Place = { latitude: 52.52, longitude: 13.405 };
const airport = away(centre, -9_000, 9_000);
const stadium = away(centre, 500, -8_000);
const airportShare = 0.1;
/** Standard deviation of where people live, to the north and to the east. */
const spreadMeters = 4_000;
const crowdMeters = 600;
/** A driver goes round a block of this radius, so far from report to report: 8 m/s for 4 s. */
const blockMeters = 300;
const stepMeters = 32;

export class Dispatch implements Workload {
  readonly name = "dispatch";
  private readonly city: Required<DispatchParameters>;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("dispatch", dispatchDefaults, given);
    this.city = {
      drivers: parameters.whole("drivers", 1, 10_000_000),
      reportsPerRider: parameters.whole("reportsPerRider", 1, 1_000_000),
      rideUs: parameters.number("rideUs", 0, Infinity),
      surgeFrom: parameters.whole("surgeFrom", 0, Infinity),
      surgeTo: parameters.whole("surgeTo", 0, Infinity),
      surgeShare: parameters.number("surgeShare", 0, 1),
      maxMeters: parameters.number("maxMeters", 0, Infinity),
    };
  }

  /** Every driver is somewhere before the first rider asks. */
  setup(): readonly Request[] {
    return Array.from({ length: this.city.drivers }, (_, driver) => this.report(driver, 0));
  }

  begin(arrival: number, random: Random): Session {
    const { reportsPerRider, drivers } = this.city;
    const turn = reportsPerRider + 1;
    if (arrival % turn === reportsPerRider)
      return new Ride(arrival, this.pickUp(arrival, random), random.exponential(this.city.rideUs));
    const report = Math.floor(arrival / turn) * reportsPerRider + (arrival % turn);
    const request = this.report(report % drivers, 1 + Math.floor(report / drivers));
    return new OneStep({
      operation: "report",
      request,
      thinkUs: 0,
      fact: { kind: "report", driver: report % drivers },
    });
  }

  finalReads(): readonly Request[] {
    return [{ kind: "trip-list" }];
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return checkDispatch(history, finals, this.city.maxMeters);
  }

  private report(driver: number, pass: number): Request {
    const random = Random.stream(1, "driver", driver);
    const home = around(centre, spreadMeters, random);
    const angle = random.float() * 2 * Math.PI + (pass * stepMeters) / blockMeters;
    const place = away(home, blockMeters * Math.cos(angle), blockMeters * Math.sin(angle));
    return { kind: "position-report", driver: `d${driver}`, ...place, state: "available" };
  }

  private pickUp(arrival: number, random: Random): Place {
    const { surgeFrom, surgeTo, surgeShare } = this.city;
    const surge = arrival >= surgeFrom && arrival < surgeTo;
    if (surge && random.chance(surgeShare)) return around(stadium, crowdMeters, random);
    if (random.chance(airportShare)) return around(airport, crowdMeters, random);
    return around(centre, spreadMeters, random);
  }
}

/** match ──> ride ──> end */
class Ride implements Session {
  private readonly trip: string;
  private readonly place: Place;
  private readonly rideUs: Micros;
  private step: Step | null = null;

  constructor(arrival: number, place: Place, rideUs: Micros) {
    this.trip = `trip ${arrival}`;
    this.place = place;
    this.rideUs = Math.round(rideUs);
  }

  next(previous: Answer | null): Step | null {
    const { trip, place } = this;
    if (previous === null) {
      const request = { kind: "match", rider: `rider of ${trip}`, trip, ...place } as const;
      this.step = { operation: "match", request, thinkUs: 0, fact: { kind: "match", trip, driver: null, meters: 0 } };
      return this.step;
    }
    if (this.step?.operation !== "match") return null;
    if (previous.kind === "ok" && previous.result.kind === "match") {
      const { match } = previous.result;
      Object.assign(this.step.fact!, { driver: match?.driver ?? null, meters: match?.distanceMeters ?? 0 });
      if (match === null) return null;
    }
    // Whoever does not know whether there is a driver calls the trip off.
    this.step = {
      operation: "end",
      request: { kind: "trip-end", trip },
      thinkUs: this.rideUs,
      fact: { kind: "end", trip },
    };
    return this.step;
  }
}

class OneStep implements Session {
  private step: Step | null;

  constructor(step: Step) {
    this.step = step;
  }

  next(): Step | null {
    const { step } = this;
    this.step = null;
    return step;
  }
}

function around(place: Place, meters: number, random: Random): Place {
  return away(place, random.normal() * meters, random.normal() * meters);
}

function away({ latitude, longitude }: Place, northMeters: number, eastMeters: number): Place {
  const perDegree = 111_195;
  return {
    latitude: latitude + northMeters / perDegree,
    longitude: longitude + eastMeters / (perDegree * Math.cos((latitude * Math.PI) / 180)),
  };
}
