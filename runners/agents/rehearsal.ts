/**
 * A slice in rehearsal: the real schedule, workload, client and recorder against a service that exists only as a script. When
 * and how a request is answered is a function of the request and its instant, and time is virtual, so what is recorded is a
 * function of the plan: any cut into slices, on any machines, must merge to the same counts in the same buckets. That is how a fleet of
 * agents is tried out, and how merging is tested.
 *
 *     of 1,000 attempts   980  ok after 0.3 ms and an exponential time of 2 ms on average
 *                          15  throttled after 0.3 ms
 *                           5  never answered
 */
import type { Answer, Request } from "../../backend/api.ts";
import { TimeHeap } from "../../backend/kernel/heap.ts";
import { Random } from "../../backend/kernel/random.ts";
import { second, type Micros } from "../../backend/kernel/units.ts";
import { createWorkload } from "../../workloads/catalog.ts";
import { LoadDriver, type DriverHost } from "../driver.ts";
import { withTimeout } from "../targets/with-timeout.ts";
import { Recorder } from "../measure/recorder.ts";
import { createSchedule } from "../schedule.ts";
import type { SliceResult, SliceTask } from "../slice-task.ts";

type RehearsalTask = Pick<SliceTask, "slice" | "load" | "forUs" | "seed" | "calls" | "workload" | "record">;

const floorUs = 300;
const meanUs = 2_000;
const throttledShare = 0.015;
const silentShare = 0.005;
/** After the load, for operations under way; past it they have no outcome, as in the other tanks. */
const drainLimitUs = 120 * second;

/** Runs the slice to its end at once. */
export function rehearse(task: RehearsalTask): SliceResult {
  const { load, forUs, seed, calls, slice, workload } = task;
  const recorder = new Recorder(task.record);
  const host = new RehearsalHost(seed);
  const schedule = createSchedule(load, forUs, seed, slice);
  const driver = new LoadDriver({ schedule, workload: createWorkload(workload), calls, seed, forUs, recorder }, host);
  host.run(driver, forUs + drainLimitUs);
  return { recorder: recorder.parts(), history: driver.history, loopDelayP99Us: 0, finished: true };
}

/** Virtual time: the next thing that happens is the driver's next wake or the earliest answer. */
class RehearsalHost implements DriverHost {
  private readonly seed: number;
  private nowUs: Micros = 0;
  private readonly due = new TimeHeap();
  private readonly answers = new Map<number, { readonly attempt: number; readonly answer: Answer }>();
  private sequence = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  now(): Micros {
    return this.nowUs;
  }

  send(attempt: number, _client: number, asked: Request, timeoutUs: Micros): void {
    const request = withTimeout(asked, timeoutUs);
    const response = scripted(this.seed, request, this.nowUs);
    if (response === null) return;
    const number = this.sequence++;
    this.answers.set(number, { attempt, answer: response.answer });
    this.due.push(this.nowUs + response.afterUs, number, number);
  }

  run(driver: LoadDriver, untilUs: Micros): void {
    while (!driver.finished) {
      const wakeUs = driver.nextWakeUs;
      const nextUs = Math.min(wakeUs, this.due.earliest);
      if (nextUs > untilUs) return;
      this.nowUs = Math.max(this.nowUs, nextUs);
      if (wakeUs <= this.due.earliest) driver.onWake();
      else this.deliver(driver);
    }
  }

  private deliver(driver: LoadDriver): void {
    const number = this.due.pop();
    const { attempt, answer } = this.answers.get(number)!;
    this.answers.delete(number);
    driver.onAnswer(attempt, answer);
  }
}

/** When and how the script answers a request sent at `atUs`; null: never. */
function scripted(seed: number, request: Request, atUs: Micros): { afterUs: Micros; answer: Answer } | null {
  const random = Random.stream(seed, "rehearsal", JSON.stringify(request), atUs);
  const fate = random.float();
  if (fate < silentShare) return null;
  if (fate < silentShare + throttledShare) {
    return { afterUs: floorUs, answer: { kind: "refused", code: "throttled", message: "as the script has it" } };
  }
  return { afterUs: floorUs + Math.round(random.exponential(meanUs)), answer: okAnswer(request) };
}

/** The answer of a service that keeps nothing. */
function okAnswer(request: Request): Answer {
  switch (request.kind) {
    case "get":
      return { kind: "ok", result: { kind: "item", item: null, siblings: [], context: "", units: 1 } };
    case "put":
    case "update":
    case "delete":
      return { kind: "ok", result: { kind: "written", before: null, after: null, context: "", units: 1 } };
    case "work":
      return { kind: "ok", result: { kind: "worked", queuedUs: 0 } };
    default:
      return { kind: "ok", result: { kind: "tables", names: [], more: false } };
  }
}
