/**
 * A scripted session of the official client, errors included: every operation of the door, through the library that programs use. It asserts
 * as it goes and rejects at the first difference. Its account is its own: the key is drawn anew.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Stripe } from "stripe";

/** Runs the session against the charge service at this URL. */
export async function runStripeSession(url: string): Promise<void> {
  const key = `sk_test_${randomBytes(12).toString("hex")}`;
  const stripe = clientOf(url, key);
  await charges(stripe);
  await retries(stripe);
  await declines(stripe);
  await refunds(stripe);
  await customers(stripe);
  await lists(stripe);
  await mistakes(stripe, url);
  await balances(stripe);
}

function clientOf(url: string, key: string): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(key, { host: hostname, port, protocol: "http", maxNetworkRetries: 0, telemetry: false });
}

const usual = { amount: 2_000, currency: "usd", source: "tok_visa" } as const;

async function charges(stripe: Stripe): Promise<void> {
  const metadata = { order: "6735", "k\u00e4rra & co": 'a "quoted" line\n\u2028' };
  const charge = await stripe.charges.create({ ...usual, description: "two boats", metadata });
  assert.match(charge.id, /^ch_/);
  assert.equal(charge.object, "charge");
  assert.deepEqual([charge.amount, charge.amount_captured, charge.amount_refunded], [2_000, 2_000, 0]);
  assert.deepEqual([charge.paid, charge.captured, charge.status, charge.refunded], [true, true, "succeeded", false]);
  assert.deepEqual({ ...charge.metadata }, metadata);
  assert.equal(charge.payment_method_details?.card?.last4, "4242");
  assert.match(charge.lastResponse.requestId, /^req_/);
  assert.deepEqual(plain(await stripe.charges.retrieve(charge.id)), plain(charge));
}

/** An object without what the client adds to it. */
function plain(object: object): unknown {
  return JSON.parse(JSON.stringify(object));
}

async function retries(stripe: Stripe): Promise<void> {
  const idempotencyKey = `key-${Date.now().toString(36)}`;
  const first = await stripe.charges.create(usual, { idempotencyKey });
  const again = await stripe.charges.create({ source: "tok_visa", currency: "usd", amount: 2_000 }, { idempotencyKey });
  assert.deepEqual(plain(again), plain(first));
  assert.equal(first.lastResponse.headers["idempotent-replayed"], undefined);
  assert.equal(again.lastResponse.headers["idempotent-replayed"], "true");
  await assert.rejects(stripe.charges.create({ ...usual, amount: 2_001 }, { idempotencyKey }), (error) => {
    assert.ok(error instanceof Stripe.errors.StripeIdempotencyError);
    assert.match(error.message, /same parameters they were first used with/);
    return true;
  });
  await stripe.refunds.create({ charge: first.id });
  const third = await stripe.charges.create(usual, { idempotencyKey });
  assert.deepEqual(plain(third), plain(first), "the first answer, not the charge as it is now");
}

async function declines(stripe: Stripe): Promise<void> {
  const idempotencyKey = `declined-${Date.now().toString(36)}`;
  const source = "tok_chargeDeclinedInsufficientFunds";
  const declined = async (): Promise<InstanceType<typeof Stripe.errors.StripeCardError>> => {
    try {
      await stripe.charges.create({ ...usual, source }, { idempotencyKey });
    } catch (error) {
      assert.ok(error instanceof Stripe.errors.StripeCardError, String(error));
      return error;
    }
    return assert.fail("a card without funds paid");
  };
  const first = await declined();
  assert.deepEqual([first.statusCode, first.code, first.decline_code], [402, "card_declined", "insufficient_funds"]);
  const charge = await stripe.charges.retrieve(first.charge as string);
  assert.deepEqual([charge.paid, charge.status, charge.failure_code], [false, "failed", "card_declined"]);
  assert.equal((await declined()).charge, first.charge, "the decline was kept");
}

async function refunds(stripe: Stripe): Promise<void> {
  const charge = await stripe.charges.create(usual);
  const part = await stripe.refunds.create({
    charge: charge.id,
    amount: 500,
    reason: "duplicate",
    metadata: { a: "b" },
  });
  assert.deepEqual([part.object, part.amount, part.charge, part.status], ["refund", 500, charge.id, "succeeded"]);
  assert.equal((await stripe.charges.retrieve(charge.id)).amount_refunded, 500);
  await assert.rejects(stripe.refunds.create({ charge: charge.id, amount: 1_501 }), {
    type: "StripeInvalidRequestError",
    message: "Refund amount ($15.01) is greater than unrefunded amount on charge ($15.00)",
  });
  assert.equal((await stripe.refunds.create({ charge: charge.id })).amount, 1_500);
  assert.equal((await stripe.charges.retrieve(charge.id)).refunded, true);
  await assert.rejects(stripe.refunds.create({ charge: charge.id }), { code: "charge_already_refunded" });
  const listed = await stripe.refunds.list({ charge: charge.id });
  assert.deepEqual(
    listed.data.map(({ amount }) => amount),
    [1_500, 500],
  );
  assert.deepEqual(plain(await stripe.refunds.retrieve(part.id)), plain(part));
}

async function customers(stripe: Stripe): Promise<void> {
  const customer = await stripe.customers.create({
    email: "ida@example.com",
    name: "Ida",
    metadata: { since: "1999" },
  });
  assert.deepEqual([customer.object, customer.email, customer.name], ["customer", "ida@example.com", "Ida"]);
  assert.deepEqual(plain(await stripe.customers.retrieve(customer.id)), plain(customer));
  const charge = await stripe.charges.create({ ...usual, customer: customer.id });
  assert.equal(charge.customer, customer.id);
  const theirs = await stripe.charges.list({ customer: customer.id });
  assert.deepEqual(
    theirs.data.map(({ id }) => id),
    [charge.id],
  );
  const found = await stripe.customers.list({ email: "ida@example.com" });
  assert.deepEqual(
    found.data.map(({ id }) => id),
    [customer.id],
  );
  await assert.rejects(stripe.charges.create({ ...usual, customer: "cus_none" }), {
    code: "resource_missing",
    param: "customer",
  });
}

async function lists(stripe: Stripe): Promise<void> {
  const made: string[] = [];
  for (let i = 0; i < 7; i++) made.unshift((await stripe.charges.create({ ...usual, amount: 100 + i })).id);
  const all: string[] = [];
  for await (const charge of stripe.charges.list({ limit: 3 })) all.push(charge.id);
  assert.deepEqual(all.slice(0, 7), made, "newest first");
  assert.equal(new Set(all).size, all.length);
  const page = await stripe.charges.list({ limit: 2, starting_after: made[1] });
  assert.deepEqual([page.data.map(({ id }) => id), page.has_more, page.url], [made.slice(2, 4), true, "/v1/charges"]);
  const before = await stripe.charges.list({ limit: 2, ending_before: made[4] });
  assert.deepEqual([before.data.map(({ id }) => id), before.has_more], [made.slice(2, 4), true]);
  const backwards: string[] = [];
  for await (const charge of stripe.charges.list({ limit: 3, ending_before: all.at(-1)! })) backwards.push(charge.id);
  assert.deepEqual(backwards.toReversed(), all.slice(0, -1));
  await assert.rejects(stripe.charges.list({ starting_after: "ch_none" }), { param: "starting_after" });
}

async function mistakes(stripe: Stripe, url: string): Promise<void> {
  const wrong = (params: object, expected: object): Promise<void> =>
    assert.rejects(stripe.charges.create(params), { type: "StripeInvalidRequestError", statusCode: 400, ...expected });
  await wrong({ amount: 100 }, { code: "parameter_missing", message: "Missing required param: currency." });
  await wrong({ ...usual, amount: 9.5 }, { code: "parameter_invalid_integer", message: "Invalid integer: 9.5" });
  await wrong({ ...usual, amount: 49 }, { code: "amount_too_small", message: "Amount must be at least $0.50 usd" });
  await wrong({ ...usual, currency: "xxx" }, { message: /^Invalid currency: xxx\. Stripe currently supports/ });
  await wrong(
    { ...usual, colour: "red" },
    { code: "parameter_unknown", message: "Received unknown parameter: colour" },
  );
  await wrong({ ...usual, source: "tok_none" }, { code: "resource_missing", message: "No such token: 'tok_none'" });
  await assert.rejects(stripe.charges.retrieve("ch_none"), { statusCode: 404, code: "resource_missing" });
  await assert.rejects(stripe.coupons.list(), {
    statusCode: 404,
    message: /^Unrecognized request URL \(GET: \/v1\/coupons\)/,
  });
  await assert.rejects(clientOf(url, "sk_live_key").balance.retrieve(), { type: "StripeAuthenticationError" });
  await assert.rejects(stripe.charges.create(usual, { idempotencyKey: "k".repeat(256) }), { statusCode: 400 });
  const other = clientOf(url, `sk_test_other${Date.now()}`);
  const [mine] = (await stripe.charges.list({ limit: 1 })).data;
  await assert.rejects(other.charges.retrieve(mine.id), { statusCode: 404 }, "accounts see only their own");
}

/** What is available is what was charged less what was given back. */
async function balances(stripe: Stripe): Promise<void> {
  await stripe.charges.create({ ...usual, currency: "jpy", amount: 300 });
  const expected = new Map<string, number>();
  for await (const { paid, amount, amount_refunded: refunded, currency } of stripe.charges.list({ limit: 100 })) {
    if (paid) expected.set(currency, (expected.get(currency) ?? 0) + amount - refunded);
  }
  const { available, object } = await stripe.balance.retrieve();
  assert.equal(object, "balance");
  assert.deepEqual(new Map(available.map(({ currency, amount }) => [currency, amount])), expected);
}
