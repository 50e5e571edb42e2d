/** What a node is given by the thread that hosts it. */
import type { CoreFactory, RequestId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Alarms } from "./alarms.ts";
import type { Clock } from "./run-clock.ts";

export interface NodeSetting {
  readonly self: NodeId;
  readonly seed: number;
  readonly factory: CoreFactory;
  readonly clock: Clock;
  readonly alarms: Alarms;
  /** The node's own directory; created when missing. */
  readonly directory: string;
  readonly durability: "log" | "none";
  /** The planted bug: sends and replies leave before their group is written, which then waits in memory for 5 ms. */
  readonly acknowledgeEarly: boolean;
  readonly segmentBytes: number;
  readonly clockErrorUs: Micros;
  /** Unix time when the run began, which `wall` goes on from. */
  readonly beganAtUs: Micros;
  /** What a request is answered when its node dies under it. */
  readonly lostReply: unknown;
  /** What a request is answered when its node is down: it never entered. */
  readonly downReply: (node: NodeId) => unknown;
  /** Ids go on counting across crashes. */
  readonly nextRequest: () => RequestId;
  readonly send: (from: NodeId, to: NodeId, message: unknown) => void;
  /** Asks for a pump. */
  readonly schedule: () => void;
  /** The node found a bug in itself, or its disk failed: it has stopped and the run is void. */
  readonly fail: (node: NodeId, error: unknown) => void;
}
