/**
 * The drivers that one node keeps, filed by their cells, and the search for the nearest. Nothing here is stored: it is what the last reports
 * said.
 */
import type { DriverState, Place } from "../../api-dispatch.ts";
import type { Micros } from "../../kernel/units.ts";
import type { CellGrid, Cell } from "./cells.ts";
import { metersBetween } from "./cells.ts";

/** What is filed. */
export interface Located {
  readonly driver: string;
  place: Place;
  cell: Cell;
  heading: number | null;
  state: DriverState;
  reportedAt: Micros;
  /** Its place in its cell's list; -1 when it is not filed. */
  position: number;
}

export interface Near<Driver> {
  readonly driver: Driver;
  readonly distanceMeters: number;
}

export class DriverIndex<Driver extends Located> {
  size = 0;
  private readonly grid: CellGrid;
  private readonly cells = new Map<Cell, Driver[]>();

  constructor(grid: CellGrid) {
    this.grid = grid;
  }

  add(driver: Driver): void {
    let there = this.cells.get(driver.cell);
    if (there === undefined) this.cells.set(driver.cell, (there = []));
    driver.position = there.push(driver) - 1;
    this.size++;
  }

  remove(driver: Driver): void {
    if (driver.position < 0) return;
    const there = this.cells.get(driver.cell)!;
    const last = there.pop()!;
    if (last !== driver) {
      there[driver.position] = last;
      last.position = driver.position;
    }
    if (there.length === 0) this.cells.delete(driver.cell);
    driver.position = -1;
    this.size--;
  }

  /** The driver is in `cell` now. */
  move(driver: Driver, cell: Cell): void {
    if (cell === driver.cell && driver.position >= 0) return;
    this.remove(driver);
    driver.cell = cell;
    this.add(driver);
  }

  /**
   * The `wanted` nearest to `at` that may be given away, nearest first, from no further than `rings` rings; looks no further than it must.
   * Distance decides, for all drive equally fast; of two equally near, the name.
   */
  nearest(at: Place, rings: number, wanted: number, isFree: (driver: Driver) => boolean): Near<Driver>[] {
    const found: Near<Driver>[] = [];
    const home = this.grid.cellOf(at);
    const disk = this.grid.disk(home, rings);
    // Whoever is farther away is not wanted.
    let reach = Infinity;
    for (let ring = 0; ring <= rings && this.grid.ringFloorMeters(ring - 1) <= reach; ring++) {
      for (const cell of disk[ring]) {
        const there = this.cells.get(cell);
        if (there === undefined || (cell !== home && this.grid.cellFloorMeters(at, cell) > reach)) continue;
        for (const driver of there) {
          const distanceMeters = metersBetween(at, driver.place);
          if (distanceMeters > reach || !isFree(driver)) continue;
          insert(found, { driver, distanceMeters }, wanted);
          if (found.length === wanted) reach = found[wanted - 1].distanceMeters;
        }
      }
    }
    return found;
  }

  check(): void {
    let size = 0;
    for (const [cell, there] of this.cells) {
      size += there.length;
      for (const [position, driver] of there.entries()) {
        if (driver.cell !== cell || driver.position !== position)
          throw new Error(`drivers: ${driver.driver} is filed in ${cell} at ${position}, and is not there`);
      }
    }
    if (size !== this.size) throw new Error(`drivers: ${size} are filed, ${this.size} counted`);
  }
}

/** Keeps the first `wanted` in order. */
function insert<Driver extends Located>(found: Near<Driver>[], near: Near<Driver>, wanted: number): void {
  let place = found.length;
  while (place > 0 && nearestFirst(near, found[place - 1]) < 0) place--;
  found.splice(place, 0, near);
  if (found.length > wanted) found.length = wanted;
}

function nearestFirst(a: Near<Located>, b: Near<Located>): number {
  return a.distanceMeters - b.distanceMeters || (a.driver.driver < b.driver.driver ? -1 : 1);
}
