/** etcd's key-value store as a service on a replicated log: which request goes into the log, and which only reads. */
import type { Answer, Request } from "../../api.ts";
import type { KeysQuery } from "../../api-coordination.ts";
import type { Store, Value } from "../../kernel/store.ts";
import type { ReplicatedService, Route } from "../replicated/replicated-service.ts";
import { KeysMachine } from "./keys-machine.ts";

export class KeysService implements ReplicatedService {
  readonly machine: KeysMachine;

  constructor(store: Store) {
    this.machine = new KeysMachine(store);
  }

  get revision(): number {
    return this.machine.revision;
  }

  route(request: Request): Route {
    return routeKeys(request);
  }

  nothing(): Answer {
    return { kind: "ok", result: { kind: "key-events", revision: this.revision, events: [], compactedTo: 0 } };
  }
}

function routeKeys(request: Request): Route {
  switch (request.kind) {
    case "key-put":
    case "key-delete-range":
    case "key-txn":
    case "key-compact":
    case "lease-grant":
    case "lease-revoke":
    case "lease-keep-alive":
      return { kind: "command", command: request as unknown as Value };
    case "key-range":
      if (request.serializable === true) return { kind: "stale-read", query: request, maxAgeUs: Infinity };
      return request.maxAgeUs === undefined
        ? { kind: "read", query: request }
        : { kind: "stale-read", query: request, maxAgeUs: request.maxAgeUs };
    case "lease-time-to-live":
    case "lease-list":
      return { kind: "read", query: request satisfies KeysQuery };
    case "key-watch":
      return { kind: "wait", query: request satisfies KeysQuery, waitUs: request.waitUs };
    case "log-status":
      return { kind: "status" };
    case "log-place":
      return { kind: "place", nodes: request.nodes };
    case "log-hand-over":
      return { kind: "hand-over", to: request.to };
    default:
      return {
        kind: "refused",
        answer: { kind: "refused", code: "invalid", message: `a key-value store does no ${request.kind}` },
      };
  }
}
