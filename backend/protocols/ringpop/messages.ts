/** What nodes of one ring say to each other about keys. `Body` and `Result` are the user's and are not looked into. */

/** Names a request that was forwarded, or a hand-over, at the node it came from. Unique over all its lives but by accident. */
export type TicketId = number;

export type RingpopMessage<Body, Result, Goods> =
  /** Serve it, if the key is yours. `checksum`: of the ring by which the sender looked it up. */
  | {
      readonly kind: "ring-forward";
      readonly ticket: TicketId;
      readonly key: string;
      readonly checksum: number;
      readonly body: Body;
    }
  | { readonly kind: "ring-answer"; readonly ticket: TicketId; readonly result: Result }
  /** Nothing was done: the receiver's ring is another one, by which the key is not its own. */
  | { readonly kind: "ring-refusal"; readonly ticket: TicketId; readonly checksum: number }
  /** What belongs to the key is yours now. Incarnation and ticket are the fence: see `HandOvers`. */
  | {
      readonly kind: "ring-hand-over";
      readonly ticket: TicketId;
      readonly key: string;
      readonly incarnation: number;
      readonly goods: Goods;
    }
  /** `taken` false: the receiver does not own the key by its ring, or the giver has been declared dead since. */
  | { readonly kind: "ring-taken"; readonly ticket: TicketId; readonly taken: boolean };
