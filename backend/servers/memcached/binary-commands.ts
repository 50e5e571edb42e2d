/** Reads packets of the binary protocol. */
import type { Conversation } from "./conversation.ts";

export class BinaryCommands {
  read(c: Conversation, _limit: number): void {
    c.closing = true;
  }
}
