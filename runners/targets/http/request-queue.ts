/**
 * Requests that wait for a connection, in order, in two arrays that are used again. A request may leave from anywhere, because nobody
 * waits for it any more, in a time that does not depend on how many there are: under overload that happens as often as an arrival.
 *
 *     requests   [ left | left | r4 | r5 | left | r7 ]      left: taken, or cancelled
 *                                 head
 *     places     4: 2, 5: 3, 7: 5                           token to index
 */
import { OpenTable } from "../../../backend/kernel/open-table.ts";
import type { WireRequest } from "./exchange.ts";

/** Fewer places that were left are not worth moving the others for. */
const worthMoving = 1_024;

export class RequestQueue {
  size = 0;
  private tokens: number[] = [];
  private requests: (WireRequest | undefined)[] = [];
  /** Invariant: while anything waits, the first that does is here. */
  private head = 0;
  private readonly places = new OpenTable<number>();

  /** `token` is that of no other request that waits here. */
  push(token: number, request: WireRequest): void {
    this.places.set(token, this.tokens.length);
    this.tokens.push(token);
    this.requests.push(request);
    this.size++;
  }

  /** Of the request that has waited longest. Only when `size` is above 0. */
  get firstToken(): number {
    return this.tokens[this.head];
  }

  /** Takes the request that has waited longest. Only when `size` is above 0. */
  shift(): WireRequest {
    const request = this.requests[this.head]!;
    this.places.delete(this.tokens[this.head]);
    this.leave(this.head);
    return request;
  }

  /** False when it is not here. */
  cancel(token: number): boolean {
    const place = this.places.get(token);
    if (place === undefined) return false;
    this.places.delete(token);
    this.leave(place);
    return true;
  }

  /** Places in use, those that were left included: at most twice `size`, or `worthMoving` more than it. */
  get length(): number {
    return this.tokens.length;
  }

  private leave(place: number): void {
    this.requests[place] = undefined;
    this.size--;
    if (this.size === 0) {
      this.tokens.length = 0;
      this.requests.length = 0;
      this.head = 0;
      return;
    }
    while (this.requests[this.head] === undefined) this.head++;
    const left = this.tokens.length - this.size;
    if (left > worthMoving && left > this.size) this.closeRanks();
  }

  /** Moves fewer than have left since it did so before. */
  private closeRanks(): void {
    let to = 0;
    for (let from = this.head; from < this.tokens.length; from++) {
      const request = this.requests[from];
      if (request === undefined) continue;
      this.places.set(this.tokens[from], to);
      this.tokens[to] = this.tokens[from];
      this.requests[to++] = request;
    }
    this.tokens.length = to;
    this.requests.length = to;
    this.head = 0;
  }
}
