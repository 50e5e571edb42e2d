/** The dispatch door: a session by hand, what it refuses, and random requests. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import type { Answer, Request } from "../../api.ts";
import { createDispatchDoor } from "./door.ts";
import { serve } from "./routes.ts";
import type { DoorBackend } from "./routes.ts";

const asked: Request[] = [];
const status: Answer = {
  kind: "ok",
  result: { kind: "dispatch-status", node: 0, alive: [0], checksum: 1, drivers: 2, free: 1, onTrip: 1 },
};
const backend: DoorBackend = {
  submit: (request, done) => {
    asked.push(request);
    done(request.kind === "trip-list" ? { kind: "refused", code: "unavailable", message: "nobody" } : status);
  },
};

function ask(method: string, url: string, body = ""): { status: number; body: Record<string, unknown> } {
  const answers: { status: number; body: Record<string, unknown> }[] = [];
  serve({ method, url, body }, backend, (code, text) => answers.push({ status: code, body: JSON.parse(text) }));
  assert.equal(answers.length, 1);
  return answers[0];
}

test("paths and bodies become requests", () => {
  asked.length = 0;
  ask("POST", "/v1/drivers/d%201/position", '{"latitude":52.5,"longitude":13.4,"heading":90}');
  ask("POST", "/v1/trips", '{"trip":"t","rider":"r","latitude":1,"longitude":2}');
  ask("POST", "/v1/trips/t/end", "{}");
  ask("POST", "/v1/trips/t/cancel");
  ask("GET", "/v1/trips/t?x=1");
  ask("GET", "/v1/drivers/d");
  assert.deepEqual(asked, [
    { kind: "position-report", driver: "d 1", latitude: 52.5, longitude: 13.4, heading: 90, state: "available" },
    { kind: "match", trip: "t", rider: "r", latitude: 1, longitude: 2 },
    { kind: "trip-end", trip: "t" },
    { kind: "trip-end", trip: "t" },
    { kind: "trip-get", trip: "t" },
    { kind: "driver-get", driver: "d" },
  ]);
});

test("what is wrong is said: what, got, expected", () => {
  const message = (answer: ReturnType<typeof ask>): unknown => (answer.body.error as { message: string }).message;
  const cases: [string, string, string, number, RegExp][] = [
    [
      "POST",
      "/v1/trips",
      '{"trip":"t","rider":"r","latitude":91,"longitude":2}',
      400,
      /^latitude is 91; expected a number/,
    ],
    ["POST", "/v1/trips", '{"trip":"","rider":"r","latitude":1,"longitude":2}', 400, /^trip is ""; expected a name/],
    ["POST", "/v1/trips", "[", 400, /^the body is "\["; expected one JSON object/],
    ["POST", "/v1/drivers/%ff/position", "{}", 400, /percent-encoded/],
    ["POST", "/v1/drivers/d/position", '{"latitude":1,"longitude":1,"state":"asleep"}', 400, /^state is "asleep"/],
    ["PUT", "/v1/trips", "", 405, /expected POST, GET/],
    ["GET", "/nothing", "", 404, /openapi/],
    ["GET", "/v1/trips", "", 503, /nobody/],
  ];
  for (const [method, url, body, code, text] of cases) {
    const answer = ask(method, url, body);
    assert.equal(answer.status, code, url);
    assert.match(String(message(answer)), text);
  }
});

test("whatever is sent, one answer of JSON comes back, and nothing of no proper name gets in", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("GET", "POST", "DELETE"),
      fc.array(fc.oneof(fc.constantFrom("v1", "drivers", "trips", "position", "end", "%"), fc.string()), {
        maxLength: 5,
      }),
      fc.oneof(fc.string(), fc.json()),
      (method, path, body) => {
        asked.length = 0;
        const answer = ask(method, `/${path.join("/")}`, body);
        assert.notEqual(answer.status, 500);
        assert(asked.length === 0 || answer.status === 200 || answer.status === 503);
      },
    ),
    { seed: 1, numRuns: 500 },
  );
});

test("over a socket: the description names every path that is served, and answers are JSON", async () => {
  const door = await createDispatchDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend });
  try {
    const description = (await (await fetch(`${door.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const method of Object.keys(methods)) {
        const url = path.replaceAll(/\{\w+\}/g, "x");
        assert(![404, 405].includes(ask(method.toUpperCase(), url, "{}").status), `${method} ${path}`);
      }
    }
    const answer = await fetch(`${door.url}/v1/status`);
    assert.equal(answer.headers.get("content-type"), "application/json");
    assert.equal(((await answer.json()) as { drivers: number }).drivers, 2);
    const large = await fetch(`${door.url}/v1/trips`, { method: "POST", body: "x".repeat(20_000) });
    assert.equal(large.status, 413);
  } finally {
    await door.close();
  }
});
