/** Deadlines passed along: what the reference backend is told of its client's patience. */
import type { Request } from "../../backend/api.ts";
import type { Micros } from "../../backend/kernel/units.ts";

/** The request as sent: `timeoutUs` is how much longer the client will wait for this attempt. */
export function withTimeout(request: Request, timeoutUs: Micros): Request {
  switch (request.kind) {
    case "work":
    case "get":
    case "put":
    case "update":
    case "delete":
      return { ...request, timeoutUs: Math.min(timeoutUs, request.timeoutUs ?? Infinity) };
    default:
      return request;
  }
}
