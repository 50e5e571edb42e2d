/**
 * Members that crash, and members whose messages are held, under a light load of keys on their ring: who noticed, when, and who was taken for
 * dead wrongly. When members crash is said in numbers of arrivals, because a plan's faults are in time that a tank may stretch; the experiment
 * sees to it that the two agree.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { MembersNotes } from "../backend/api-members.ts";
import type { Random } from "../backend/kernel/random.ts";
import { checkMembers } from "./members-check.ts";
import type { MembersStory } from "./members-check.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface MembersParameters {
  /** Members, from node 0 on. Default 8. */
  readonly members?: number;
  /** Arrivals in one protocol period. Default 2. */
  readonly arrivalsPerPeriod?: number;
  /** Three numbers each: the member that crashes, the arrival at which it does, and the arrival at which it is back. Default none. */
  readonly crashes?: readonly number[];
  /** Members whose messages are held now and then. Default none. */
  readonly held?: readonly number[];
  /** Arrival before which nobody's are. Default never. */
  readonly heldFrom?: number;
}

export const membersDefaults = {
  members: 8,
  arrivalsPerPeriod: 2,
  crashes: [],
  held: [],
  heldFrom: 1_000_000_000,
} satisfies Required<MembersParameters>;

export function members(parameters: MembersParameters = {}): WorkloadSpec {
  return { name: "members", parameters: { ...membersDefaults, ...parameters } };
}

const keys = 1_000;

export class Members implements Workload {
  readonly name = "members";
  private readonly story: MembersStory;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("members", membersDefaults, given);
    const crashes = wholeNumbers(parameters, "crashes");
    if (crashes.length % 3 !== 0) {
      throw parameters.mistake(
        "crashes",
        crashes,
        "three whole numbers a crash: member, arrival, arrival",
        "[1, 20, 48]",
      );
    }
    this.story = {
      members: parameters.whole("members", 2, 1_000_000),
      arrivalsPerPeriod: parameters.number("arrivalsPerPeriod", 0.001, 1_000_000),
      crashes: Array.from({ length: crashes.length / 3 }, (_, i) => {
        const [member, from, to] = crashes.slice(3 * i);
        return { member, from, to };
      }),
      held: new Set(wholeNumbers(parameters, "held")),
      heldFrom: parameters.whole("heldFrom", 0, Infinity),
    };
  }

  setup(): readonly Request[] {
    return [];
  }

  begin(arrival: number, random: Random): Session {
    return new OneStep({
      operation: "add",
      request: { kind: "ring-add", key: `key-${random.below(keys)}`, value: String(arrival % 10) },
      thinkUs: 0,
      fact: { kind: "add" },
    });
  }

  finalReads(): readonly Request[] {
    return Array.from({ length: this.story.members }, (_, of) => ({ kind: "members-report", of }));
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    return checkMembers(history, finals.map(notesIn), this.story);
  }
}

class OneStep implements Session {
  private readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  next(previous: Answer | null): Step | null {
    if (previous === null) return this.step;
    if (previous.kind === "ok" && previous.result.kind === "ring-values") this.step.fact!.now = previous.result.now;
    return null;
  }
}

function notesIn(answer: Answer): MembersNotes | null {
  return answer.kind === "ok" && answer.result.kind === "members-notes" ? answer.result.notes : null;
}

function wholeNumbers(parameters: Parameters, name: string): readonly number[] {
  const value = parameters.raw(name);
  if (Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0)) return value as number[];
  throw parameters.mistake(name, value, "a list of whole numbers from 0 on", "[]");
}
