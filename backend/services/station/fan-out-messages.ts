/** What stations that answer together say to each other. A part is named by the node where its read entered and a number there. */
import type { Answer } from "../../api.ts";
import type { Env } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";

export type FanOutMessage =
  /** Do this part. `leftUs`: how long its client still waits. `twins`: who else has been or will be asked to, if the copies are tied. */
  | {
      readonly kind: "ask";
      readonly part: number;
      readonly copy: number;
      readonly serviceUs: Micros | undefined;
      /** The operation whose effect this is, once however often it is asked of one server; -1: a read, which has none. */
      readonly write: number;
      readonly leftUs: Micros;
      readonly twins: readonly NodeId[];
    }
  | { readonly kind: "answered"; readonly part: number; readonly copy: number; readonly queuedUs: Micros }
  /** My queue is full: it is not done, and will not be. */
  | { readonly kind: "declined"; readonly part: number; readonly copy: number }
  /** Nobody needs this part from you. It may come before its request: remember that for as long as the client waits. */
  | { readonly kind: "drop"; readonly root: NodeId; readonly part: number; readonly leftUs: Micros };

/** "served": by server. "hedge": by part. "answer", "expire": by read. */
export type FanOutTimer = "served" | "hedge" | "answer" | "expire";

export type FanOutEnv = Env<FanOutMessage, FanOutTimer, Answer>;
