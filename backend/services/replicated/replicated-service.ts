/** What a replicated node has to know of the service whose log it keeps. */
import type { Answer, Request } from "../../api.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { StateMachine } from "../../protocols/paxos/state-machine.ts";

/** How a request is carried out. */
export type Route =
  /** In the log, then by every replica. */
  | { readonly kind: "command"; readonly command: Value }
  /** By one replica, whose state holds everything that was answered when the request came. */
  | { readonly kind: "read"; readonly query: unknown }
  /** By any replica, from whatever it has applied, which lacks nothing that was answered `maxAgeUs` ago. */
  | { readonly kind: "stale-read"; readonly query: unknown; readonly maxAgeUs: Micros }
  /** By any replica, as soon as there is an answer; with nothing after `waitUs`. */
  | { readonly kind: "wait"; readonly query: unknown; readonly waitUs: Micros }
  /** About the log itself: the node knows. */
  | { readonly kind: "status" }
  | { readonly kind: "place"; readonly nodes: readonly NodeId[] }
  | { readonly kind: "hand-over"; readonly to: NodeId }
  | { readonly kind: "refused"; readonly answer: Answer };

export interface ReplicatedService {
  readonly machine: StateMachine<unknown, unknown, Answer>;
  /** Counts the changes of the state. */
  readonly revision: number;
  route(request: Request): Route;
  /** The answer to a `wait` that ended with nothing. */
  nothing(query: unknown): Answer;
}

/** Builds the service of one replica over the store that its machine may use. */
export type BuildService = (store: Store) => ReplicatedService;
