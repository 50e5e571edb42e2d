/**
 * The entry node's side of a lock-free read: one timestamp, and a replica of each group to ask. Nothing is changed by it, so what is not
 * answered is asked again, of another replica.
 *
 *     strong, one group     the leader, as of now by its own clock
 *     strong, more groups   the leaders, as of TT.now().latest here (Spanner, OSDI 2012, section 4.2.2)
 *     exact, stale          the nearest replicas
 */
import type { Answer } from "../../api.ts";
import type { VersionedValue } from "../../api-database.ts";
import type { RequestId } from "../../kernel/env.ts";
import type { Micros } from "../../kernel/units.ts";
import { inOrder } from "./driver.ts";
import type { Leaders } from "./leaders.ts";
import type { DriverMessage, GroupId, Outcome, ReadMessage, TransactionEnv, TransactionOptions } from "./messages.ts";
import type { SnapshotRead } from "./requests.ts";
import { keysByGroup } from "./requests.ts";
import type { TabletMap } from "./tablet-map.ts";

interface Job {
  readonly request: RequestId;
  readonly keys: readonly string[];
  at: ReadMessage["at"];
  readonly asked: Micros;
  readonly deadline: Micros;
  readonly values: VersionedValue[];
  readonly finish: (timestamp: Micros, values: readonly VersionedValue[]) => Answer;
  open: number;
  timestamp: Micros;
}

interface Piece {
  readonly job: Job;
  readonly group: GroupId;
  readonly keys: readonly string[];
  operation: number;
  tries: number;
  /** 0: it waits for somebody to ask. */
  sentAt: Micros;
  /** Its keys are no longer where it was asked. */
  moved: boolean;
}

const late: Answer = { kind: "refused", code: "unavailable", message: "No replica could answer the read in time" };

export class Reader {
  private readonly env: TransactionEnv;
  private readonly map: TabletMap;
  private readonly leaders: Leaders;
  private readonly options: TransactionOptions;
  private readonly onAnswer: (request: RequestId, answer: Answer) => void;
  private readonly pieces = new Map<number, Piece>();
  private next = 0;

  constructor(
    env: TransactionEnv,
    map: TabletMap,
    leaders: Leaders,
    options: TransactionOptions,
    onAnswer: (request: RequestId, answer: Answer) => void,
  ) {
    this.env = env;
    this.map = map;
    this.leaders = leaders;
    this.options = options;
    this.onAnswer = onAnswer;
  }

  start(): void {
    this.next = this.env.random.uint32() * 2 ** 20;
  }

  get busy(): boolean {
    return this.pieces.size > 0;
  }

  /** @param finish makes the answer of what was read */
  begin(
    request: RequestId,
    { keys, at }: Pick<SnapshotRead, "keys" | "at">,
    deadline: Micros,
    finish: Job["finish"] = (timestamp, values) => ({ kind: "ok", result: { kind: "snapshot", timestamp, values } }),
  ): void {
    const groups = keysByGroup(keys, this.map);
    const asked = at.kind === "exact" ? at.timestamp : this.env.wall.latest - (at.kind === "max-staleness" ? at.us : 0);
    const job: Job = {
      request,
      keys,
      at: modeOf(at.kind, groups.size),
      asked: Math.max(0, asked),
      deadline,
      values: [],
      finish,
      open: groups.size,
      timestamp: 0,
    };
    for (const [group, those] of groups)
      this.ask({ job, group, keys: those, operation: 0, tries: 0, sentAt: 0, moved: false });
  }

  private ask(piece: Piece): void {
    const { job, group, keys } = piece;
    piece.operation = this.next++;
    this.pieces.set(piece.operation, piece);
    const to = this.targetOf(piece);
    piece.sentAt = to < 0 ? 0 : this.env.now;
    if (to < 0) return;
    const { operation } = piece;
    this.env.sendEarly(to, { kind: "read", group, operation, keys, at: job.at, timestamp: job.asked });
  }

  private targetOf({ job, group, tries }: Piece): number {
    if (job.at === "leader" || job.at === "strong") return this.leaders.of(group);
    const replicas = this.map.replicas(group);
    return replicas.length === 0 ? -1 : replicas[tries % replicas.length];
  }

  onValues({ operation, timestamp, values }: Extract<DriverMessage, { kind: "values" }>): void {
    const piece = this.pieces.get(operation);
    if (piece === undefined) return;
    this.pieces.delete(operation);
    const { job } = piece;
    job.values.push(...values);
    job.timestamp = timestamp;
    if (--job.open > 0) return;
    this.onAnswer(job.request, job.finish(job.timestamp, inOrder(job.keys, job.values)));
  }

  onUnread(operation: number, outcome: Outcome): void {
    const piece = this.pieces.get(operation);
    if (piece === undefined) return;
    if (outcome.kind === "refused") {
      this.drop(piece.job);
      this.onAnswer(piece.job.request, outcome);
      return;
    }
    piece.moved = outcome.kind === "aborted";
    if (outcome.kind === "not-leader" && outcome.leader >= 0) this.leaders.onLocated(piece.group, outcome.leader);
    // The first other replica is asked at once; what keeps failing waits for the next tick.
    if (piece.tries > 0) piece.sentAt = 0;
    else if (piece.moved) this.divide(piece);
    else this.again(piece);
  }

  tick(): void {
    const { now } = this.env;
    const pieces = [...this.pieces.values()];
    for (const piece of pieces) {
      const { job, sentAt, group } = piece;
      if (job.deadline <= now) {
        if (!this.pieces.has(piece.operation)) continue;
        this.drop(job);
        this.onAnswer(job.request, late);
      } else if (sentAt === 0) {
        if (piece.moved || this.map.isOver(group)) this.divide(piece);
        else this.again(piece);
      } else if (now - sentAt >= this.options.retryUs) {
        this.leaders.doubt(group);
        this.again(piece);
      }
    }
  }

  /** Its keys have left the group, some of them or all. */
  private divide(piece: Piece): void {
    const { job, keys } = piece;
    this.pieces.delete(piece.operation);
    const groups = keysByGroup(keys, this.map);
    job.open += groups.size - 1;
    // One group's leader may choose the timestamp; of two, neither.
    if (groups.size > 1 && job.at === "leader") job.at = "strong";
    if (groups.size > 1 && job.at === "fresher") job.at = "exact";
    const tries = piece.tries + 1;
    for (const [group, those] of groups) {
      this.ask({ job, group, keys: those, operation: 0, tries, sentAt: 0, moved: false });
    }
  }

  private again(piece: Piece): void {
    this.pieces.delete(piece.operation);
    piece.tries++;
    this.ask(piece);
  }

  private drop(job: Job): void {
    for (const [operation, piece] of this.pieces) if (piece.job === job) this.pieces.delete(operation);
  }
}

function modeOf(kind: SnapshotRead["at"]["kind"], groups: number): ReadMessage["at"] {
  if (kind === "exact") return "exact";
  if (kind === "strong") return groups === 1 ? "leader" : "strong";
  return groups === 1 ? "fresher" : "exact";
}
