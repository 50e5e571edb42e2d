/**
 * One watch on one connection: etcd's stream of results, a line each, out of `key-watch` requests that wait.
 *
 *     create --> key-range, for the revision "now" --> created
 *            --> key-watch from the next revision on --> events, or nothing within `waitUs` --> key-watch ... until the client leaves
 *
 * The next request goes out when the client's connection has taken what the last one brought, so a client that does not read costs one
 * batch. A request that fails is asked again: it only looks, so an unknown outcome is no different from a refusal.
 */
import type { ServerResponse } from "node:http";
import type { Answer } from "../../api.ts";
import type { KeyEvent, KeyRange, KeysResult } from "../../api-coordination.ts";
import { mebibyte, second } from "../../kernel/units.ts";
import { eventText } from "./answers.ts";
import { expect } from "./dispatch.ts";
import type { DoorBackend, Speaker } from "./dispatch.ts";
import { errorBody, failure, invalid } from "./gateway-error.ts";
import { booleanAt, bytesAt, enumOf, integerAt, listAt, objectAt, parseBody } from "./json-fields.ts";
import type { Fields } from "./json-fields.ts";

export interface WatchRequest extends KeyRange {
  /** 0: from now on. */
  readonly startRevision: number;
  readonly watchId: number;
  readonly returnBefore: boolean;
  readonly progressNotify: boolean;
  readonly fragment: boolean;
  readonly without: ReadonlySet<KeyEvent["kind"]>;
}

const filters = ["NOPUT", "NODELETE"];
const filtered = ["put", "delete"] as const;

const waitUs = 10 * second;
const eventsPerRequest = 1_000;
/** A message that may be fragmented is cut at about so much text. */
const fragmentBytes = mebibyte;
const retryMs = { first: 50, most: 1_000 };

/** @throws GatewayError */
export function readWatch(body: string): WatchRequest {
  const create = objectAt(parseBody(body), "create_request", "createRequest");
  if (create === undefined) {
    throw invalid("no create_request: a connection of this door carries one watch, and closing it is how to cancel");
  }
  const key = bytesAt(create, "key", "key");
  const end = bytesAt(create, "range_end", "rangeEnd");
  return {
    // No key is the first of all keys, as etcd has it.
    key: key === "" ? "\0" : key,
    ...(end !== "" && { end }),
    startRevision: Math.max(0, integerAt(create, "start_revision", "startRevision")),
    watchId: Math.max(0, integerAt(create, "watch_id", "watchId")),
    returnBefore: booleanAt(create, "prev_kv", "prevKv"),
    progressNotify: booleanAt(create, "progress_notify", "progressNotify"),
    fragment: booleanAt(create, "fragment", "fragment"),
    without: withoutOf(create),
  };
}

function withoutOf(create: Fields): Set<KeyEvent["kind"]> {
  const without = new Set<KeyEvent["kind"]>();
  for (const one of listAt(create, "filters")) {
    const kind = filtered[enumOf(one, filters, "WatchCreateRequest_FilterType")];
    if (kind !== undefined) without.add(kind);
  }
  return without;
}

export interface WatchSetting {
  readonly backend: DoorBackend;
  readonly speaker: Speaker;
  /** How long a watch with progress_notify goes without a message. */
  readonly progressIntervalMs: number;
}

export class WatchStream {
  private readonly request: WatchRequest;
  private readonly response: ServerResponse;
  private readonly setting: WatchSetting;
  private nextRevision = 0;
  private failures = 0;
  private toldAt = performance.now();
  private retry: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(request: WatchRequest, response: ServerResponse, setting: WatchSetting) {
    this.request = request;
    this.response = response;
    this.setting = setting;
  }

  /** The head of the answer is written. `onEnd` is called once, when client or door end the stream. */
  start(onEnd: () => void): void {
    this.response.once("close", () => {
      this.ended = true;
      clearTimeout(this.retry);
      onEnd();
    });
    this.begin();
  }

  /** The door closes. */
  end(): void {
    this.ended = true;
    this.response.end();
  }

  /** The revision to begin behind must not be an old one: without a start, only what is current may say what "now" is. */
  private begin(): void {
    const { startRevision } = this.request;
    this.submit(
      { kind: "key-range", key: "\0", limit: 1, serializable: startRevision > 0 },
      (result) => {
        const { revision } = expect(result, "key-range");
        this.nextRevision = startRevision === 0 ? revision + 1 : startRevision;
        this.write(revision, `,"created":true`);
        this.continue();
      },
      () => this.begin(),
    );
  }

  private watch(): void {
    const { key, end, returnBefore } = this.request;
    const range = end === undefined ? { key } : { key, end };
    this.submit(
      {
        kind: "key-watch",
        ...range,
        fromRevision: this.nextRevision,
        limit: eventsPerRequest,
        waitUs,
        returnBefore,
        timeoutUs: waitUs + 5 * second,
      },
      (result) => this.tell(expect(result, "key-events")),
      () => this.watch(),
    );
  }

  private tell({ events, revision, compactedTo }: Extract<KeysResult, { kind: "key-events" }>): void {
    if (compactedTo > 0) {
      this.write(0, `,"canceled":true,"compact_revision":"${compactedTo}"`);
      this.end();
      return;
    }
    this.nextRevision = Math.max(this.nextRevision, revision + 1);
    const { without, progressNotify } = this.request;
    const texts = events.filter(({ kind }) => !without.has(kind)).map(eventText);
    if (texts.length > 0) this.writeEvents(revision, texts);
    else if (progressNotify && performance.now() - this.toldAt >= this.setting.progressIntervalMs) {
      this.write(revision, "");
    }
    this.continue();
  }

  private writeEvents(revision: number, texts: readonly string[]): void {
    let from = 0;
    let bytes = 0;
    for (const [i, text] of texts.entries()) {
      if (this.request.fragment && bytes > 0 && bytes + text.length > fragmentBytes) {
        this.write(revision, `,"fragment":true,"events":[${texts.slice(from, i).join(",")}]`);
        from = i;
        bytes = 0;
      }
      bytes += text.length;
    }
    this.write(revision, `,"events":[${texts.slice(from).join(",")}]`);
  }

  private write(revision: number, members: string): void {
    const { watchId } = this.request;
    const id = watchId === 0 ? "" : `,"watch_id":"${watchId}"`;
    this.response.write(`{"result":{${this.setting.speaker.header.at(revision)}${id}${members}}}\n`);
    this.toldAt = performance.now();
  }

  /** Asks on when the client has taken what was written; never within the answer, which may come at once. */
  private continue(): void {
    if (this.response.writableNeedDrain) this.response.once("drain", () => this.watch());
    else setImmediate(() => this.watch());
  }

  private submit(
    request: Parameters<DoorBackend["submit"]>[0],
    take: (result: KeysResult) => void,
    again: () => void,
  ): void {
    if (this.ended) return;
    const done = (answer: Answer): void => {
      if (this.ended) return;
      if (answer.kind === "ok") {
        this.failures = 0;
        take(answer.result as KeysResult);
      } else if (answer.kind === "refused" && answer.code === "invalid") {
        this.response.write(`${errorBody(failure(answer))}\n`);
        this.end();
      } else {
        const delayMs = Math.min(retryMs.most, retryMs.first * 2 ** this.failures++);
        this.retry = setTimeout(again, delayMs);
      }
    };
    try {
      this.setting.backend.submit(request, done);
    } catch {
      this.response.destroy();
    }
  }
}
