/** The stations whose behaviour theory knows, as designs that both tanks run: the same path that experiments take. */
import type { Deployment } from "../../backend/api.ts";
import { oneRegion } from "../../backend/kernel/topology.ts";
import { second, type Micros } from "../../backend/kernel/units.ts";
import type { Distribution } from "../../workloads/distribution.ts";
import { work } from "../../workloads/work.ts";
import type { Design } from "../experiment.ts";
import * as queueing from "./queueing.ts";

export interface Station {
  /** "M/M/1 at rho 0.8" */
  readonly name: string;
  readonly servers: number;
  readonly rho: number;
  /** 1 for exponential service. */
  readonly squaredCv: number;
}

export const stations: readonly Station[] = [
  { name: "M/M/1 at rho 0.5", servers: 1, rho: 0.5, squaredCv: 1 },
  { name: "M/M/1 at rho 0.8", servers: 1, rho: 0.8, squaredCv: 1 },
  { name: "M/M/1 at rho 0.9", servers: 1, rho: 0.9, squaredCv: 1 },
  { name: "M/M/4 at rho 0.8", servers: 4, rho: 0.8, squaredCv: 1 },
  { name: "M/G/1 at rho 0.7, cs^2 = 4", servers: 1, rho: 0.7, squaredCv: 4 },
];

/** Arrivals a second. */
export function arrivalRate({ servers, rho }: Station, meanServiceUs: Micros): number {
  return (rho * servers * second) / meanServiceUs;
}

/** Milliseconds in the system, on average. */
export function meanMs(station: Station, meanServiceUs: Micros): number {
  const lambda = arrivalRate(station, meanServiceUs);
  const serviceS = meanServiceUs / second;
  const mean =
    station.servers > 1
      ? queueing.mmcMeanS(lambda, 1 / serviceS, station.servers)
      : queueing.mg1MeanS(lambda, serviceS, station.squaredCv);
  return mean * 1_000;
}

/** Milliseconds that 99 % do not exceed; null where theory has no closed form. */
export function p99Ms(station: Station, meanServiceUs: Micros): number | null {
  if (station.squaredCv !== 1) return null;
  const lambda = arrivalRate(station, meanServiceUs);
  return queueing.mmcQuantileS(lambda, second / meanServiceUs, station.servers, 0.99) * 1_000;
}

export function serviceTimes({ squaredCv }: Station, meanServiceUs: Micros): Distribution {
  return squaredCv === 1
    ? { kind: "exponential", mean: meanServiceUs }
    : { kind: "hyperexponential", mean: meanServiceUs, squaredCv };
}

/** Its service times are drawn by the workload, so that they are known outside too. */
export function stationDesign(station: Station, meanServiceUs: Micros): Design {
  const deployment: Deployment = {
    topology: oneRegion(1),
    service: {
      kind: "station",
      servers: station.servers,
      serviceUs: meanServiceUs,
      service: "exponential",
      discipline: "fifo",
      queueLimit: 1_000_000,
      dropExpired: false,
    },
    durability: "none",
  };
  return {
    title: station.name,
    description: "a queue whose answer is known",
    deployment,
    workload: work({ serviceUs: serviceTimes(station, meanServiceUs) }),
    calls: { clients: 1, timeoutUs: 3_600 * second },
  };
}
