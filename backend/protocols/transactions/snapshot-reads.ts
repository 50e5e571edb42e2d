/**
 * Reads at a timestamp, without locks, at any replica (Spanner, OSDI 2012, sections 4.1.3 and 4.1.4). The leader promises the timestamp; a
 * follower knows what the leader promised with its last heartbeat, and makes a reader of later times wait for the next.
 *
 *     leader     t at or below every promise it may give, and no pending writer of these keys at or below t
 *     follower   t <= safe, and what the leader had applied when it said so is applied here
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { Outcome, ReadMessage, TransactionEnv } from "./messages.ts";
import type { Participant } from "./participant.ts";

interface Waiting {
  readonly from: NodeId;
  readonly message: ReadMessage;
  readonly timestamp: Micros;
  readonly until: Micros;
}

export class SnapshotReads {
  private readonly env: TransactionEnv;
  private readonly participant: Participant;
  private readonly patienceUs: Micros;
  private waiting: Waiting[] = [];
  private retrying = false;
  waits = 0;

  constructor(env: TransactionEnv, participant: Participant, patienceUs: Micros) {
    this.env = env;
    this.participant = participant;
    this.patienceUs = patienceUs;
  }

  get busy(): boolean {
    return this.waiting.length > 0;
  }

  onRead(from: NodeId, message: ReadMessage): void {
    const { participant, env } = this;
    const { at } = message;
    const leads = participant.serves();
    if (!leads && (at === "leader" || at === "strong" || !participant.log.readable)) {
      this.refuse(from, message, { kind: "not-leader", leader: participant.log.leader });
      return;
    }
    const timestamp = at === "leader" ? participant.stamps.present() : message.timestamp;
    const waiting = { from, message, timestamp, until: env.now + this.patienceUs };
    if (this.maybeAnswer(waiting)) return;
    this.waits++;
    this.waiting.push(waiting);
  }

  /** Something was applied, released or promised, or time has passed. */
  retry(): void {
    if (this.waiting.length === 0 || this.retrying) return;
    this.retrying = true;
    const { waiting } = this;
    this.waiting = [];
    for (const read of waiting) if (!this.maybeAnswer(read)) this.waiting.push(read);
    this.retrying = false;
  }

  tick(): void {
    this.retry();
    const { now } = this.env;
    const late = this.waiting.filter(({ until }) => until <= now);
    if (late.length === 0) return;
    this.waiting = this.waiting.filter(({ until }) => until > now);
    const { leader } = this.participant.log;
    for (const { from, message } of late) this.refuse(from, message, { kind: "not-leader", leader });
  }

  private maybeAnswer({ from, message, timestamp }: Waiting): boolean {
    const { machine } = this.participant;
    const { keys, operation } = message;
    // Each time: they may have left while the read waited.
    if (!keys.every((key) => machine.owns(key))) {
      if (!this.participant.log.readable) return false;
      this.refuse(from, message, { kind: "aborted", reason: "moved", claims: machine.claims() });
      return true;
    }
    const at = this.readableAt(message, timestamp);
    if (at < 0) return false;
    if (at < machine.horizon) {
      const text = `Versions as of ${at} are gone: they are kept from ${machine.horizon} on. Read at a later timestamp`;
      this.refuse(from, message, { kind: "refused", code: "compacted", message: text });
      return true;
    }
    const values = keys.map((key) => machine.versionAt(key, at));
    // Held: the promise may have to be durable first.
    this.env.send(from, { kind: "values", operation, timestamp: at, values });
    return true;
  }

  /** The timestamp at which these keys can be read here; -1: not yet. */
  private readableAt({ at, keys }: ReadMessage, timestamp: Micros): Micros {
    const { participant, env } = this;
    const { safe } = participant.log;
    if (participant.serves()) {
      const ahead = at !== "strong" && timestamp > env.wall.latest;
      return !ahead && participant.maybePromise(keys, timestamp) ? timestamp : -1;
    }
    if (!participant.log.readable || safe < timestamp) return -1;
    return at === "fresher" ? safe : timestamp;
  }

  private refuse(to: NodeId, { operation }: ReadMessage, outcome: Outcome): void {
    this.env.sendEarly(to, { kind: "unread", operation, outcome });
  }
}
