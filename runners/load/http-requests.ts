/**
 * From calls to requests on the wire, and from answers to outcomes: what the driver asks for when it loads an HTTP service.
 *
 *     RepeatedCall   one call, serialised once, the same object for every arrival
 *     FileWorkload   an operation drawn by weight for each arrival, then what its `next` names
 */
import type { Answer } from "../../backend/api.ts";
import type { Random } from "../../backend/kernel/random.ts";
import { millisecond } from "../../backend/kernel/units.ts";
import type { HttpAnswer, HttpCall, HttpOperation, HttpSession, HttpWorkload } from "../../workloads/http.ts";
import type { Session, Step } from "../../workloads/workload.ts";
import { serialiseCall } from "../targets/http/serialise-call.ts";
import type { WireRequest } from "../targets/http/exchange.ts";
import { answerByStatus, rightAnswer, wrongAnswer, type HttpResult } from "./judge-answer.ts";
import type { ReplyCheck } from "./load-plan.ts";
import { failedCheck } from "./reply-check.ts";
import type { CheckTally } from "./check-tally.ts";

/** One attempt's request, and who says what its answer means. */
export interface HttpRequest {
  readonly wire: WireRequest;
  /** `answer` is a view that is valid during this call. */
  judge(answer: HttpAnswer): Answer<HttpResult>;
}

export type HttpSteps = Session<HttpRequest, HttpResult>;

/** What turns arrivals into sessions of requests. */
export interface HttpSessions {
  begin(arrival: number, random: Random, operation?: string): HttpSteps;
}

/** An answer against the checks of the command line; the first that fails is counted. */
function judgeByChecks(
  answer: HttpAnswer,
  checks: readonly ReplyCheck[],
  tally: CheckTally,
  byStatus: (answer: HttpAnswer) => Answer<HttpResult>,
): Answer<HttpResult> {
  const usual = byStatus(answer);
  // A refusal is an outcome of its own, unless its status is what was asked for.
  if (usual.kind !== "ok" && !checks.some(({ kind }) => kind === "status")) return usual;
  if (checks.length === 0) return usual;
  tally.examined++;
  const failed = failedCheck(checks, answer);
  if (failed === null) return rightAnswer(answer.status);
  if (usual.kind !== "ok") return usual;
  tally.fail(failed.text, answer);
  return wrongAnswer(failed.text);
}

/** A session of one call; it holds nothing of its arrival, so one object serves all. */
export class RepeatedCall implements HttpRequest, HttpSteps, HttpSessions {
  readonly wire: WireRequest;
  private readonly checks: readonly ReplyCheck[];
  private readonly tally: CheckTally;
  private readonly step: Step<HttpRequest>;

  constructor(origin: URL, call: HttpCall, checks: readonly ReplyCheck[], tally: CheckTally) {
    this.wire = serialiseCall(origin, call);
    this.checks = checks;
    this.tally = tally;
    this.step = { operation: call.method ?? (call.body === undefined ? "GET" : "POST"), request: this, thinkUs: 0 };
  }

  begin(): HttpSteps {
    return this;
  }

  next(previous: Answer<HttpResult> | null): Step<HttpRequest> | null {
    return previous === null ? this.step : null;
  }

  judge(answer: HttpAnswer): Answer<HttpResult> {
    return judgeByChecks(answer, this.checks, this.tally, answerByStatus);
  }
}

/** The operations of a workload file. */
export class FileWorkload implements HttpSessions {
  readonly origin: URL;
  readonly operations: HttpWorkload<unknown>["operations"];
  readonly shared: unknown;
  readonly checks: readonly ReplyCheck[];
  readonly tally: CheckTally;
  private readonly names: readonly string[];
  /** Running sums of the weights, to be drawn from. */
  private readonly sums: readonly number[];

  constructor(
    origin: URL,
    workload: HttpWorkload<unknown>,
    shared: unknown,
    checks: readonly ReplyCheck[],
    tally: CheckTally,
  ) {
    this.origin = origin;
    this.operations = workload.operations;
    this.shared = shared;
    this.checks = checks;
    this.tally = tally;
    this.names = Object.keys(workload.operations);
    let sum = 0;
    this.sums = this.names.map((name) => (sum += workload.operations[name].weight ?? 1));
  }

  begin(arrival: number, random: Random, operation?: string): HttpSteps {
    const named = operation !== undefined && Object.hasOwn(this.operations, operation) ? operation : null;
    const first = named ?? this.drawn(random);
    return new FileSession(this, first, { arrival, random, shared: this.shared, vars: {} });
  }

  private drawn(random: Random): string {
    const at = random.float() * this.sums[this.sums.length - 1];
    return this.names[this.sums.findIndex((sum) => at < sum)];
  }
}

class FileSession implements HttpRequest, HttpSteps {
  wire!: WireRequest;
  private readonly workload: FileWorkload;
  private readonly session: HttpSession<unknown>;
  private name: string;

  constructor(workload: FileWorkload, first: string, session: HttpSession<unknown>) {
    this.workload = workload;
    this.name = first;
    this.session = session;
  }

  next(previous: Answer<HttpResult> | null): Step<HttpRequest> | null {
    const { session } = this;
    if (previous !== null) {
      if (previous.kind !== "ok") return null;
      const { next } = this.operation;
      const name = typeof next === "function" ? next(session) : (next ?? null);
      if (name === null) return null;
      this.name = name;
    }
    const { operation, name } = this;
    this.wire = serialiseCall(this.workload.origin, operation.call(session));
    const { thinkMs } = operation;
    const think = typeof thinkMs === "function" ? thinkMs(session) : (thinkMs ?? 0);
    return { operation: name, request: this, thinkUs: Math.round(think * millisecond) };
  }

  judge(answer: HttpAnswer): Answer<HttpResult> {
    const { checks, tally } = this.workload;
    const judged = judgeByChecks(answer, checks, tally, (each) => this.judgeByOperation(each));
    if (judged.kind !== "ok" || this.operation.capture === undefined) return judged;
    try {
      Object.assign(this.session.vars, this.operation.capture(answer, this.session));
    } catch (error) {
      return this.wrong(answer, `capture threw ${messageOf(error)}`);
    }
    return judged;
  }

  private judgeByOperation(answer: HttpAnswer): Answer<HttpResult> {
    const { operation } = this;
    if (operation.check === undefined) return answerByStatus(answer);
    this.workload.tally.examined++;
    let verdict: boolean | string;
    try {
      verdict = operation.check(answer, this.session);
    } catch (error) {
      verdict = `threw ${messageOf(error)}`;
    }
    if (verdict === true) return rightAnswer(answer.status);
    const byStatus = answerByStatus(answer);
    if (byStatus.kind !== "ok") return byStatus;
    return this.wrong(answer, verdict === false ? "check" : verdict);
  }

  private wrong(answer: HttpAnswer, reason: string): Answer<HttpResult> {
    const text = `${this.name}: ${reason}`;
    this.workload.tally.fail(text, answer);
    return wrongAnswer(text);
  }

  private get operation(): HttpOperation<unknown> {
    const { operations } = this.workload;
    if (Object.hasOwn(operations, this.name)) return operations[this.name];
    throw new Error(
      `the workload has no operation "${this.name}", which a \`next\` names; it has ${Object.keys(operations).join(", ")}`,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
