/**
 * What the door alone can do: requests a second over a backend that answers at once from memory. wrk drives it, closed loop,
 * from its own process. The second figure, requests per second of the door's own processor time, is what one undisturbed core
 * would do: on a busy machine it holds still while the first falls.
 *
 *     node backend/servers/dynamodb/door.bench.ts [seconds] [connections]
 *
 * `--serve` only serves, for a profile: node --cpu-prof backend/servers/dynamodb/door.bench.ts --serve
 */
import { doorBench } from "../door-bench.fixture.ts";
import { createDynamoDoor } from "./door.ts";
import type { DoorBackend } from "./dispatch.ts";
import type { Answer, Item, Request } from "../../api.ts";

const item: Item = { id: { S: "k0000001" }, value: { S: "x".repeat(100) } };

const got: Answer = { kind: "ok", result: { kind: "item", item, siblings: [item], context: "", units: 1 } };
const written: Answer = { kind: "ok", result: { kind: "written", before: null, after: null, context: "", units: 1 } };

const trivial: DoorBackend = {
  submit(request: Request, done: (answer: Answer) => void): void {
    done(request.kind === "get" ? got : written);
  },
};

const bodies: Record<string, object> = {
  GetItem: { TableName: "bench", Key: { id: { S: "k0000001" } }, ConsistentRead: true },
  PutItem: { TableName: "bench", Item: item },
  UpdateItem: {
    TableName: "bench",
    Key: { id: { S: "k0000001" } },
    UpdateExpression: "SET #c = if_not_exists(#c, :zero) + :one",
    ConditionExpression: "attribute_exists(id)",
    ExpressionAttributeNames: { "#c": "count" },
    ExpressionAttributeValues: { ":zero": { N: "0" }, ":one": { N: "1" } },
  },
};

function script(operation: string): string {
  const authorization = "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f";
  return `wrk.method = "POST"
wrk.headers["content-type"] = "application/x-amz-json-1.0"
wrk.headers["x-amz-target"] = "DynamoDB_20120810.${operation}"
wrk.headers["x-amz-date"] = "20260101T000000Z"
wrk.headers["authorization"] = "${authorization}"
wrk.body = [[${JSON.stringify(bodies[operation])}]]
`;
}

const open = () => createDynamoDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend: trivial, nodes: 3 });

await doorBench(
  import.meta.filename,
  { "--serve": open },
  Object.keys(bodies).map((name) => ({ name, script: script(name), serve: "--serve" })),
);
