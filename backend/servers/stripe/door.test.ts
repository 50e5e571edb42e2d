/** The door over sockets: official client, wire details, limits, malformed HTTP, and outcomes that the memory backend never has. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { Stripe } from "stripe";
import type { Answer, Request } from "../../api.ts";
import { MemoryCharges } from "../../services/charges/memory-charges.fixture.ts";
import type { HttpDoor } from "../public-http.ts";
import { createStripeDoor } from "./door.ts";
import { runStripeSession } from "./session.ts";

let door: HttpDoor;
const charges = new MemoryCharges();
/** Set by a test to answer in the service's place. */
let instead: ((request: Request, done: (answer: Answer) => void) => void) | null = null;

before(async () => {
  const backend = {
    submit(request: Request, done: (answer: Answer) => void): void {
      if (instead === null) done(charges.handle(request));
      else instead(request, done);
    },
  };
  door = await createStripeDoor({ host: "127.0.0.1", port: 0, reusePort: false, backend });
});

after(() => door.close());

const keyed = { authorization: "Bearer sk_test_door", "content-type": "application/x-www-form-urlencoded" };
const good = "amount=2000&currency=usd&source=tok_visa";

function post(body: string, headers: object = {}): Promise<Response> {
  return fetch(`${door.url}/v1/charges`, { method: "POST", body, headers: { ...keyed, ...headers } });
}

async function errorIn(response: Response): Promise<string> {
  const { error } = (await response.json()) as {
    error: { type: string; code?: string; param?: string; message: string };
  };
  return `${response.status} ${error.type} ${error.code ?? "-"} ${error.param ?? "-"}: ${error.message}`;
}

test("the official client's session, errors included", () => runStripeSession(door.url));

test("a thousand requests with one key are one charge, and the same bytes", async () => {
  const bodies = new Set<string>();
  const before = charges.store.writes;
  let replayed = 0;
  for (let batch = 0; batch < 10; batch++) {
    const responses = await Promise.all(Array.from({ length: 100 }, () => post(good, { "idempotency-key": "one" })));
    for (const response of responses) {
      assert.equal(response.status, 200);
      if (response.headers.get("idempotent-replayed") === "true") replayed++;
      bodies.add(await response.text());
    }
  }
  assert.equal(bodies.size, 1);
  assert.equal(replayed, 999);
  const after = charges.store.writes;
  await post(good, { "idempotency-key": "another" });
  assert.equal(charges.store.writes - after, after - before, "one charge's writes");
});

test("members stand in Stripe's order, and keys come with either scheme", async () => {
  const response = await post(good, { authorization: `Basic ${btoa("sk_test_door:")}` });
  const text = await response.text();
  const names = [...text.matchAll(/^ {2}"(\w+)":/gm)].map(([, name]) => name);
  const expected =
    "id object amount amount_captured amount_refunded application application_fee application_fee_amount balance_transaction " +
    "billing_details calculated_statement_descriptor captured created currency customer description disputed " +
    "failure_balance_transaction failure_code failure_message fraud_details livemode metadata on_behalf_of outcome paid " +
    "payment_intent payment_method payment_method_details receipt_email receipt_number receipt_url refunded review shipping " +
    "source source_transfer statement_descriptor statement_descriptor_suffix status transfer_data transfer_group";
  assert.equal(names.join(" "), expected);
  const { id } = JSON.parse(text) as { id: string };
  const got = await fetch(`${door.url}/v1/charges/${id}`, { headers: keyed });
  assert.equal(await got.text(), text);
});

test("headers: request id, version, key and what may be echoed", async () => {
  const response = await post(good, { "idempotency-key": "k1", "stripe-version": "2020-08-27" });
  assert.match(response.headers.get("request-id")!, /^req_\w{14}$/);
  assert.equal(response.headers.get("stripe-version"), "2020-08-27");
  assert.equal(response.headers.get("idempotency-key"), "k1");
  assert.equal((await post(good)).headers.get("stripe-version"), "2026-10-28.endive");
  assert.equal((await post(good, { "stripe-version": "\u00ff" })).status, 200);
});

test("who may not come in, and what is not there", async () => {
  const nobody = await fetch(`${door.url}/v1/balance`);
  assert.match(await errorIn(nobody), /^401 invalid_request_error - -: You did not provide an API key/);
  assert.equal(nobody.headers.get("www-authenticate"), 'Basic realm="Stripe"');
  const live = await fetch(`${door.url}/v1/balance`, { headers: { authorization: "Bearer sk_live_0123456789abcd" } });
  assert.equal(await errorIn(live), "401 invalid_request_error - -: Invalid API Key provided: sk_live_****abcd");
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/v1"],
    ["GET", "/v1/charges/a/b"],
    ["DELETE", "/v1/charges"],
    ["POST", "/v1/charges/ch_1"],
    ["PROPFIND", "/v1/charges"],
  ]) {
    const answer = await fetch(door.url + path, { method, headers: { authorization: keyed.authorization } });
    assert.match(
      await errorIn(answer),
      new RegExp(`^404 invalid_request_error - -: Unrecognized request URL \\(${method}: ${path}\\)`),
    );
  }
});

test("parameters: Stripe's words for what is wrong with them", async () => {
  const wrong: Record<string, string> = {
    "currency=usd&source=tok_visa":
      "400 invalid_request_error parameter_missing amount: Missing required param: amount.",
    [`${good}&amount=`]: "400 invalid_request_error parameter_invalid_empty amount: You passed an empty string",
    [`${good}&amount=-1`]:
      "400 invalid_request_error parameter_invalid_integer amount: This value must be greater than or equal to 1.",
    [`${good}&amount=1e3`]: "400 invalid_request_error parameter_invalid_integer amount: Invalid integer: 1e3",
    [`${good}&amount=100000000`]:
      "400 invalid_request_error amount_too_large amount: Amount must be no more than $999,999.99",
    [`${good}&currency=eur&amount=49`]:
      "400 invalid_request_error amount_too_small amount: Amount must be at least \u20ac0.50 eur",
    [`${good}&a=1&b[c]=2`]: "400 invalid_request_error parameter_unknown a: Received unknown parameters: a, b",
    [`${good}&metadata=x`]: "400 invalid_request_error - metadata: Invalid object: x",
    [`${good}&metadata[a][b]=x`]: "400 invalid_request_error - metadata[a][b]: Invalid parameter name: metadata[a][b]",
    [`${good}&metadata[__proto__]=x`]: "400 invalid_request_error - metadata: Metadata keys cannot be __proto__",
    [`${good}&metadata[${"k".repeat(41)}]=x`]:
      "400 invalid_request_error - metadata: Metadata keys can have up to 40 characters",
    [`${good}&metadata[a]=${"v".repeat(501)}`]:
      "400 invalid_request_error - metadata[a]: Metadata values can have up to 500 characters",
    [`${good}&source[number]=4242`]: '400 invalid_request_error - source: Invalid string: {"number":"4242"}',
    [`${good}&description=${"d".repeat(5_001)}`]:
      "400 invalid_request_error - description: Invalid string: dddddddddddddddddddd...; must be",
    [`${good}&description=%ff`]: "400 invalid_request_error - -: Invalid request (check that your parameters",
    "amount=2000&currency=usd": "400 invalid_request_error - -: Must provide source or customer.",
    "amount=2000&currency=usd&customer=cus_1":
      "402 card_error missing card: Cannot charge a customer that has no active card",
  };
  for (const [body, expected] of Object.entries(wrong)) {
    const said = await errorIn(await post(body));
    assert.ok(said.startsWith(expected), `${body.slice(0, 80)}\n${said}\n${expected}`);
  }
  const fine = await post(`${good}&expand[]=customer&metadata[a]=&metadata[b]=%C3%A9+%26&&`);
  assert.deepEqual(((await fine.json()) as { metadata: object }).metadata, { b: "\u00e9 &" });
});

test("the same parameters in another order and encoding are the same parameters", async () => {
  await post("amount=2000&currency=usd&source=tok_visa&metadata[a]=b", { "idempotency-key": "order" });
  const again = await post("metadata%5Ba%5D=%62&source=tok%5Fvisa&currency=usd&amount=2000&expand[]=x", {
    "idempotency-key": "order",
  });
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  const refund = await fetch(`${door.url}/v1/refunds`, {
    method: "POST",
    body: "charge=ch_1",
    headers: { ...keyed, "idempotency-key": "order" },
  });
  assert.match(await errorIn(refund), /^400 idempotency_error/);
});

test("outcomes that are no answer of the service", async () => {
  const outcome = async (answer: Answer, headers: object = {}): Promise<string> => {
    instead = (_request, done) => done(answer);
    const response = await post(good, headers);
    instead = null;
    return `${(await errorIn(response)).split(":", 1)[0]} ${response.headers.get("stripe-should-retry")}`;
  };
  const refused = (code: Extract<Answer, { kind: "refused" }>["code"]): Answer => ({
    kind: "refused",
    code,
    message: "m",
  });
  assert.equal(await outcome(refused("throttled")), "429 invalid_request_error rate_limit - true");
  assert.equal(await outcome(refused("overloaded")), "429 invalid_request_error rate_limit - true");
  assert.equal(await outcome(refused("unavailable")), "503 api_error - - true");
  assert.equal(await outcome(refused("expired")), "503 api_error - - true");
  assert.equal(await outcome(refused("invalid")), "400 invalid_request_error - - null");
  const unknown: Answer = { kind: "unknown", code: "timeout", message: "m" };
  assert.equal(await outcome(unknown), "500 api_error - - false");
  assert.equal(await outcome(unknown, { "idempotency-key": "k" }), "500 api_error - - true");
});

test("the official client retries what is unknown, in flight or unavailable, with the same key", async () => {
  const keys: (string | undefined)[] = [];
  instead = (request, done) => {
    keys.push((request as { idempotency?: { key: string } }).idempotency?.key);
    if (keys.length === 1) done({ kind: "unknown", code: "timeout", message: "m" });
    else if (keys.length === 2) done({ kind: "refused", code: "unavailable", message: "m" });
    else done(charges.handle(request));
  };
  const { hostname, port } = new URL(door.url);
  const client = new Stripe("sk_test_retry", { host: hostname, port, protocol: "http", maxNetworkRetries: 2 });
  const charge = await client.charges.create({ amount: 100, currency: "usd", source: "tok_visa" });
  instead = null;
  assert.equal(charge.amount, 100);
  assert.equal(keys.length, 3);
  assert.ok(keys[0] !== undefined && keys.every((key) => key === keys[0]));
});

test("bodies over 256 KiB, other content types and too many headers are refused", async () => {
  assert.match(await errorIn(await post(`description=${"x".repeat(262_144)}`)), /^413 invalid_request_error/);
  assert.match(
    await errorIn(await post("{}", { "content-type": "application/json" })),
    /^400 .*must be sent as application\/x-www-form-urlencoded/,
  );
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`h${i}`, "1"]));
  assert.match(await errorIn(await post(good, many)), /^431 /);
  assert.match(await errorIn(await post(good, { "idempotency-key": "k".repeat(256) })), /^400 .*up to 255 characters/);
  const pairs = await post("a=1&".repeat(1_001));
  assert.match(await errorIn(pairs), /^400 .*more than 1000 parameters/);
});

test("malformed HTTP closes the connection and harms nobody", async () => {
  for (const bytes of [
    "GET\r\n\r\n",
    "\u0000\u0001\u0002",
    "POST /v1/charges HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\n\r\n",
    "GET /v1/balance HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    "GET /%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  ]) {
    assert.match(await exchange(bytes), /^HTTP\/1.1 (400|404) /);
  }
  assert.equal((await post(good)).status, 200);
});

function exchange(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(door.port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (data) => (text += data.toString()));
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
}

test("a backend that throws is an internal error of one request", async () => {
  instead = () => {
    throw new Error("planted");
  };
  const response = await post(good);
  instead = null;
  assert.match(await errorIn(response), /^500 api_error - -: An unexpected error: planted/);
});
