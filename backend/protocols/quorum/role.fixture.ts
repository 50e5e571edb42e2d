/** One node's surroundings for tests of a single role: time is set, what is sent is collected, the store is a map. */
import { OrderedMap } from "../../kernel/ordered-map.ts";
import { Random } from "../../kernel/random.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { QuorumEnv, QuorumMessage } from "./messages.ts";

export class RoleEnv implements QuorumEnv {
  readonly self: NodeId = 0;
  now: Micros = 0;
  readonly wall: { latest: Micros } = { latest: 0 };
  readonly random: Random;
  readonly store: Store & { readonly size: number };
  private sent: (readonly [NodeId, QuorumMessage])[] = [];

  constructor(seed = 1, disk = new OrderedMap<Value>()) {
    this.random = new Random(seed);
    this.store = {
      get: (key) => disk.get(key),
      put: (key, value) => disk.set(key, value),
      delete: (key) => void disk.delete(key),
      putLater: (key, value) => disk.set(key, value),
      deleteLater: (key) => void disk.delete(key),
      scan: (from, to, visit) => disk.scan(from, to, visit),
      get size() {
        return disk.size;
      },
    };
  }

  send(to: NodeId, message: QuorumMessage): void {
    this.sent.push([to, message]);
  }

  sendEarly(to: NodeId, message: QuorumMessage): void {
    this.sent.push([to, message]);
  }

  /** What was sent since the last call. */
  takeSent(): (readonly [NodeId, QuorumMessage])[] {
    const taken = this.sent;
    this.sent = [];
    return taken;
  }
}
