/**
 * What an HTTP answer says about its operation. Three outcomes, never folded into one another:
 *
 *     ok        what was asked for: every check passed; without a check on the status, one below 400
 *     refused   it definitely did not happen: 429 throttled, 503 unavailable, other 4xx invalid (404 not-found, 409 and 412 condition-failed)
 *     unknown   it may have happened: other 5xx, and an answer that fails a check
 */
import type { Answer } from "../../backend/api.ts";
import type { HttpAnswer } from "../../workloads/http.ts";

/** What is kept of an answer that is right: nothing that would have to be copied. */
export interface HttpResult {
  readonly status: number;
}

const byStatus: Readonly<Record<number, Answer<never>>> = {
  404: { kind: "refused", code: "not-found", message: "status 404" },
  409: { kind: "refused", code: "condition-failed", message: "status 409" },
  412: { kind: "refused", code: "condition-failed", message: "status 412" },
  429: { kind: "refused", code: "throttled", message: "status 429" },
  503: { kind: "refused", code: "unavailable", message: "status 503" },
};

const right: Answer<HttpResult>[] = [];

/** By its status alone. */
export function answerByStatus({ status }: Pick<HttpAnswer, "status">): Answer<HttpResult> {
  if (status < 400) return rightAnswer(status);
  const known = byStatus[status];
  if (known !== undefined) return known;
  if (status < 500) return { kind: "refused", code: "invalid", message: `status ${status}` };
  return { kind: "unknown", code: "server-error", message: `status ${status}` };
}

/** One object a status: nothing is allocated for an answer that is right. */
export function rightAnswer(status: number): Answer<HttpResult> {
  return (right[status] ??= { kind: "ok", result: { status } });
}

export function wrongAnswer(reason: string): Answer<HttpResult> {
  return { kind: "unknown", code: "check-failed", message: reason };
}
