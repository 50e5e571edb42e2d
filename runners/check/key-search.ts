/**
 * The search for an order of one key's operations: Wing and Gong's ("Testing and verifying concurrent objects", JPDC 1993) over
 * Lowe's doubly linked list of invocations and completions, in order of time:
 *
 *     head -> ( a -> ( b -> ) a -> ( c -> ) b -> ) c          only what is invoked before the first completion can be next
 *
 * An operation that can be next is lifted out of the list and the search goes on from the head; where none can, the last one is
 * put back and the next candidate is tried. A point of the search is what was placed and the state that left; one that was met
 * before, explored or only listed as a choice, is not met again. Beyond the papers,
 *
 * - operations whose outcome is unknown are *open*: they stand outside the list, are tried last, and need not be placed at all.
 *   All that could be next are listed as choices before the first is explored, so that no chain of them is taken for something
 *   new;
 * - of open operations that ask for the same, the one invoked first is taken first, since it can be wherever another can;
 * - an operation that changes nothing is placed wherever it fits first, without alternatives: whatever order exists with it
 *   later exists with it here, since in between nobody can tell. Where it does narrow the state (as a read of a revision that
 *   was unknown does) it is tried like any other;
 * - what an object holds, if it holds one value, rules out points that are hopeless (`held-values.ts`), and open operations
 *   that nothing waits for: one that helps can be placed right before the first operation that does not fit without it;
 * - it stops when its allowance of steps is used up, and goes on where it stopped.
 *
 * It misses no order: of all points met from which one exists, take the one with the shortest. The first operation of that
 * order leads to a point with a shorter one, which was met, or a point with fewer open operations used was, whose order is no
 * longer.
 */
import { Random } from "../../backend/kernel/random.ts";
import { HeldValues } from "./held-values.ts";
import type { Operation } from "./history.ts";
import { isUnknown } from "./history.ts";
import type { Model } from "./model.ts";
import { Transitions } from "./transitions.ts";
import { hashOf, Visited } from "./visited.ts";

export type SearchResult = "found" | "none" | "unfinished";

/** How the search remembers: `exact`, or by hashes of `bits` drawn from `salt`. */
export type Memo =
  | { readonly kind: "exact" }
  | { readonly kind: "hashed"; readonly bits: number; readonly salt: number };

const head = 0;
const nobody = -1;

export class KeySearch<State, Input, Output> {
  /** Candidates tried, and what looking them up in a long memo cost. */
  steps = 0;

  /** Those that completed, by invocation; operation i has nodes 2i + 1 (invocation) and 2i + 2 (completion). */
  private readonly known: readonly Operation<Input, Output>[];
  /** Those that may have happened, by invocation: operation `known.length + i`. */
  private readonly open: readonly Operation<Input, Output>[];
  /** For each open operation, the one before it that asks for the same, which can stand in for it; -1: none. */
  private readonly twins: Int32Array;
  private readonly transitions: Transitions<State, Input, Output>;
  private readonly held: HeldValues<State, Input, Output> | undefined;
  private readonly memo: Memo;
  private readonly visited: Visited;
  private readonly highWords: Int32Array;
  private readonly lowWords: Int32Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  private readonly changesNothing: Uint8Array;

  private state = 0;
  private high = 0;
  private low = 0;
  private placedKnown = 0;
  private readonly placed: Uint8Array;
  private readonly used: Uint32Array;
  /** Operations in the order they are placed, and the state before each. */
  private readonly stack: Int32Array;
  private readonly before: Int32Array;
  private depth = 0;
  /** At each depth where known candidates are through, the open operations that could be next. */
  private readonly choices: (readonly number[])[] = [];
  /** Where candidates are looked at: a node of the list or, when those are through, ~i for the i-th of the choices. */
  private cursor: number;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[], memo: Memo) {
    this.memo = memo;
    const sorted = operations.toSorted((a, b) => a.invokedAt - b.invokedAt);
    this.known = sorted.filter((operation) => !isUnknown(operation));
    this.open = sorted.filter((operation) => isUnknown(operation) && !model.changesNothing(operation.input, undefined));
    const all = [...this.known, ...this.open];
    this.twins = twinsOf(this.open, this.known.length);
    this.transitions = new Transitions(model, all);
    this.held = model.holding && new HeldValues(model.holding, all, this.known.length);
    this.changesNothing = Uint8Array.from(this.known, ({ input, output }) =>
      model.changesNothing(input, output) ? 1 : 0,
    );
    const random = Random.stream(memo.kind === "hashed" ? memo.salt : 0, "zobrist");
    this.highWords = Int32Array.from(this.known, () => random.uint32() | 0);
    this.lowWords = Int32Array.from(this.known, () => random.uint32() | 0);
    this.placed = new Uint8Array(all.length);
    this.used = new Uint32Array(Math.ceil(this.open.length / 32));
    this.visited = new Visited(this.used.length);
    this.stack = new Int32Array(all.length);
    this.before = new Int32Array(all.length);
    this.next = new Int32Array(2 * this.known.length + 1).fill(nobody);
    this.previous = new Int32Array(2 * this.known.length + 1).fill(nobody);
    this.link();
    this.placeReads();
    this.cursor = this.next[head];
  }

  /** Goes on for about `allowance` steps. */
  run(allowance: number): SearchResult {
    const limit = this.steps + allowance;
    while (this.placedKnown < this.known.length) {
      if (this.steps >= limit) return "unfinished";
      if (this.cursor >= 0) this.lookAtNode(this.cursor);
      else if (!this.lookAtChoice(~this.cursor)) return "none";
    }
    return "found";
  }

  /** What is placed, in order: all that completed, and some open ones, once an order is found. */
  order(): Operation<Input, Output>[] {
    return Array.from(this.stack.subarray(0, this.depth), (i) =>
      i < this.known.length ? this.known[i] : this.open[i - this.known.length],
    );
  }

  currentState(): State {
    return this.transitions.stateOf(this.state);
  }

  /** Invocations stand before completions of the same instant: those two operations are concurrent. */
  private link(): void {
    const byCompletion = this.known.map((_, i) => i);
    byCompletion.sort((a, b) => this.known[a].completedAt - this.known[b].completedAt);
    let last = head;
    let invoked = 0;
    const append = (node: number): void => {
      this.next[last] = node;
      this.previous[node] = last;
      last = node;
    };
    for (const operation of byCompletion) {
      while (invoked < this.known.length && this.known[invoked].invokedAt <= this.known[operation].completedAt)
        append(2 * invoked++ + 1);
      append(2 * operation + 2);
    }
  }

  private lookAtNode(node: number): void {
    if ((node & 1) === 0) {
      this.choices[this.depth] = this.open.length === 0 ? [] : this.openChoices((node - 1) >> 1);
      this.cursor = ~0;
    } else if (this.tryNext((node - 1) >> 1)) {
      this.cursor = this.next[head];
    } else {
      this.cursor = this.next[node];
    }
  }

  /** False when there is nothing left to try. */
  private lookAtChoice(index: number): boolean {
    const choices = this.choices[this.depth];
    if (index === choices.length) return this.stepBack();
    this.place(choices[index], this.transitions.after(this.state, choices[index]));
    this.placeReads();
    this.cursor = this.next[head];
    return true;
  }

  /** Places `operation`, and what can only follow, if that fits and leads to a point not met before and not hopeless. */
  private tryNext(operation: number): boolean {
    this.steps++;
    const before = this.state;
    const after = this.transitions.after(before, operation);
    if (after === nobody) return false;
    const depth = this.depth;
    this.place(operation, after);
    if (!this.losesNeeded(before, after)) {
      this.placeReads();
      if (this.isNew()) return true;
    }
    while (this.depth > depth) this.takeBack();
    return false;
  }

  private losesNeeded(before: number, after: number): boolean {
    if (this.held === undefined || before === after) return false;
    return this.held.losesNeeded(this.transitions.stateOf(before), this.transitions.stateOf(after));
  }

  /**
   * The open operations that could be next where `blocked` has to be placed before any later one, and lead to points not met
   * before.
   */
  private openChoices(blocked: number): number[] {
    const possible: number[] = [];
    for (const [i, { invokedAt }] of this.open.entries()) {
      if (invokedAt > this.known[blocked].completedAt) break;
      const isFirst = this.twins[i] === nobody || this.placed[this.twins[i]] === 1;
      if (isFirst && this.placed[this.known.length + i] === 0) possible.push(this.known.length + i);
    }
    const depth = this.depth;
    return this.awaited(possible).filter((operation) => {
      const isChoice = this.tryNext(operation);
      while (this.depth > depth) this.takeBack();
      return isChoice;
    });
  }

  /** Those that leave what a candidate that does not fit needs, or what another such open operation needs. */
  private awaited(possible: readonly number[]): readonly number[] {
    const { held } = this;
    if (held === undefined) return possible;
    const needed = new Set<number>();
    const add = (operation: number): void => {
      if (this.transitions.after(this.state, operation) === nobody) needed.add(held.neededBy(operation));
    };
    for (let node = this.next[head]; (node & 1) === 1; node = this.next[node]) add((node - 1) >> 1);
    for (let before = -1; before !== needed.size && !needed.has(nobody);) {
      before = needed.size;
      for (const operation of possible) if (needed.has(held.leftBy(operation))) add(operation);
    }
    // What needs no single value may fit after any change.
    return needed.has(nobody) ? possible : possible.filter((operation) => needed.has(held.leftBy(operation)));
  }

  /** One pass is enough: the state does not change, so what did not fit still does not. */
  private placeReads(): void {
    for (let node = this.next[head]; node !== nobody; node = this.next[node]) {
      const operation = (node - 1) >> 1;
      if ((node & 1) === 0) {
        if (this.placed[operation] === 1) continue;
        return;
      }
      if (this.changesNothing[operation] === 0) continue;
      if (this.transitions.after(this.state, operation) === this.state) this.place(operation, this.state);
    }
  }

  /** Takes back the last operation that had alternatives, and goes on behind it. */
  private stepBack(): boolean {
    while (this.depth > 0) {
      const state = this.state;
      const operation = this.takeBack();
      if (operation >= this.known.length) {
        this.cursor = ~(this.choices[this.depth].indexOf(operation) + 1);
        return true;
      }
      if (this.changesNothing[operation] === 1 && this.state === state) continue;
      this.cursor = this.next[2 * operation + 1];
      return true;
    }
    return false;
  }

  private place(operation: number, after: number): void {
    this.stack[this.depth] = operation;
    this.before[this.depth++] = this.state;
    this.state = after;
    this.placed[operation] = 1;
    this.held?.onPlaced(operation);
    if (operation >= this.known.length) {
      const index = operation - this.known.length;
      this.used[index >> 5] |= 1 << (index & 31);
      return;
    }
    this.placedKnown++;
    this.high ^= this.highWords[operation];
    this.low ^= this.lowWords[operation];
    this.lift(2 * operation + 1);
    this.lift(2 * operation + 2);
  }

  private takeBack(): number {
    const operation = this.stack[--this.depth];
    this.state = this.before[this.depth];
    this.placed[operation] = 0;
    this.held?.onTakenBack(operation);
    if (operation >= this.known.length) {
      const index = operation - this.known.length;
      this.used[index >> 5] &= ~(1 << (index & 31));
      return operation;
    }
    this.placedKnown--;
    this.high ^= this.highWords[operation];
    this.low ^= this.lowWords[operation];
    this.putBack(2 * operation + 2);
    this.putBack(2 * operation + 1);
    return operation;
  }

  /** A lifted node keeps its neighbours, so nodes are put back in the opposite order. */
  private lift(node: number): void {
    const next = this.next[node];
    this.next[this.previous[node]] = next;
    if (next !== nobody) this.previous[next] = this.previous[node];
  }

  private putBack(node: number): void {
    const next = this.next[node];
    this.next[this.previous[node]] = node;
    if (next !== nobody) this.previous[next] = node;
  }

  private isNew(): boolean {
    const { visited, used, memo } = this;
    const compared = visited.compared;
    const isNew =
      memo.kind === "exact"
        ? visited.addExact(this.exactPoint(), used)
        : visited.addHash(hashOf(this.high, this.low, this.state, memo.bits), used);
    this.steps += (visited.compared - compared) >> 3;
    return isNew;
  }

  /** The state, the first known operation that is not placed, and those behind it that are. */
  private exactPoint(): string {
    const first = this.next[head] === nobody ? this.known.length : (this.next[head] - 1) >> 1;
    const beyond: number[] = [];
    for (let i = first + 1; beyond.length < this.placedKnown - first; i++) if (this.placed[i] === 1) beyond.push(i);
    return `${this.state} ${first} ${beyond.join(" ")}`;
  }
}

function twinsOf(open: readonly Operation<unknown, unknown>[], firstNumber: number): Int32Array {
  const latest = new Map<string, number>();
  return Int32Array.from(open, ({ input }, i) => {
    const asked = JSON.stringify(input);
    const twin = latest.get(asked) ?? nobody;
    latest.set(asked, firstNumber + i);
    return twin;
  });
}
