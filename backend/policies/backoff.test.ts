import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TimeHeap } from "../kernel/heap.ts";
import { Random } from "../kernel/random.ts";
import { backoffUs } from "./backoff.ts";
import type { BackoffSpec } from "./call.ts";

const base = { baseUs: 5_000, capUs: 2_000_000 };
const kinds = ["none", "exponential", "equal-jitter", "full-jitter", "decorrelated-jitter"] as const;
type Kind = (typeof kinds)[number];

function specOf(kind: Kind): BackoffSpec {
  return kind === "none" ? { kind } : { kind, ...base };
}

/** A source of randomness that always draws `u`. */
function fixed(u: number): Random {
  const random = new Random(0);
  random.float = () => u;
  return random;
}

test("table: each rule at its lowest, middle and highest draw", () => {
  const rows: [Kind, number, number, number, number][] = [
    // kind, attempt, previous, draw, expected
    ["none", 1, 0, 0.5, 0],
    ["exponential", 1, 0, 0.5, 10_000],
    ["exponential", 2, 0, 0.5, 20_000],
    ["exponential", 8, 0, 0.5, 1_280_000],
    ["exponential", 9, 0, 0.5, 2_000_000],
    ["exponential", 5_000, 0, 0.5, 2_000_000],
    ["equal-jitter", 1, 0, 0, 5_000],
    ["equal-jitter", 1, 0, 0.5, 7_500],
    ["equal-jitter", 1, 0, 0.999_999, 10_000],
    ["full-jitter", 1, 0, 0, 0],
    ["full-jitter", 1, 0, 0.5, 5_000],
    ["full-jitter", 3, 0, 0.999_999, 40_000],
    ["decorrelated-jitter", 1, 0, 0, 5_000],
    ["decorrelated-jitter", 1, 0, 0.999_999_9, 15_000],
    ["decorrelated-jitter", 2, 10_000, 0, 5_000],
    ["decorrelated-jitter", 2, 10_000, 0.5, 17_500],
    ["decorrelated-jitter", 9, 1_900_000, 0.9, 2_000_000],
  ];
  for (const [kind, attempt, previous, draw, expected] of rows) {
    assert.equal(
      backoffUs(specOf(kind), attempt, previous, fixed(draw)),
      expected,
      `${kind} attempt ${attempt} draw ${draw}`,
    );
  }
});

test("property: a whole number of microseconds, from the rule's floor to its cap", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.nat(60),
      fc.nat(2_000_000),
      fc.integer(),
      (kind, attempt, previous, seed) => {
        const waitUs = backoffUs(specOf(kind), attempt + 1, previous, new Random(seed));
        const floorUs = kind === "decorrelated-jitter" ? base.baseUs : 0;
        assert.ok(Number.isInteger(waitUs) && waitUs >= floorUs && waitUs <= base.capUs, `${kind}: ${waitUs}`);
      },
    ),
  );
});

interface Contest {
  /** When the last client was done, milliseconds. */
  readonly lastMs: number;
  readonly writes: number;
}

/**
 * Brooker's simulator: clients update one row once each under optimistic concurrency. A client reads the version, writes with it,
 * and on a conflict backs off and reads again; each of the four hops takes |Normal(10, 2)| ms.
 */
function contest(kind: Kind, clients: number, seed: number): Contest {
  const random = new Random(seed);
  const hopUs = (): number => Math.round(Math.abs(10_000 + 2_000 * random.normal()));
  const states = Array.from({ length: clients }, () => ({
    at: "read",
    seen: 0,
    won: false,
    attempt: 0,
    previousUs: 0,
  }));
  const queue = new TimeHeap();
  let sequence = 0;
  let version = 0;
  let writes = 0;
  let nowUs = 0;
  const next = (client: number, at: string, delayUs: number): void => {
    states[client].at = at;
    queue.push(nowUs + delayUs, sequence++, client);
  };
  for (let client = 0; client < clients; client++) next(client, "read", hopUs());
  while (queue.size > 0) {
    nowUs = queue.earliest;
    const client = queue.pop();
    const state = states[client];
    if (state.at === "read") {
      state.seen = version;
      next(client, "read answered", hopUs());
    } else if (state.at === "read answered") {
      next(client, "write", hopUs());
    } else if (state.at === "write") {
      writes++;
      state.won = state.seen === version;
      if (state.won) version++;
      next(client, "write answered", hopUs());
    } else if (!state.won) {
      state.attempt++;
      state.previousUs = backoffUs(specOf(kind), state.attempt, state.previousUs, random);
      next(client, "read", hopUs() + state.previousUs);
    }
  }
  return { lastMs: nowUs / 1_000, writes };
}

test("paper: 'the no-jitter exponential backoff approach is the clear loser' (Brooker, AWS, 2015): 100 clients, one row", (t) => {
  const rounds = 30;
  const mean = new Map<Kind, Contest>();
  for (const kind of kinds) {
    let lastMs = 0;
    let writes = 0;
    for (let round = 0; round < rounds; round++) {
      const one = contest(kind, 100, round + 1);
      lastMs += one.lastMs / rounds;
      writes += one.writes / rounds;
    }
    mean.set(kind, { lastMs, writes });
    t.diagnostic(
      `${kind.padEnd(20)} ${writes.toFixed(0).padStart(6)} writes, last client after ${lastMs.toFixed(0).padStart(6)} ms`,
    );
  }
  const writes = (kind: Kind): number => mean.get(kind)!.writes;
  const time = (kind: Kind): number => mean.get(kind)!.lastMs;
  const byWrites = kinds.toSorted((a, b) => writes(a) - writes(b));
  assert.deepEqual(byWrites, ["full-jitter", "equal-jitter", "decorrelated-jitter", "exponential", "none"]);
  assert.ok(time("none") < Math.min(time("decorrelated-jitter"), time("full-jitter")));
  assert.ok(
    Math.abs(time("decorrelated-jitter") / time("full-jitter") - 1) < 0.25,
    "decorrelated about as fast as full",
  );
  assert.ok(Math.max(time("decorrelated-jitter"), time("full-jitter")) < time("equal-jitter"));
  assert.ok(time("equal-jitter") < time("exponential") / 2, "exponential without jitter is far slower");
});
