/**
 * Fifty thousand broken requests. Good ones of every operation are damaged (bytes, parameters, path, headers) and dispatched over the real
 * service. Whatever comes in, there is exactly one answer, it is JSON, it is a success or the client's fault, and the ledger adds up. A failure
 * prints the request that repeats it.
 */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import { MemoryCharges } from "../../services/charges/memory-charges.fixture.ts";
import { dispatch } from "./dispatch.ts";
import type { DoorBackend, Incoming } from "./dispatch.ts";
import { createStripeDoor } from "./door.ts";

const seed = Number(process.env.FUZZ_SEED ?? 1);
const count = Number(process.env.FUZZ_COUNT ?? 50_000);
const authorization = "Bearer sk_test_fuzz";

function samplesOf(charges: MemoryCharges): Incoming[] {
  const requests: [method: string, url: string, body?: string][] = [
    ["POST", "/v1/charges", "amount=2000&currency=usd&source=tok_visa&description=d&metadata[a]=b&expand[]=customer"],
    ["POST", "/v1/charges", "amount=2000&currency=jpy&source=tok_chargeDeclined&capture=true"],
    ["POST", "/v1/customers", "email=a%40b.c&name=N&metadata[k]=v"],
    ["GET", "/v1/charges?limit=3"],
    ["GET", "/v1/customers?email=a%40b.c&limit=100"],
    ["GET", "/v1/balance"],
  ];
  const made = ["POST /v1/charges", "POST /v1/customers", "POST /v1/refunds"];
  const ids = made.map((request, i) => {
    const body = [requests[0][2]!, "email=a%40b.c", `charge=${idOf(charges, requests[0][2]!, "/v1/charges")}`][i];
    return idOf(charges, body, request.slice(5));
  });
  requests.push(
    ["GET", `/v1/charges/${ids[0]}`],
    ["GET", `/v1/charges?starting_after=${ids[0]}&limit=2`],
    ["GET", `/v1/charges?ending_before=${ids[0]}`],
    ["GET", `/v1/customers/${ids[1]}`],
    ["GET", `/v1/charges?customer=${ids[1]}`],
    ["GET", `/v1/refunds/${ids[2]}`],
    ["GET", `/v1/refunds?charge=${ids[0]}`],
    ["POST", "/v1/refunds", `charge=${ids[0]}&amount=1&reason=duplicate`],
    ["POST", "/v1/charges", `amount=100&currency=eur&source=tok_amex&customer=${ids[1]}`],
  );
  return requests.map(([method, url, body = ""]) => ({ method, url, body, authorization, idempotencyKey: undefined }));
}

function idOf(charges: MemoryCharges, body: string, url: string): string {
  let id = "";
  const backend: DoorBackend = { submit: (request, done) => done(charges.handle(request)) };
  dispatch({ method: "POST", url, body, authorization, idempotencyKey: undefined }, backend, (outgoing) => {
    id = (JSON.parse(outgoing.body) as { id: string }).id;
  });
  return id;
}

const junk = [
  "",
  "=",
  "&",
  "[",
  "]",
  "[]",
  "%",
  "%00",
  "%ff",
  "+",
  "__proto__",
  "constructor",
  "-1",
  "1e9",
  "NaN",
  "\u0000",
  "\ud800",
  "tok_visa",
  "99999999999999999999",
  "[a][b]",
  "..",
  "/",
  "?",
];

function damage(text: string, random: Random): string {
  let damaged = text;
  for (let i = random.below(3); i >= 0; i--) {
    const at = random.below(damaged.length + 1);
    switch (random.below(5)) {
      case 0:
        damaged = damaged.slice(0, at);
        break;
      case 1:
        damaged = damaged.slice(0, at) + damaged.slice(at + 1);
        break;
      case 2:
        damaged = damaged.slice(0, at) + random.pick(junk) + damaged.slice(at);
        break;
      case 3:
        damaged = damaged.slice(0, at) + String.fromCharCode(random.below(0xffff)) + damaged.slice(at + 1);
        break;
      default: {
        // One parameter again, with another value.
        const pairs = damaged.split("&");
        const name = random.pick(pairs).split("=", 1)[0];
        damaged = `${damaged}&${name}=${random.pick(junk)}`;
      }
    }
  }
  return damaged;
}

function damaged(sample: Incoming, random: Random): Incoming {
  const idempotencyKey = random.below(4) === 0 ? `k${random.below(50)}` : undefined;
  switch (random.below(8)) {
    case 0:
      return { ...sample, idempotencyKey };
    case 1:
      return { ...sample, idempotencyKey, authorization: damage(authorization, random) };
    case 2:
      return { ...sample, method: random.pick(["GET", "POST", "DELETE", "PUT", "__proto__"]), idempotencyKey };
    case 3:
      return { ...sample, idempotencyKey: damage("key", random) };
    default:
      return sample.body !== "" && random.below(4) > 0
        ? { ...sample, idempotencyKey, body: damage(sample.body, random) }
        : { ...sample, idempotencyKey, url: damage(sample.url, random) };
  }
}

test("no damaged request is answered twice, not at all, or with a fault of ours", { timeout: 120_000 }, () => {
  const random = new Random(seed);
  const charges = new MemoryCharges();
  const backend: DoorBackend = { submit: (request, done) => done(charges.handle(request)) };
  const samples = samplesOf(charges);
  const statuses = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    const incoming = damaged(random.pick(samples), random);
    let answers = 0;
    const began = performance.now();
    try {
      dispatch(incoming, backend, ({ status, body }) => {
        answers++;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        assert.ok([200, 400, 401, 402, 404].includes(status), `status ${status}: ${body}`);
        const parsed = JSON.parse(body) as { error?: { message: string }; object?: string };
        assert.ok(status === 200 ? parsed.object !== undefined : parsed.error!.message !== "");
      });
      assert.equal(answers, 1);
    } catch (error) {
      assert.fail(`request ${i} of FUZZ_SEED=${seed}: ${JSON.stringify(incoming)}\n${(error as Error).stack}`);
    }
    assert.ok(performance.now() - began < 1_000, `slow: ${JSON.stringify(incoming)}`);
  }
  charges.machine.check();
  for (const status of [200, 400, 401, 402, 404]) assert.ok(statuses.get(status)! > count / 500, `${status} was rare`);
  assert.equal(({} as Record<string, unknown>).a, undefined, "no prototype was changed");
});

test("damaged bytes on the socket leave the door healthy", { timeout: 60_000 }, async () => {
  const random = new Random(seed);
  const charges = new MemoryCharges();
  const backend: DoorBackend = { submit: (request, done) => done(charges.handle(request)) };
  const door = await createStripeDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend });
  const samples = samplesOf(charges);
  for (let i = 0; i < 500; i++) {
    const { method, url, body } = random.pick(samples);
    const head = `${method} ${url} HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded`;
    const keyed = `Idempotency-Key: k${i}\r\nStripe-Version: 2020-08-27\r\nAuthorization: ${authorization}`;
    const whole = `${head}\r\n${keyed}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    await new Promise<void>((resolve) => {
      const socket = connect(door.port, "127.0.0.1", () => socket.end(Buffer.from(damage(whole, random), "latin1")));
      socket.on("data", () => {});
      socket.on("error", () => {});
      socket.on("close", () => resolve());
    });
  }
  const balance = await fetch(`${door.url}/v1/balance`, { headers: { authorization } });
  assert.equal(balance.status, 200);
  await door.close();
});
