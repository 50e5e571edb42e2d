/** Deadlines passed along: what the reference backend is told of its client's patience. */
import type { Request } from "../../backend/api.ts";
import type { Micros } from "../../backend/kernel/units.ts";

/** The request as sent: `timeoutUs` is how much longer the client will wait for this attempt. */
export function withTimeout(request: Request, timeoutUs: Micros): Request {
  switch (request.kind) {
    case "create-table":
    case "describe-table":
    case "list-tables":
    case "delete-table":
      return request;
    default:
      return { ...request, timeoutUs: Math.min(timeoutUs, request.timeoutUs ?? Infinity) };
  }
}
