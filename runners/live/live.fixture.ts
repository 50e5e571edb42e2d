/** What the live view's tests share: a suite that tells its story by hand, and a reader of its stream. */
import { get } from "node:http";
import { Recorder } from "../measure/recorder.ts";
import type { Snapshot } from "../slice-task.ts";
import type { RunItem } from "../suite-types.ts";
import type { LiveFrame, LiveMessage } from "./live-frame.ts";
import { LiveWatch } from "./live-watch.ts";

export const item: RunItem = { experiment: "retry-storm", tank: "threads", design: "none", round: 0, expectedS: 1 };
export const plan = { totalS: 10, faults: [{ fromS: 2, toS: 4, label: "crash n0" }] };

/** Second `i` of a run: a hundred operations of 1 to 5 ms, every tenth one refused. */
export function second(i: number, perSecond = 100): Snapshot {
  const recorder = new Recorder({ forUs: 10_000_000, warmUpUs: 1_000_000, byKind: true });
  const operation = recorder.operation("work");
  for (let k = 0; k < perSecond; k++) {
    const intendedUs = i * 1_000_000 + k * (1e6 / perSecond);
    recorder.began(operation, intendedUs, 50);
    const ending =
      k % 10 === 0 ? ({ kind: "refused", code: "throttled" } as const) : ({ kind: "ok", code: "" } as const);
    recorder.ended(operation, { ...ending, intendedUs, sentUs: intendedUs, endUs: intendedUs + 1_000 * (1 + (k % 5)) });
  }
  return { untilUs: (i + 1) * 1_000_000, recorder: recorder.parts() };
}

/** A suite of two runs of which the first is under way. */
export function begun(tell: (message: LiveMessage) => void) {
  const watch = new LiveWatch("retry-storm, seed 1", tell);
  watch.observer.onPlan!([item, { ...item, round: 1 }]);
  const run = watch.observer.watchRun!(item, plan)!;
  return { watch, news: (i: number, slice = 0, perSecond = 100) => run.onNews!(slice, second(i, perSecond)), run };
}

export interface Event {
  readonly id: string;
  readonly name: string;
  readonly data: LiveFrame;
}

/** Reads events until `enough` says so, then hangs up. */
export function readEvents(
  url: string,
  enough: (events: readonly Event[]) => boolean,
  headers: Record<string, string> = {},
): Promise<Event[]> {
  return new Promise((resolve, reject) => {
    const events: Event[] = [];
    let text = "";
    const request = get(`${url}/events`, { headers }, (response) => {
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        const parts = text.split("\n\n");
        text = parts.pop()!;
        for (const part of parts) {
          const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(part)?.[1] ?? "";
          if (field("event") !== "")
            events.push({ id: field("id"), name: field("event"), data: JSON.parse(field("data")) as LiveFrame });
        }
        if (!enough(events)) return;
        response.destroy();
        resolve(events);
      });
      response.on("end", () => resolve(events));
    });
    request.on("error", reject);
  });
}
