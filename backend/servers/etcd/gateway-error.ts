/**
 * Errors as etcd's JSON gateway answers them: a gRPC code, its HTTP status after grpc-gateway's table, and etcd's own text.
 *
 * Who refuses promises that nothing happened; an unknown outcome promises nothing and says so. Both can be 503, so the text decides.
 */
import type { Answer } from "../../api.ts";

/** gRPC's codes, of those that this door answers with. */
export const codes = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

type Code = (typeof codes)[keyof typeof codes];

/** grpc-gateway 1.x, `HTTPStatusFromCode`. */
const statuses: Readonly<Record<Code, number>> = {
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  8: 429,
  9: 412,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
};

export class GatewayError extends Error {
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** The body of an error answer, with its members in the gateway's order. */
export function errorBody({ code, message }: GatewayError): string {
  const text = JSON.stringify(message);
  return `{"error":${text},"message":${text},"code":${code}}`;
}

export function invalid(message: string): GatewayError {
  return new GatewayError(codes.invalidArgument, message);
}

export function emptyKey(): GatewayError {
  return invalid("etcdserver: key is not provided");
}

export function bodyTooLarge(limitBytes: number): GatewayError {
  return new GatewayError(codes.resourceExhausted, `request body is too large: expected at most ${limitBytes} bytes`);
}

/** What an answer that is not a result becomes. */
export function failure(answer: Exclude<Answer, { kind: "ok" }>): GatewayError {
  const { message } = answer;
  if (answer.kind === "unknown") {
    const code = answer.code === "timeout" ? codes.deadlineExceeded : codes.unavailable;
    return new GatewayError(code, `etcdserver: the outcome is unknown (${answer.code}): ${message}`);
  }
  switch (answer.code) {
    case "compacted":
    case "future-revision":
      return new GatewayError(codes.outOfRange, `etcdserver: ${message}`);
    case "not-found":
      return new GatewayError(codes.notFound, `etcdserver: ${message}`);
    case "exists":
    case "condition-failed":
      return new GatewayError(codes.failedPrecondition, `etcdserver: ${message}`);
    case "invalid":
      // etcd files this one text under another code than its neighbours.
      return new GatewayError(
        message === "too large lease TTL" ? codes.outOfRange : codes.invalidArgument,
        `etcdserver: ${message}`,
      );
    case "throttled":
    case "overloaded":
      return new GatewayError(codes.resourceExhausted, `etcdserver: too many requests: ${message}`);
    case "expired":
      return new GatewayError(codes.deadlineExceeded, `etcdserver: request timed out before it began: ${message}`);
    case "unavailable":
    case "breaker-open":
      return new GatewayError(codes.unavailable, `etcdserver: nothing was done (${answer.code}): ${message}`);
  }
}
