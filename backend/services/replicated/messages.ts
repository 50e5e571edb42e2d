/** What the nodes of a replicated service say to one another beyond the words of Paxos. */
import type { Answer, Request } from "../../api.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { PaxosMessage } from "../../protocols/paxos/messages.ts";

export type ReplicatedMessage =
  | PaxosMessage
  /** You lead, as far as I know: carry this out and answer me. */
  | {
      readonly kind: "forward";
      readonly operation: number;
      readonly body: Request;
      readonly leftUs: Micros;
      /** The sender's earliest idea of the true time. */
      readonly sentAt: Micros;
    }
  | { readonly kind: "forward-answer"; readonly operation: number; readonly answer: Answer }
  /** I do not lead and have done nothing. `leader`: who does, as far as I know; -1: nobody. */
  | { readonly kind: "forward-refused"; readonly operation: number; readonly leader: NodeId };

export type ReplicatedTimer = "tick";
