/** What the nodes of a replicated service say to one another beyond the words of Paxos. */
import type { Request } from "../../api.ts";
import type { PaxosMessage } from "../../protocols/paxos/messages.ts";
import type { ForwardMessage, ForwardReply } from "../forwards.ts";

export type ReplicatedMessage = PaxosMessage | ForwardMessage<Request> | ForwardReply;

export type ReplicatedTimer = "tick";
