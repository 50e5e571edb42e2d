/**
 * Where a worker sends attempts: the backend by message port, the backend's own front door, or a service somebody else runs.
 * A target neither waits, retries nor times out; the driver does that, so that every target is measured by the same clock.
 */
import type { Answer, Request, Result } from "../../backend/api.ts";
import type { Micros } from "../../backend/kernel/units.ts";

export interface Target<Q = Request, R = Result> {
  /**
   * Sends one attempt; its client waits `timeoutUs`, Infinity when absent. `entry` names the node to ask where the target can choose. The answer, if one comes, is given to
   * `onAnswer` later and never during this call.
   */
  submit(attempt: number, request: Q, timeoutUs?: Micros, entry?: number): void;
  /** Nobody waits for this attempt any more. */
  giveUp?(attempt: number): void;
  /** Set by whoever drives, before the first attempt. */
  onAnswer: (attempt: number, answer: Answer<R>) => void;
  /**
   * Set by whoever drives, for a target in which attempts wait for a connection: this one leaves now. What is counted from the
   * send, as a client without a schedule would, counts from here.
   */
  onWritten?: (attempt: number) => void;
  /** The end of a batch of submits: what was held back for batching leaves now. */
  flush(): void;
  close(): Promise<void>;
}

/** One request asked and waited for, outside any measurement: setup and final reads. */
export function ask(target: Target, request: Request, patienceMs = 30_000): Promise<Answer> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => {
      resolve({ kind: "unknown", code: "timeout", message: `no answer in ${patienceMs / 1_000} s` });
    }, patienceMs);
    target.onAnswer = (_, answer) => {
      clearTimeout(giveUp);
      resolve(answer);
    };
    target.submit(0, request);
    target.flush();
  });
}
