/**
 * What can be asked of the dispatch service and what it answers: drivers say where they are, riders ask for one, as types.
 *
 * A trip is named by whoever asks for it, so a request that is sent again is the same trip: it has one driver, whichever node carries
 * it out. What promises something, a trip or its end, is on the disks of a majority of the keepers before it is answered; where drivers
 * are is in the memory of whoever owns their cell, and comes back with their next reports.
 */
import type { HeartbeatsSpec, SwimSpec } from "./api-members.ts";
import type { Micros, NodeId } from "./kernel/units.ts";

/** Degrees, WGS 84. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** "off": not to be given to anybody, whether it is on a trip or not. */
export type DriverState = "available" | "off";

/** Every few seconds, by each driver. Answered with the trip it is on. */
export interface ReportPosition extends Place {
  readonly kind: "position-report";
  readonly driver: string;
  /** Degrees clockwise from north. */
  readonly heading?: number;
  readonly state: DriverState;
  readonly timeoutUs?: Micros;
}

/** The nearest free driver, for the trip of this name; again for the same name: the same driver. */
export interface MatchRider extends Place {
  readonly kind: "match";
  readonly rider: string;
  /** Made up by the rider, unlike any other. */
  readonly trip: string;
  readonly timeoutUs?: Micros;
}

/** The trip is over, or is not to be: its driver is free. Again: nothing more happens. */
export interface EndTrip {
  readonly kind: "trip-end";
  readonly trip: string;
  readonly timeoutUs?: Micros;
}

export interface FindDriver {
  readonly kind: "driver-get";
  readonly driver: string;
  readonly timeoutUs?: Micros;
}

export interface FindTrip {
  readonly kind: "trip-get";
  readonly trip: string;
  readonly timeoutUs?: Micros;
}

/** Every trip the keepers remember. */
export interface ListTrips {
  readonly kind: "trip-list";
  readonly timeoutUs?: Micros;
}

/** What the node where it enters knows. */
export interface DispatchStatus {
  readonly kind: "dispatch-status";
  readonly timeoutUs?: Micros;
}

export type DispatchRequest =
  | ReportPosition
  | MatchRider
  | EndTrip
  | FindDriver
  | FindTrip
  | ListTrips
  | DispatchStatus;

/** A driver, given to a rider. */
export interface Match {
  readonly driver: string;
  /** Where the driver was by its last report. */
  readonly from: Place;
  readonly distanceMeters: number;
  readonly etaSeconds: number;
}

export interface TripState {
  readonly trip: string;
  readonly driver: string;
  readonly rider: string;
  readonly ended: boolean;
}

export interface DriverSeen extends Place {
  readonly driver: string;
  readonly heading: number | null;
  readonly state: DriverState;
  /** The trip it is on. */
  readonly trip: string | null;
  readonly cell: string;
  readonly owner: NodeId;
  /** Since its last report arrived. */
  readonly ageUs: Micros;
}

export type DispatchResult =
  /** `trip`: what this driver is on, whether it has heard of it or not. `owner`: the node that keeps it. */
  | { readonly kind: "position"; readonly trip: string | null; readonly cell: string; readonly owner: NodeId }
  /** Null: no driver is free within reach, and none was given to this trip. */
  | { readonly kind: "match"; readonly trip: string; readonly match: Match | null }
  /** False: no such trip is known. */
  | { readonly kind: "trip-ended"; readonly ended: boolean }
  | { readonly kind: "driver"; readonly driver: DriverSeen | null }
  | { readonly kind: "trip"; readonly trip: TripState | null }
  | { readonly kind: "trips"; readonly trips: readonly TripState[] }
  | {
      readonly kind: "dispatch-status";
      readonly node: NodeId;
      /** Who is alive, as this node believes. */
      readonly alive: readonly NodeId[];
      /** Of that: nodes with the same one agree on every owner. */
      readonly checksum: number;
      /** Kept by this node. */
      readonly drivers: number;
      readonly free: number;
      readonly onTrip: number;
    };

/* ---- deployment --------------------------------------------------------------------------------------------------------- */

/** Which node owns a cell. */
export type Placement =
  /** A ring of hashes: `virtualNodes` points a node. */
  | { readonly kind: "ring"; readonly virtualNodes: number }
  /** A strip of the map between two meridians for each node, from west to east, all equally wide. */
  | { readonly kind: "strips"; readonly west: number; readonly east: number };

/** How nodes learn who is alive; "fixed": all are, always. */
export type DispatchMembership = { readonly kind: "fixed" } | SwimSpec | HeartbeatsSpec;

/** Drivers and riders of a city over a ring of nodes. */
export interface DispatchService {
  readonly kind: "dispatch";
  /** An odd number of nodes, on whose disks it stands who was given to whom. */
  readonly keepers: readonly NodeId[];
  /** Of H3: cells that drivers are sought in. Default 8: hexagons of 0.74 square kilometres. */
  readonly resolution?: number;
  /** Of H3: cells that are owned as a whole. Default 7: seven of resolution 8. Larger ones ask fewer neighbours and spread a dense city less evenly. */
  readonly ownedResolution?: number;
  /** Default: a ring with 100 points a node. */
  readonly placement?: Placement;
  /** Default: SWIM with a period of 200 ms; a suspect is dead after 1 s. */
  readonly membership?: DispatchMembership;
  /** A driver that has not reported for so long is given to nobody. Default 12 s: three reports. */
  readonly expireUs?: Micros;
  /** How far riders are looked after, in rings of cells around their own. Default 6: some 5 km. */
  readonly maxRings?: number;
}
