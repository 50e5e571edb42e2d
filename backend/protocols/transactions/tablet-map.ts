/** Which group keeps which keys: the routing of one node. */
import type { NodeId } from "../../kernel/units.ts";
import type { GroupId } from "./messages.ts";

export interface TabletPlace {
  readonly group: GroupId;
  readonly replicas: readonly NodeId[];
}

/** [from, to) in byte order. */
export interface KeySpan {
  readonly from: string;
  readonly to: string;
}

/** What a group says of itself, or of whom it gave keys to: outdated by any claim of a higher version on the same keys. */
export interface TabletClaim extends KeySpan {
  readonly tablet: GroupId;
  readonly version: number;
  readonly replicas: readonly NodeId[];
}

export interface TabletMap {
  /** Counts its changes; who routes by an older one is refused. */
  readonly version: number;
  find(key: string): TabletPlace;
  replicas(group: GroupId): readonly NodeId[];
  /** It is no more: it had nothing prepared, and nobody was left to learn what it had decided. */
  isOver(group: GroupId): boolean;
}

export class StaticTabletMap implements TabletMap {
  readonly version = 1;
  private readonly froms: readonly string[];
  private readonly places: readonly TabletPlace[];

  /** @throws RangeError unless the tablets are in order and the first begins at "" */
  constructor(tablets: readonly { readonly from: string; readonly replicas: readonly NodeId[] }[]) {
    this.froms = tablets.map(({ from }) => from);
    for (const [i, from] of this.froms.entries()) {
      if (i === 0 ? from === "" : from > this.froms[i - 1]) continue;
      throw new RangeError(
        `tablet ${i} begins at ${JSON.stringify(from)}; expected the first at "" and each after the one before it: sort the tablets`,
      );
    }
    if (tablets.length === 0) throw new RangeError('the database has no tablet; expected at least one, from "" on');
    this.places = tablets.map(({ replicas }, i) => ({ group: i + 1, replicas }));
  }

  find(key: string): TabletPlace {
    let low = 0;
    let high = this.froms.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.froms[middle] <= key) low = middle;
      else high = middle;
    }
    return this.places[low];
  }

  replicas(group: GroupId): readonly NodeId[] {
    return this.places[group - 1]?.replicas ?? [];
  }

  isOver(): boolean {
    return false;
  }
}
