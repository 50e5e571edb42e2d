/**
 * What the door alone can do: requests a second over a backend that answers at once from memory. wrk drives it, closed loop,
 * from its own process. The second figure, requests per second of the door's own processor time, is what one undisturbed core
 * would do: on a busy machine it holds still while the first falls.
 *
 *     node backend/servers/etcd/door.bench.ts [seconds] [connections]
 *
 * `--serve` only serves, for a profile: node --cpu-prof backend/servers/etcd/door.bench.ts --serve
 */
import { doorBench } from "../door-bench.fixture.ts";
import { createEtcdDoor } from "./door.ts";
import type { DoorBackend } from "./dispatch.ts";
import type { Answer, Request } from "../../api.ts";
import type { KeyValue } from "../../api-coordination.ts";

const value = Buffer.alloc(128, "x").toString("base64");
const entry: KeyValue = { key: "key-0001", value, createRevision: 100_000, modRevision: 200_000, version: 7, lease: 0 };
const header = { revision: 1_000_000 };

const answers: Partial<Record<Request["kind"], Answer>> = {
  "key-put": { kind: "ok", result: { kind: "key-put", ...header, before: null } },
  "key-range": { kind: "ok", result: { kind: "key-range", ...header, entries: [entry], more: false, count: 1 } },
  "key-txn": {
    kind: "ok",
    result: { kind: "key-txn", ...header, succeeded: true, results: [{ kind: "put", before: null }] },
  },
};
const unavailable: Answer = { kind: "refused", code: "unavailable", message: "not in this bench" };

const trivial: DoorBackend = {
  submit(request: Request, done: (answer: Answer) => void): void {
    done(answers[request.kind] ?? unavailable);
  },
};

const key = Buffer.from("key-0001").toString("base64");
const bodies: Record<string, object> = {
  put: { key, value },
  range: { key },
  txn: {
    compare: [{ target: "MOD", key, modRevision: "200000" }],
    success: [{ requestPut: { key, value } }],
    failure: [{ requestRange: { key } }],
  },
};

const open = () => createEtcdDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend: trivial });

await doorBench(
  import.meta.filename,
  { "--serve": open },
  Object.entries(bodies).map(([name, body]) => ({
    name,
    script: `wrk.method = "POST"\nwrk.path = "/v3/kv/${name}"\nwrk.body = [[${JSON.stringify(body)}]]\n`,
    serve: "--serve",
  })),
);
