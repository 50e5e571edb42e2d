/** A backend in memory for the door's tests: one state machine, no log, answers at once, and a clock that stands where it is put. */
import type { Answer, Request } from "../../api.ts";
import type { KeysCommand, KeysQuery } from "../../api-coordination.ts";
import { KeysMachine } from "../../services/keys/keys-machine.ts";
import { MemoryStore } from "../../services/keys/memory-store.fixture.ts";
import type { DoorBackend } from "./dispatch.ts";

interface Waiting {
  readonly query: KeysQuery;
  readonly done: (answer: Answer) => void;
}

export class MemoryKeys implements DoorBackend {
  readonly machine = new KeysMachine(new MemoryStore());
  /** Stamp of commands and reads. */
  now = 0;
  /** Longest that a watch waits. */
  maxWaitMs = 60_000;
  private waiting = new Set<Waiting>();

  submit(request: Request, done: (answer: Answer) => void): void {
    switch (request.kind) {
      case "key-put":
      case "key-delete-range":
      case "key-txn":
      case "key-compact":
      case "lease-grant":
      case "lease-revoke":
      case "lease-keep-alive":
        done(this.apply(request));
        break;
      case "key-range":
      case "lease-time-to-live":
      case "lease-list":
        done(this.machine.read(request, this.now)!);
        break;
      case "key-watch":
        this.watch(request, done);
        break;
      case "log-status": {
        const { revision } = this.machine;
        const result = { kind: "log-status", revision, node: 0, leader: 0, ballot: 2, applied: 9, chosen: 9 } as const;
        done({ kind: "ok", result: { ...result, storeBytes: 20_480 } });
        break;
      }
      default:
        throw new Error(`no ${request.kind} here`);
    }
  }

  /** Carries out what time alone makes necessary. */
  expire(): void {
    const command = this.machine.due(this.now);
    if (command !== undefined) this.apply(command);
  }

  private apply(command: KeysCommand): Answer {
    const answer = this.machine.apply(command, this.now);
    for (const waiting of this.waiting) {
      const read = this.machine.read(waiting.query, this.now);
      if (read === undefined) continue;
      this.waiting.delete(waiting);
      waiting.done(read);
    }
    return answer;
  }

  private watch(query: Extract<KeysQuery, { kind: "key-watch" }>, done: (answer: Answer) => void): void {
    const answer = this.machine.read(query, this.now);
    if (answer !== undefined) {
      done(answer);
      return;
    }
    const waiting = { query, done };
    this.waiting.add(waiting);
    const elapsed = (): void => {
      if (!this.waiting.delete(waiting)) return;
      const { revision } = this.machine;
      done({ kind: "ok", result: { kind: "key-events", revision, events: [], compactedTo: 0 } });
    };
    setTimeout(elapsed, Math.min(query.waitUs / 1_000, this.maxWaitMs)).unref();
  }
}
