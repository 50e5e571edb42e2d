/**
 * What one entry node believes about who owns what. It is never sure: it asks, and is refused with what replaces what it believed. Claims
 * come from refusals, from the directory and from tablets that live here, in any order, late and twice; of two claims on one key the
 * higher version wins, so the map moves forward only.
 *
 *     believed    |──── 2 v1 ────|──── 3 v1 ────|
 *     claim            |── 7 v4 ──|                   of an older split elsewhere, or of this one: the version says
 *     believed    |2 v1|── 7 v4 ──|── 3 v1 ─────|
 *
 * A piece that is left of an entry which something newer cut into is kept: it is as good a guess as it was.
 */
import type { StoreKey } from "../../kernel/store.ts";
import type { Span, TabletEntry } from "./tablet.ts";
import { endOfKeys, entryOf, firstKey } from "./tablet.ts";

export class RoutingMap {
  /** In key order, without a gap. */
  private pieces: readonly TabletEntry[];

  constructor(initial: readonly TabletEntry[]) {
    this.pieces = initial.map(entryOf);
  }

  /** Who is believed to own `key`; anything from `firstKey` up to `endOfKeys` has an answer. */
  find(key: StoreKey): TabletEntry {
    const { pieces } = this;
    let low = 0;
    let high = pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieces[middle].from <= key) low = middle + 1;
      else high = middle;
    }
    return pieces[low - 1];
  }

  /** Takes what is newer. Returns whether anything was. */
  learn(claim: TabletEntry): boolean {
    const kept: TabletEntry[] = [];
    let news = false;
    for (const piece of this.pieces) {
      const from = piece.from > claim.from ? piece.from : claim.from;
      const to = piece.to < claim.to ? piece.to : claim.to;
      if (from >= to || piece.version >= claim.version) {
        kept.push(piece);
        continue;
      }
      news = true;
      if (piece.from < from) kept.push({ ...piece, to: from });
      kept.push({ ...entryOf(claim), from, to });
      if (to < piece.to) kept.push({ ...piece, from: to });
    }
    if (news) this.pieces = joined(kept);
    return news;
  }

  entries(): readonly TabletEntry[] {
    return this.pieces;
  }

  /** Whether everything in `span` is believed to belong to versions above `version`. */
  isSuperseded(span: Span, version: number): boolean {
    return this.pieces.every((piece) => piece.to <= span.from || piece.from >= span.to || piece.version > version);
  }
}

function joined(pieces: readonly TabletEntry[]): TabletEntry[] {
  const result: TabletEntry[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last !== undefined && last.tablet === piece.tablet && last.version === piece.version) {
      result[result.length - 1] = { ...last, to: piece.to };
    } else {
      result.push(piece);
    }
  }
  return result;
}

/** One tablet for everything. */
export function wholeMap(tablet: number, replicas: readonly number[]): TabletEntry[] {
  return [{ tablet, from: firstKey, to: endOfKeys, version: 1, replicas }];
}
