/**
 * How long the checker takes: `node runners/check/linearizability.bench.ts`. Each history is made by clients of a register that
 * is right, in closed loop, half of the operations reads; the illegal ones differ in one late read of an older value. The first
 * two are the size of a long run of many keys; the others crowd more and more clients onto one key, with few values and lost
 * answers, where the search is exponential. Time is processor time, which a busy machine disturbs less than the clock on the
 * wall.
 */
import { checkLinearizability } from "./linearizability.ts";
import { registerModel } from "./models.ts";
import type { RegisterLoad, RegisterOperation } from "./register-history.fixture.ts";
import { registerHistory } from "./register-history.fixture.ts";

const wide: RegisterLoad = { operations: 100_000, keys: 1_000, clients: 64, values: 0, unknown: 0.01, readShare: 0.5 };
const loads: readonly (readonly [string, RegisterLoad])[] = [
  ["1,000 keys, 64 clients, own values, 1 % unknown", wide],
  ["1,000 keys, 64 clients, 5 values, swaps, 1 % unknown", { ...wide, values: 5 }],
  ["1 key, 10 clients, own values, all known", { ...wide, keys: 1, clients: 10, unknown: 0 }],
  ["1 key, 10 clients, own values, 1 % unknown", { ...wide, operations: 10_000, keys: 1, clients: 10 }],
  ["1 key, 10 clients, 5 values, swaps, all known", { ...wide, keys: 1, clients: 10, values: 5, unknown: 0 }],
  ["1 key, 64 clients, own values, all known", { ...wide, operations: 10_000, keys: 1, unknown: 0 }],
  ["1 key, 64 clients, own values, 5 % unknown", { ...wide, operations: 10_000, keys: 1, unknown: 0.05 }],
  ["1 key, 20 clients, 5 values, swaps, 1 % unknown", { ...wide, operations: 10_000, keys: 1, clients: 20, values: 5 }],
];

/** A read near the end that returns what its key held long before or, where that may be right again, what nobody wrote. */
function spoilt(history: readonly RegisterOperation[], values: number): RegisterOperation[] {
  const last = history.findLastIndex(({ input, output }) => input.kind === "read" && output !== undefined);
  const { key } = history[last].input;
  const old = history.find(({ input }) => input.key === key && input.kind === "write");
  const value = values === 0 && old?.input.kind === "write" ? old.input.value : "nobody's";
  return history.with(last, { ...history[last], output: { kind: "value", value } });
}

for (const [name, load] of loads) {
  const legal = registerHistory(load, 1);
  for (const [legality, history] of [
    ["legal", legal],
    ["spoilt", spoilt(legal, load.values)],
  ] as const) {
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const verdict = checkLinearizability(registerModel, history);
    const { user, system } = process.cpuUsage(before);
    const seconds = ((user + system) / 1e6).toFixed(2).padStart(6);
    const wall = ((performance.now() - startedMs) / 1e3).toFixed(2).padStart(6);
    const megabytes = (process.memoryUsage.rss() / 1e6).toFixed(0);
    console.log(
      `${name.padEnd(54)} ${String(history.length).padStart(7)} ops  ${legality.padEnd(6)} ${verdict.kind.padEnd(12)} ${seconds} s (${wall} s on the wall)  ${verdict.steps} steps, ${megabytes} MB`,
    );
  }
}
