/**
 * Charges through Stripe's v1 interface, form encoded, each with a fresh idempotency key and the next of many customers, driven by wrk.
 * Requests are formatted before the clock starts and cut where the key goes.
 *
 * All charges are of one amount, so the balance tells how many there were: it must have grown by what was answered and by no more than what
 * was under way besides.
 */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Target } from "./processes.ts";
import type { Load, Measured } from "./wrk.ts";
import { doneLua, runWrk } from "./wrk.ts";

const customerCount = 10_000;
const seedConcurrency = 32;
const amount = 1_999;
const headers = { authorization: "Bearer sk_test_wavetank", "content-type": "application/x-www-form-urlencoded" };
const keyMark = "@KEY@";
/** Charges of the measurement before that were under way when it ended and may only now be applied. */
const stragglers = 1_024;

const script = `wrk.method = "POST"
wrk.path = "/v1/charges"
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
  .join("\n")}
wrk.headers["Idempotency-Key"] = "${keyMark}"
local before, after = {}, {}
local run, number
function init(args)
  math.randomseed(tonumber(args[1]))
  run, number = args[3], 0
  for body in io.lines(args[2]) do
    local text = wrk.format(nil, nil, nil, body)
    local from, to = text:find("${keyMark}", 1, true)
    before[#before + 1] = text:sub(1, from - 1) .. run
    after[#after + 1] = text:sub(to + 1)
  end
end
function request()
  local i = math.random(#before)
  number = number + 1
  return before[i] .. number .. after[i]
end
${doneLua}`;

/** Customers to charge, by id. */
export async function prepareCharges(bench: Bench, { url }: Target, count = customerCount): Promise<string[]> {
  const customers: string[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < count) {
      bench.interrupted.throwIfAborted();
      const body = `email=customer${next++}%40example.com`;
      const { id } = (await ask(url, "customers", { method: "POST", body })) as { id: string };
      customers.push(id);
    }
  };
  await Promise.all(Array.from({ length: seedConcurrency }, writer));
  return customers;
}

/** @throws Error when the balance did not do what was answered */
export async function measureCharging(
  bench: Bench,
  target: Target,
  customers: readonly string[],
  load: Load,
): Promise<Measured> {
  const bodies = join(bench.folder, "charges.bodies");
  const form = `amount=${amount}&currency=usd&source=tok_visa&customer=`;
  writeFileSync(bodies, customers.map((customer) => `${form}${customer}\n`).join(""));
  const { url } = target;
  const before = await chargedAt(url);
  const parameters = [String(load.seed), bodies, `${randomUUID()}-`];
  const measured = await runWrk(bench, target, { name: "charges", lua: script, parameters }, load);
  const grown = (await chargedAt(url)) - before;
  const most = measured.ok + measured.failed + load.connections + stragglers;
  if (grown < measured.ok || grown > most) {
    throw new Error(
      `${url}: ${measured.ok} charges were answered 200 and ${measured.failed} otherwise, and the balance grew by ` +
        `${grown}; expected ${measured.ok} to ${most}: answers and balance disagree`,
    );
  }
  return measured;
}

/** Charges that the balance stands for. */
async function chargedAt(url: string): Promise<number> {
  const balance = (await ask(url, "balance", { method: "GET" })) as Record<
    "available" | "pending",
    readonly { readonly amount: number; readonly currency: string }[] | undefined
  >;
  const sums = [...(balance.available ?? []), ...(balance.pending ?? [])].filter(({ currency }) => currency === "usd");
  const charges = sums.reduce((sum, each) => sum + each.amount, 0) / amount;
  if (!Number.isInteger(charges)) throw new Error(`${url}: the balance holds ${charges} charges of ${amount}`);
  return charges;
}

async function ask(url: string, path: string, request: { method: string; body?: string }): Promise<unknown> {
  const response = await fetch(`${url}/v1/${path}`, { ...request, headers });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} at ${url} was answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
