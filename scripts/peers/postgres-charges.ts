/**
 * One charge in PostgreSQL as a careful service writes it, one serializable transaction: the idempotency key (unique), the charge, the
 * balance of the account and the event in the outbox. pgbench drives it in PostgreSQL's own protocol with prepared statements and
 * retries what serialization refuses, in two shapes: a round trip a statement, as from an application, and all of it in one function call.
 *
 * No HTTP stands before it, the answer to a repeated key is to be made again from the charge instead of being stored, and no foreign key is
 * checked: what is left out is in its favour.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PostgresPair } from "./postgres-pair.ts";
import type { Bench } from "./processes.ts";
import { runAgainst } from "./processes.ts";
import type { Load, Measured } from "./wrk.ts";

export type ChargeShape = "statements" | "function";

export const accountCount = 10_000;
const mostTries = 20;

/** SQL: what the event tells of its charge. */
const eventOf = (charge: string, account: string, amount: string): string =>
  `format('{"id":"ch_%s","amount":%s,"currency":"usd","customer":"cus_%s","source":"tok_visa","status":"succeeded"}', ${charge}, ${amount}, ${account})`;

/** Every session after this is serializable, so a single statement is as well. */
const schema = `
alter database postgres set default_transaction_isolation = 'serializable';
create table accounts (id bigint primary key, balance bigint not null);
insert into accounts select number, 0 from generate_series(1, ${accountCount}) number;
create table idempotency_keys (key text primary key, fingerprint bigint not null, created timestamptz not null default now());
create table charges (id bigint generated always as identity primary key, key text not null, account bigint not null,
  amount bigint not null, refunded bigint not null default 0, currency text not null, source text not null,
  status text not null default 'succeeded', created timestamptz not null default now());
create table outbox (id bigint generated always as identity primary key, charge bigint not null, kind text not null,
  body text not null);
create function charge(key text, account bigint, amount bigint) returns bigint language plpgsql as $$
declare charge_id bigint;
begin
  insert into idempotency_keys values (key, hashtextextended(account || ' ' || amount, 0));
  insert into charges (key, account, amount, currency, source) values (key, account, amount, 'usd', 'tok_visa')
    returning id into charge_id;
  update accounts set balance = balance + amount where id = account;
  insert into outbox (charge, kind, body) values (charge_id, 'charge.succeeded', ${eventOf("charge_id", "account", "amount")});
  return charge_id;
end $$;
vacuum analyze;
checkpoint`;

const draw = `\\set account random(1, ${accountCount})
\\set amount random(100, 99999)
\\set high random(1, 9000000000000000000)
\\set low random(1, 9000000000000000000)
`;

const scripts: Record<ChargeShape, string> = {
  statements: `${draw}begin;
insert into idempotency_keys values (:high || '-' || :low, hashtextextended(:account || ' ' || :amount, 0));
insert into charges (key, account, amount, currency, source) values (:high || '-' || :low, :account, :amount, 'usd', 'tok_visa') returning id as charge \\gset
update accounts set balance = balance + :amount where id = :account;
insert into outbox (charge, kind, body) values (:charge, 'charge.succeeded', ${eventOf(":charge::bigint", ":account::bigint", ":amount::bigint")});
commit;
`,
  // One statement, so one transaction.
  function: `${draw}select charge(:high || '-' || :low, :account, :amount);
`,
};

export async function createChargeTables(pair: PostgresPair): Promise<void> {
  for (const statement of schema.split(/;\n(?=create|insert|vacuum|checkpoint)/)) await pair.query(statement);
  const [level] = await pair.query("show transaction_isolation");
  if (level !== "serializable") throw new Error(`new sessions are ${level}; expected serializable`);
}

/** @throws Error when tables and pgbench disagree about what was charged, or the standby fell behind its duty */
export async function measureCharges(
  bench: Bench,
  pair: PostgresPair,
  shape: ChargeShape,
  load: Load,
): Promise<Measured> {
  const folder = join(bench.folder, `pgbench-${performance.now()}`);
  mkdirSync(folder);
  const script = join(folder, "charge.sql");
  writeFileSync(script, scripts[shape]);
  const clients = ["--client", String(load.connections), "--jobs=1", "--protocol=prepared", "--no-vacuum"];
  const timing = [`--time=${load.seconds}`, `--max-tries=${mostTries}`, `--random-seed=${pgbenchSeed()}`];
  const log = ["--log", `--log-prefix=${join(folder, "log")}`];
  const before = await chargesIn(pair);
  const target = ["postgres"];
  const command = [
    pair.program("pgbench"),
    ...pair.address,
    ...clients,
    ...timing,
    ...log,
    "-f",
    script,
    ...target,
  ] as const;
  const { stdout, cpuSeconds } = await runAgainst(bench, pair, command);
  const lines = readdirSync(folder)
    .filter((name) => name.startsWith("log"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
  const measured = parsePgbench(stdout, lines.join(""), cpuSeconds);
  await pair.assertSynchronous();
  const charged = (await chargesIn(pair)) - before;
  if (charged !== measured.ok) throw new Error(`pgbench counts ${measured.ok} charges and the tables ${charged} more`);
  return measured;
}

/** Keys must never come twice, so no two runs may draw alike: the one figure here that no seed decides. */
function pgbenchSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}

/**
 * Charges in the tables, which must agree with each other.
 * @throws Error when keys, charges, events and balances do not sum up
 */
export async function chargesIn(pair: PostgresPair): Promise<number> {
  const [row] = await pair.query(`select (select count(*) from charges), (select count(*) from idempotency_keys),
    (select count(distinct charge) from outbox), (select coalesce(sum(amount), 0) from charges),
    (select sum(balance) from accounts)`);
  const [charges, keys, events, charged, balances] = row.split("|").map(Number);
  if (keys !== charges || events !== charges || balances !== charged) {
    throw new Error(
      `the tables disagree: ${charges} charges of ${charged} in all, ${keys} keys, ${events} events, balances of ${balances}`,
    );
  }
  return charges;
}

/**
 * `log` has a line for each transaction: client, its number, microseconds it took (retries included), script, and when.
 * @throws Error when the summary or the log is missing
 */
export function parsePgbench(stdout: string, log: string, cpuSeconds = NaN): Measured {
  const processed = /^number of transactions actually processed: (\d+)/m.exec(stdout);
  const failed = /^number of failed transactions: (\d+)/m.exec(stdout);
  const rate = /^tps = ([\d.]+)/m.exec(stdout);
  const times = Float64Array.from(
    log
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => Number(line.split(" ")[2]))
      .filter((us) => !Number.isNaN(us)),
  ).sort();
  if (processed === null || rate === null || times.length === 0) {
    throw new Error(`pgbench printed no figures; it printed:\n${stdout}`);
  }
  const at = (q: number): number => times[Math.min(times.length - 1, Math.floor(q * times.length))] / 1_000;
  return {
    perSecond: Number(rate[1]),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    ok: Number(processed[1]),
    failed: Number(failed?.[1] ?? 0),
    answerBytes: NaN,
    cpuUs: (cpuSeconds / Number(processed[1])) * 1e6,
  };
}
