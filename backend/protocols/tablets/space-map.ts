/**
 * Which stretches of which spaces the tablets of one node hold, and which nobody does any more. A stretch that was given up (a snapshot
 * said that the tablet is smaller now, a tablet was merged away) is swept in pieces, and until it is no tablet may begin there: rows of
 * the past would be taken for its own.
 *
 * Invariant: no two tablets hold the same stretch, and none holds one that is yet to be swept.
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import type { Span, TabletId, TabletMeta } from "./tablet.ts";
import { overlap } from "./tablet.ts";

export interface Segment extends Span {
  readonly space: string;
}

const litterKey: StoreKey = "n/litter";

export function segmentsOf({ spaces, to }: TabletMeta): Segment[] {
  return spaces.map(({ from, space }, i) => ({ space, from, to: i + 1 < spaces.length ? spaces[i + 1].from : to }));
}

export class SpaceMap {
  private readonly store: Store;
  private readonly held = new Map<TabletId, readonly Segment[]>();
  private litter: readonly Segment[];

  constructor(store: Store) {
    this.store = store;
    this.litter = (store.get(litterKey) as unknown as readonly Segment[] | undefined) ?? [];
  }

  get isSwept(): boolean {
    return this.litter.length === 0;
  }

  /** From now on that tablet holds what its metadata says. What it held and nobody holds now is to be swept. */
  adopt(tablet: TabletId, meta: TabletMeta | undefined): void {
    const before = this.held.get(tablet) ?? [];
    if (meta === undefined) this.held.delete(tablet);
    else this.held.set(tablet, segmentsOf(meta));
    let left = before.filter((segment) => segment.from < segment.to);
    for (const segments of this.held.values()) for (const segment of segments) left = without(left, segment);
    if (left.length > 0) this.putLitter([...this.litter, ...left]);
  }

  /** Deletes some of what is nobody's. */
  sweep(rows: number): void {
    if (this.litter.length === 0) return;
    const [{ space, from, to }, ...others] = this.litter;
    const prefix = `t${space}/`;
    const stale: StoreKey[] = [];
    this.store.scan(prefix + from, prefix + to, (key) => {
      stale.push(key);
      return stale.length < rows;
    });
    for (const key of stale) this.store.deleteLater(key);
    if (stale.length < rows) this.putLitter(others);
  }

  /** Throws when two tablets hold the same rows. */
  check(): void {
    const all = [...this.held].flatMap(([tablet, segments]) => segments.map((segment) => ({ tablet, ...segment })));
    for (const litter of this.litter) all.push({ tablet: 0, ...litter });
    all.sort((a, b) => (a.space === b.space ? compare(a.from, b.from) : compare(a.space, b.space)));
    for (let i = 1; i < all.length; i++) {
      const [a, b] = [all[i - 1], all[i]];
      if (a.space !== b.space || !overlap(a, b) || (a.tablet === 0 && b.tablet === 0)) continue;
      throw new Error(`tablets ${a.tablet} and ${b.tablet} both hold rows of space ${a.space} from "${b.from}" on`);
    }
  }

  private putLitter(litter: readonly Segment[]): void {
    this.litter = litter;
    this.store.putLater(litterKey, litter as unknown as Value);
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function without(segments: readonly Segment[], cut: Segment): Segment[] {
  return segments.flatMap((segment) => {
    if (segment.space !== cut.space || !overlap(segment, cut)) return [segment];
    const rest: Segment[] = [];
    if (segment.from < cut.from) rest.push({ ...segment, to: cut.from });
    if (cut.to < segment.to) rest.push({ ...segment, from: cut.to });
    return rest;
  });
}
