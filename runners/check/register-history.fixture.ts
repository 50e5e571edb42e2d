/**
 * Histories made by clients of a real register for each key: every operation takes effect at an instant drawn between its
 * invocation and its completion, so they are linearizable until a test spoils them.
 */
import { Random } from "../../backend/kernel/random.ts";
import type { Operation } from "./history.ts";
import type { RegisterInput, RegisterOutput, Value } from "./models.ts";

export type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

export interface RegisterLoad {
  readonly operations: number;
  readonly keys: number;
  readonly clients: number;
  /** Values are drawn below it; 0: each write has a value of its own. */
  readonly values: number;
  /** Share of operations whose outcome is unknown; half of them take effect. */
  readonly unknown: number;
  readonly readShare: number;
}

interface Call {
  readonly client: number;
  readonly invokedAt: number;
  readonly effectAt: number;
  readonly completedAt: number;
  readonly input: RegisterInput;
  readonly unknown: boolean;
}

export function registerHistory(load: RegisterLoad, seed: number): RegisterOperation[] {
  const random = new Random(seed);
  const freeAt = Array.from({ length: load.clients }, () => random.below(1_000));
  const calls: Call[] = [];
  for (let i = 0; i < load.operations; i++) {
    const client = freeAt.indexOf(Math.min(...freeAt));
    const invokedAt = freeAt[client];
    const durationUs = 2 + Math.ceil(random.exponential(1_000));
    const key = `k${random.below(load.keys)}`;
    const unknown = random.chance(load.unknown);
    calls.push({
      client,
      invokedAt,
      // What nobody saw the end of may take effect long after, which is never for a history that ends before.
      effectAt: unknown && random.chance(0.5) ? Infinity : invokedAt + 1 + random.below(durationUs - 1),
      completedAt: unknown ? Infinity : invokedAt + durationUs,
      input: drawInput(load, key, i, random),
      unknown,
    });
    freeAt[client] = invokedAt + durationUs + 1 + random.below(100);
  }
  return answers(calls);
}

function drawInput({ values, readShare }: RegisterLoad, key: string, i: number, random: Random): RegisterInput {
  const value = values === 0 ? i : random.below(values);
  if (random.chance(readShare)) return { kind: "read", key };
  if (values > 0 && random.chance(0.4)) return { kind: "cas", key, expected: random.below(values), value };
  return { kind: "write", key, value };
}

function answers(calls: readonly Call[]): RegisterOperation[] {
  const registers = new Map<string, Value | null>();
  const done = new Map<Call, RegisterOutput>();
  for (const call of calls.toSorted((a, b) => a.effectAt - b.effectAt)) {
    if (call.effectAt === Infinity) break;
    const { input } = call;
    const held = registers.get(input.key) ?? null;
    if (input.kind === "read") {
      done.set(call, { kind: "value", value: held });
    } else if (input.kind === "write") {
      registers.set(input.key, input.value);
      done.set(call, { kind: "written" });
    } else {
      if (held === input.expected) registers.set(input.key, input.value);
      done.set(call, { kind: "swapped", swapped: held === input.expected });
    }
  }
  return calls.map((call) => {
    const { client, invokedAt, completedAt, input } = call;
    return call.unknown
      ? { client, invokedAt, completedAt, input }
      : { client, invokedAt, completedAt, input, output: done.get(call)! };
  });
}
