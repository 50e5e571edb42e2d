/**
 * The map in hexagons: Uber's H3. A driver is filed under the cell it is in, and riders are looked after ring by ring around theirs.
 *
 *     ring 2   o o o          Whoever is not within k rings of the rider's cell is at least `ringFloorMeters(k)` away, so a search
 *             o 1 1 o         that has found enough drivers nearer than that need not look further. Within a ring most cells
 *            o 1 R 1 o        are farther than that: `cellFloorMeters` says how near anybody in one of them can be.
 */
import {
  cellToBoundary,
  cellToLatLng,
  cellToParent,
  getHexagonEdgeLengthAvg,
  gridDiskDistances,
  latLngToCell,
} from "h3-js";
import type { Place } from "../../api-dispatch.ts";

export type Cell = string;

/** Mean, of a sphere as wide as the Earth. */
const earthRadiusMeters = 6_371_007;
/** Disks that are kept; a city has a few thousand cells. */
const maxDisks = 4_096;
/** Edges differ by their place on the icosahedron: the shortest of a resolution is at least so much of the average. */
const shortestEdge = 0.7;
/** A cell's edges are drawn as straight lines on a flat map, which over the few kilometres of a search is true to a hundredth and a metre. */
const flatness = 0.99;
const flatnessMeters = 1;
const metersPerDegree = (Math.PI / 180) * earthRadiusMeters;

export class CellGrid {
  readonly resolution: number;
  private readonly ownedResolution: number;
  private readonly floorMeters: number;
  private readonly disks = new Map<Cell, readonly (readonly Cell[])[]>();
  private readonly parents = new Map<Cell, Cell>();
  private readonly corners = new Map<Cell, readonly (readonly [number, number])[]>();

  constructor(resolution: number, ownedResolution: number) {
    this.resolution = resolution;
    this.ownedResolution = Math.min(ownedResolution, resolution);
    this.floorMeters = 1.5 * shortestEdge * getHexagonEdgeLengthAvg(resolution, "m");
  }

  cellOf({ latitude, longitude }: Place): Cell {
    return latLngToCell(latitude, longitude, this.resolution);
  }

  /** The larger cell that is owned as a whole. */
  ownedCellOf(cell: Cell): Cell {
    let parent = this.parents.get(cell);
    if (parent === undefined) {
      if (this.parents.size >= maxDisks) this.parents.clear();
      parent = cellToParent(cell, this.ownedResolution);
      this.parents.set(cell, parent);
    }
    return parent;
  }

  /** Cells by their distance from `cell` in steps, from 0 to `rings`. */
  disk(cell: Cell, rings: number): readonly (readonly Cell[])[] {
    const known = this.disks.get(cell);
    if (known !== undefined && known.length > rings) return known;
    if (this.disks.size >= maxDisks) this.disks.clear();
    const disk = gridDiskDistances(cell, rings);
    this.disks.set(cell, disk);
    return disk;
  }

  /** Nobody outside of `rings` rings is nearer to anybody in the cell in their middle: a ring is crossed over 1.5 edges at least. */
  ringFloorMeters(rings: number): number {
    return rings * this.floorMeters;
  }

  /**
   * Nobody in the cell is nearer to `at`.
   *
   * @param cell not the one that `at` is in
   */
  cellFloorMeters(at: Place, cell: Cell): number {
    const corners = this.cornersOf(cell);
    const eastMeters = metersPerDegree * Math.cos((at.latitude * Math.PI) / 180);
    let nearest = Infinity;
    let [north, east] = flat(corners[corners.length - 1], at, eastMeters);
    for (const corner of corners) {
      const [nextNorth, nextEast] = flat(corner, at, eastMeters);
      nearest = Math.min(nearest, metersToEdge(north, east, nextNorth, nextEast));
      [north, east] = [nextNorth, nextEast];
    }
    return Math.max(0, nearest * flatness - flatnessMeters);
  }

  private cornersOf(cell: Cell): readonly (readonly [number, number])[] {
    let corners = this.corners.get(cell);
    if (corners === undefined) {
      if (this.corners.size >= maxDisks) this.corners.clear();
      corners = cellToBoundary(cell);
      this.corners.set(cell, corners);
    }
    return corners;
  }
}

/** Metres to the north and east of `at`, the shorter way around the Earth. */
function flat([latitude, longitude]: readonly [number, number], at: Place, eastMeters: number): [number, number] {
  const degrees = longitude - at.longitude;
  const around = degrees > 180 ? degrees - 360 : degrees < -180 ? degrees + 360 : degrees;
  return [(latitude - at.latitude) * metersPerDegree, around * eastMeters];
}

/** From the origin to the line between two points. */
function metersToEdge(north: number, east: number, nextNorth: number, nextEast: number): number {
  const [alongNorth, alongEast] = [nextNorth - north, nextEast - east];
  const length = alongNorth * alongNorth + alongEast * alongEast;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, -(north * alongNorth + east * alongEast) / length));
  return Math.hypot(north + share * alongNorth, east + share * alongEast);
}

export function centreOf(cell: Cell): Place {
  const [latitude, longitude] = cellToLatLng(cell);
  return { latitude, longitude };
}

/** Along the great circle, by the haversine formula. */
export function metersBetween(a: Place, b: Place): number {
  const radians = Math.PI / 180;
  const sinLatitude = Math.sin(((b.latitude - a.latitude) * radians) / 2);
  const sinLongitude = Math.sin(((b.longitude - a.longitude) * radians) / 2);
  const h =
    sinLatitude * sinLatitude +
    Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * sinLongitude * sinLongitude;
  return 2 * earthRadiusMeters * Math.asin(Math.min(1, Math.sqrt(h)));
}
