/**
 * What an operator asks about tablets: where they are, and that they split, merge or be led by another. It is begun in the directory, and
 * answered when the map as it is known at this node says that it is under way, or done.
 */
import type { Answer } from "../../api.ts";
import type { RowsRequest } from "../../api-tablets.ts";
import type { RequestId } from "../../kernel/env.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { DirectoryCommand, DirectoryEntry } from "../../protocols/tablets/directory.ts";
import type { TabletId } from "../../protocols/tablets/tablet.ts";
import type { Steering } from "../tablets/steering.ts";
import { arranged, beginCommand, mapAnswer, nothingFollows } from "../tablets/tablets-requests.ts";

type TabletRequest = Extract<RowsRequest, { kind: "tablet-map" | "tablet-split" | "tablet-merge" | "tablet-lead" }>;

interface Job {
  readonly body: TabletRequest;
  readonly deadline: Micros;
  /** Of the tablet's first version that was asked to change; 0: none yet. */
  version: number;
  askedAt: Micros;
}

export interface ArrangementsHost {
  readonly now: Micros;
  answer(request: RequestId, answer: Answer): void;
  /** -1: not known. */
  leaderOf(tablet: TabletId): NodeId;
}

const late: Answer = { kind: "refused", code: "unavailable", message: "The tablets did not begin to change in time" };

type Steerable = Pick<Steering, "map" | "command" | "handOver">;

export class Arrangements {
  private readonly host: ArrangementsHost;
  private readonly steering: Steerable;
  private readonly retryUs: Micros;
  private readonly jobs = new Map<RequestId, Job>();

  constructor(host: ArrangementsHost, steering: Steerable, retryUs: Micros) {
    this.host = host;
    this.steering = steering;
    this.retryUs = retryUs;
  }

  get busy(): boolean {
    return this.jobs.size > 0;
  }

  begin(request: RequestId, body: TabletRequest, deadline: Micros): void {
    this.jobs.set(request, { body, deadline, version: 0, askedAt: -Infinity });
    this.tick();
  }

  tick(): void {
    for (const [request, job] of this.jobs) {
      const answer = this.look(job) ?? (job.deadline <= this.host.now ? late : undefined);
      if (answer === undefined) continue;
      this.jobs.delete(request);
      this.host.answer(request, answer);
    }
  }

  private look(job: Job): Answer | undefined {
    const { body } = job;
    const { version, entries } = this.steering.map;
    if (entries.length === 0) return undefined;
    if (body.kind === "tablet-map") return mapAnswer(version, entries);
    const entry = entryAt(entries, body.at);
    if (body.kind === "tablet-lead") return this.lead(entry, body.node);
    const isDone =
      body.kind === "tablet-split" ? entry.from === body.at : job.version !== 0 && entry.version > job.version;
    if (isDone || isUnderWay(entry, body)) return mapAnswer(version, [entry]);
    // What else is under way ends, or has: the map is a little late.
    if (entry.intent !== null) return undefined;
    const command = beginCommand({ find: (key) => entryAt(entries, key) }, body);
    if (command === undefined) return nothingFollows;
    this.ask(job, entry, command);
    return undefined;
  }

  private lead({ tablet }: DirectoryEntry, to: NodeId): Answer | undefined {
    const leader = this.host.leaderOf(tablet);
    if (leader < 0) return undefined;
    if (leader !== to) this.steering.handOver(leader, tablet, to);
    return arranged;
  }

  private ask(job: Job, { version }: DirectoryEntry, command: DirectoryCommand): void {
    const { now } = this.host;
    if (now - job.askedAt < this.retryUs) return;
    job.askedAt = now;
    job.version = version;
    this.steering.command(command);
  }
}

function entryAt(entries: readonly DirectoryEntry[], key: string): DirectoryEntry {
  return entries.find(({ to }) => key < to) ?? entries[entries.length - 1];
}

function isUnderWay({ tablet, intent }: DirectoryEntry, body: TabletRequest): boolean {
  if (body.kind === "tablet-split") return intent?.kind === "split" && intent.at === body.at;
  return intent?.kind === "merge" && intent.left === tablet;
}
