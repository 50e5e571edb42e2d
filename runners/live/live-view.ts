/** A suite's live view: a watch here, where the suite runs, and a server on a thread of its own. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { UsageError } from "../command-error.ts";
import type { SuiteObserver } from "../suite-types.ts";
import type { LiveMessage } from "./live-frame.ts";
import { LiveWatch } from "./live-watch.ts";

export interface LiveView {
  readonly url: string;
  readonly observer: SuiteObserver;
  /** Tells the viewers that it is over and closes the server. */
  end(): Promise<void>;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "something listens there already",
  EACCES: "this user may not listen there",
};

/** How long a server that has nothing more to say may take to close. */
const closeLimitMs = 2_000;

/** @throws UsageError for a port that cannot be had */
export async function openLiveView(port: number, title: string): Promise<LiveView> {
  const thread = new Worker(new URL("./live-thread.ts", import.meta.url), { workerData: { port } });
  const [answer] = (await once(thread, "message")) as [{ url: string } | { code: string; message: string }];
  if (!("url" in answer)) {
    throw new UsageError({
      what: "the live view cannot have its port",
      got: `${port}: ${reasons[answer.code] ?? answer.message}`,
      expected: "a free TCP port of 127.0.0.1, above 1023 without privileges",
      fix: "choose another --live port, or leave the number out for a free one",
    });
  }
  const gone = once(thread, "exit");
  const tell = (message: LiveMessage): void => thread.postMessage(message);
  const watch = new LiveWatch(title, tell);
  let ended = false;
  return {
    url: answer.url,
    observer: watch.observer,
    end: async () => {
      if (ended) return;
      ended = true;
      watch.finish();
      const limit = setTimeout(() => void thread.terminate(), closeLimitMs);
      await gone;
      clearTimeout(limit);
    },
  };
}
