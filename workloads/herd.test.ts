/** What clients of a hot key do with each answer, and how recomputations are counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../backend/api.ts";
import type { CacheOutcome } from "../backend/api-cache.ts";
import { Random } from "../backend/kernel/random.ts";
import { createWorkload } from "./catalog.ts";
import { herd } from "./herd.ts";

const answer = (outcome: unknown): Answer => ({
  kind: "ok",
  result: { kind: "cached", outcomes: [outcome as CacheOutcome] },
});

/** What a client does after its first get was answered so. */
function after(outcome: unknown, by = "stale"): string | undefined {
  const session = createWorkload(herd({ by })).begin(0, new Random(1));
  session.next(null);
  return session.next(answer(outcome))?.operation;
}

test("who misses or has won recomputes, who finds an empty item asks again, who gets a value is done", () => {
  assert.equal(after({ kind: "missing" }), "recompute");
  assert.equal(after({ kind: "hit", won: true, bytes: 100 }), "recompute");
  assert.equal(after({ kind: "hit", won: false, bytes: 0 }, "coalesced"), "again");
  assert.equal(after({ kind: "hit", won: false, bytes: 100 }), undefined);
});

test("recomputations that overlap are of one expiry", () => {
  const workload = createWorkload(herd({ recomputeUs: 1_000 }));
  const history = [0, 500, 900, 50_000].map((startUs, arrival) => {
    const fact = { kind: "herd", operation: "recompute" };
    return { arrival, step: 1, startUs, endUs: startUs + 1, outcome: "ok", fact } as const;
  });
  const { counts, figures, held } = workload.check(history, []);
  assert.ok(held);
  assert.deepEqual([counts, figures], [{ recomputations: 4, expiries: 2 }, { mostPerExpiry: 3 }]);
});

test("a way that does not exist is refused", () => {
  assert.throws(() => createWorkload(herd({ by: "luck" })), /by .*; got luck; expected one of plain, coalesced, stale/);
});
