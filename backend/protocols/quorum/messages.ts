/** The words of the quorum store, in pairs as Dynamo (SOSP 2007) uses them. Each kind is built at one place in the code. */
import type { Random } from "../../kernel/random.ts";
import type { Store } from "../../kernel/store.ts";
import type { NodeId } from "../../kernel/units.ts";
import type { Versions } from "./versions.ts";

/** "d/<table id> NUL <row>": one record of one table, and where a store keeps it. Made once a request, so hashed once. */
export type RecordKey = string;

export type QuorumMessage =
  /**
   * Keep this and say so once it is durable. `standInFor` >= 0: keep it as a hint for that node. `vouchTo` is not empty when the
   * sender may not have it on disk yet: until it confirms, the receiver answers for it that these nodes get it.
   */
  | {
      readonly kind: "store";
      readonly op: number;
      readonly key: RecordKey;
      readonly versions: Versions;
      readonly standInFor: NodeId;
      readonly vouchTo: readonly NodeId[];
    }
  | { readonly kind: "stored"; readonly op: number }
  /** What I asked you to store under the numbers [first, below) is on my disk, and so is my debt of it. */
  | { readonly kind: "confirm"; readonly first: number; readonly below: number }
  | { readonly kind: "fetch"; readonly op: number; readonly key: RecordKey }
  | { readonly kind: "fetched"; readonly op: number; readonly versions: Versions }
  /** A reader saw that you were behind. Not answered: the next reader will see whether it arrived. */
  | { readonly kind: "repair"; readonly key: RecordKey; readonly versions: Versions }
  /** You were owed this: a hint handed over, or a write you never acknowledged. */
  | {
      readonly kind: "hand";
      readonly key: RecordKey;
      readonly round: number;
      readonly versions: Versions;
    }
  | { readonly kind: "handed"; readonly key: RecordKey; readonly round: number }
  | { readonly kind: "ping" }
  | { readonly kind: "pong" };

/** What the quorum roles need of their node's env. */
export interface QuorumEnv {
  readonly self: NodeId;
  readonly now: number;
  readonly wall: { readonly latest: number };
  readonly random: Random;
  readonly store: Store;
  send(to: NodeId, message: QuorumMessage): void;
  sendEarly(to: NodeId, message: QuorumMessage): void;
}
