/** Stripe's charges as a service on a replicated log: what changes something goes into the log, the rest is read where the log is led. */
import type { Answer, Request } from "../../api.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { ReplicatedService, Route } from "../replicated/replicated-service.ts";
import { ChargesMachine } from "./charges-machine.ts";
import type { ChargesOptions } from "./charges-machine.ts";
import type { ChargesMachineClass } from "./mutants.ts";

export class ChargesService implements ReplicatedService {
  readonly machine: ChargesMachine;

  constructor(store: Store, options: ChargesOptions = {}, machine: ChargesMachineClass = ChargesMachine) {
    this.machine = new machine(store, options);
  }

  get revision(): number {
    return this.machine.revision;
  }

  route(request: Request): Route {
    switch (request.kind) {
      case "charge-create":
      case "refund-create":
      case "customer-create":
      case "outbox-delete":
        return { kind: "command", command: request as unknown as Value };
      case "charge-get":
      case "refund-get":
      case "customer-get":
      case "balance-get":
      case "charge-list":
      case "refund-list":
      case "customer-list":
      case "outbox-read":
        return { kind: "read", query: request };
      default:
        if (isInternal(request)) return { kind: "command", command: request as unknown as Value };
        return {
          kind: "refused",
          answer: { kind: "refused", code: "invalid", message: `a charge service does no ${request.kind}` },
        };
    }
  }

  nothing(): Answer {
    throw new Error("no request to a charge service waits");
  }
}

const internal: ReadonlySet<string> = new Set([
  "charge-begin",
  "charge-finish",
  "charge-takeover",
  "late-write",
  "outbox-drop",
]);

/** What nodes of the service ask of the log themselves. No door makes these. */
function isInternal({ kind }: { readonly kind: string }): boolean {
  return internal.has(kind);
}
