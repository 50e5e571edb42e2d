/**
 * Where the rows of one node's tablets lie: in spaces of the node's store, each tablet in stretches of its own. This is the node's own
 * affair and differs from replica to replica. A split hands a stretch from one tablet to another and moves no row. What a tablet has never
 * had gets a space that nobody had before, so rows of the past cannot turn up in it.
 *
 *     space 1   |── tablet 2 ──|──── tablet 7 ────|░░░ litter ░░░|      2 was split at "g" into 7; then 7 took a snapshot, which says that
 *               ""             g                  p              end    it had itself been split at "p"
 *     space 2                                     |── tablet 9 ──|      into 9, of which this node had nothing
 *
 * What nobody holds any more is litter and is swept in pieces.
 *
 * Invariant: no two tablets hold the same stretch, and none holds litter.
 *
 *     n/s<tablet>   [{ space, from, to }, ...]   in key order, without a gap      put later, as the state they belong to
 *     n/litter      the same                     n/spaces   the next space
 */
import type { Store, StoreKey, Value } from "../../kernel/store.ts";
import { afterPrefix } from "../../kernel/store.ts";
import type { Span, TabletId } from "./tablet.ts";
import { overlap } from "./tablet.ts";

export interface Segment extends Span {
  readonly space: number;
}

const heldPrefix: StoreKey = "n/s";
const litterKey: StoreKey = "n/litter";
const nextKey: StoreKey = "n/spaces";
const nothing: readonly Segment[] = [];

export class SpaceMap {
  private readonly store: Store;
  private readonly held = new Map<TabletId, readonly Segment[]>();
  private litter: readonly Segment[];
  private next: number;

  constructor(store: Store) {
    this.store = store;
    this.litter = (store.get(litterKey) as unknown as readonly Segment[] | undefined) ?? nothing;
    this.next = (store.get(nextKey) as number | undefined) ?? 1;
    const prefix = `${heldPrefix}/`;
    store.scan(prefix, afterPrefix(prefix), (key, value) => {
      this.held.set(Number(key.slice(prefix.length)), value as unknown as readonly Segment[]);
    });
  }

  get isSwept(): boolean {
    return this.litter.length === 0;
  }

  segments(tablet: TabletId): readonly Segment[] {
    return this.held.get(tablet) ?? nothing;
  }

  /** The tablet reaches over `span` from now on, and no further; undefined: it is no more. */
  cover(tablet: TabletId, span: Span | undefined): void {
    const before = this.segments(tablet);
    if (span === undefined) {
      this.hold(tablet, undefined);
      this.drop(before);
      return;
    }
    if (before[0]?.from === span.from && before.at(-1)?.to === span.to) return;
    const kept = before.flatMap((segment) => within(segment, span));
    const [first, last] = [kept[0], kept.at(-1)];
    const below = { from: "", to: span.from };
    this.drop(before.flatMap((segment) => [...within(segment, below), ...beyond(segment, span.to)]));
    if (first === undefined || last === undefined) {
      this.hold(tablet, [this.fresh(span)]);
      return;
    }
    const lower = first.from > span.from ? [this.fresh({ from: span.from, to: first.from })] : [];
    const upper = last.to < span.to ? [this.fresh({ from: last.to, to: span.to })] : [];
    this.hold(tablet, [...lower, ...kept, ...upper]);
  }

  /** What the tablet has from `at` on is the other's, or nobody's. */
  cut(tablet: TabletId, at: StoreKey, other: TabletId | undefined): void {
    const before = this.segments(tablet);
    const left = before.flatMap((segment) => within(segment, { from: "", to: at }));
    const right = before.flatMap((segment) => beyond(segment, at));
    this.hold(tablet, left);
    if (other === undefined) this.drop(right);
    else this.hold(other, right);
  }

  /** Deletes some of what is nobody's. */
  sweep(rows: number): void {
    if (this.litter.length === 0) return;
    const [{ space, from, to }, ...others] = this.litter;
    const prefix = spacePrefix(space);
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
    all.sort((a, b) => (a.space === b.space ? (a.from < b.from ? -1 : 1) : a.space - b.space));
    for (let i = 1; i < all.length; i++) {
      const [a, b] = [all[i - 1], all[i]];
      if (a.space !== b.space || !overlap(a, b)) continue;
      throw new Error(`tablets ${a.tablet} and ${b.tablet} both hold rows of space ${a.space} from "${b.from}" on`);
    }
  }

  private fresh({ from, to }: Span): Segment {
    const space = this.next++;
    this.store.putLater(nextKey, this.next);
    return { space, from, to };
  }

  private hold(tablet: TabletId, segments: readonly Segment[] | undefined): void {
    const key = `${heldPrefix}/${tablet}`;
    if (segments === undefined) {
      this.held.delete(tablet);
      this.store.deleteLater(key);
    } else {
      this.held.set(tablet, segments);
      this.store.putLater(key, segments as unknown as Value);
    }
  }

  private drop(segments: readonly Segment[]): void {
    if (segments.length > 0) this.putLitter([...this.litter, ...segments]);
  }

  private putLitter(litter: readonly Segment[]): void {
    this.litter = litter;
    this.store.putLater(litterKey, litter as unknown as Value);
  }
}

export function spacePrefix(space: number): StoreKey {
  return `t${space}/`;
}

function within(segment: Segment, span: Span): Segment[] {
  const from = segment.from > span.from ? segment.from : span.from;
  const to = segment.to < span.to ? segment.to : span.to;
  return from < to ? [{ space: segment.space, from, to }] : [];
}

function beyond(segment: Segment, at: StoreKey): Segment[] {
  if (segment.to <= at) return [];
  return [segment.from >= at ? segment : { ...segment, from: at }];
}
