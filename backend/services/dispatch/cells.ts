/**
 * The map in hexagons: Uber's H3. A driver is filed under the cell it is in, and riders are looked after ring by ring around theirs.
 *
 *     ring 2   o o o          Whoever is not within k rings of the rider's cell is at least `ringFloorMeters(k)` away, so a search
 *             o 1 1 o         that has found enough drivers nearer than that need not look further.
 *            o 1 R 1 o
 */
import { cellToLatLng, cellToParent, getHexagonEdgeLengthAvg, gridDiskDistances, latLngToCell } from "h3-js";
import type { Place } from "../../api-dispatch.ts";

export type Cell = string;

/** Mean, of a sphere as wide as the Earth. */
const earthRadiusMeters = 6_371_007;
/** Disks that are kept; a city has a few thousand cells. */
const maxDisks = 4_096;
/** Edges differ by their place on the icosahedron: the shortest of a resolution is at least so much of the average. */
const shortestEdge = 0.7;

export class CellGrid {
  readonly resolution: number;
  private readonly ownedResolution: number;
  private readonly floorMeters: number;
  private readonly disks = new Map<Cell, readonly (readonly Cell[])[]>();
  private readonly parents = new Map<Cell, Cell>();

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
