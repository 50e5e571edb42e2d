/** What nodes of the service say to each other. */
import type { MembersNotes } from "../../api-members.ts";
import type { RequestId } from "../../kernel/env.ts";
import type { RingpopMessage } from "../../protocols/ringpop/messages.ts";
import type { Heartbeat } from "../../protocols/swim/heartbeats.ts";
import type { SwimMessage } from "../../protocols/swim/messages.ts";
import type { Served } from "./key-values.ts";

export type RingMessage = RingpopMessage<string | null, Served, readonly string[]>;

export type MembersMessage =
  | SwimMessage
  | Heartbeat
  | RingMessage
  /** What did you note? */
  | { readonly kind: "notes-wanted"; readonly request: RequestId }
  | { readonly kind: "notes"; readonly request: RequestId; readonly notes: MembersNotes };
