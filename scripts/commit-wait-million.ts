/**
 * One million transactions with commit wait, in virtual time: clocks that poll as Spanner's do, with drift up to the bound and all that
 * comes with it, and not one whose timestamp contradicts real time. Streams, so that memory does not grow with the transactions.
 *
 *     node scripts/commit-wait-million.ts [transactions] [seed]
 *
 * Prints one line a design; exits with 1 when an honest one breaks the order, or a lying clock or a wait left out goes unnoticed.
 */
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { createSimulation } from "../backend/simulated.ts";
import { Random } from "../backend/kernel/random.ts";
import { millisecond, second } from "../backend/kernel/units.ts";
import { commitWait } from "../experiments/commit-wait.ts";
import { RealTimeOrder } from "../runners/check/external-consistency.ts";
import { createWorkload } from "../workloads/catalog.ts";

interface Outcome {
  readonly transactions: number;
  readonly violations: number;
  readonly virtualS: number;
  readonly tookS: number;
}

/** Clients that ask one after another; each thinks for a moment, so that others' transactions begin just after its answer. */
const clients = 40;
const pauseUs = 5 * millisecond;

function transact(name: string, transactions: number, seed: number): Outcome {
  const startedMs = performance.now();
  const { deployment, workload: spec } = commitWait.designs[name];
  const simulation = createSimulation(deployment, seed);
  const workload = createWorkload(spec);
  const order = new RealTimeOrder();
  let begun = 0;
  let answered = 0;
  const ask = (): void => {
    if (begun === transactions) return;
    const arrival = begun++;
    const session = workload.begin(arrival, Random.stream(seed, "session", arrival));
    const { request, fact } = session.next(null)!;
    const floor = order.onInvoked();
    simulation.request(-1, request, (answer) => {
      session.next(answer);
      if (answer.kind === "ok") {
        answered++;
        const reads = fact!.kind === "read";
        const timestamp = fact!.timestamp as number;
        const told = `${fact!.kind} ${arrival}`;
        order.onTimestamp(told, timestamp, floor, reads);
        order.onCompleted(told, reads ? (fact!.seen as number) : timestamp);
      }
      simulation.at(simulation.now + pauses.below(pauseUs), ask);
    });
  };
  const pauses = Random.stream(seed, "pauses");
  for (const request of workload.setup()) simulation.request(-1, request, () => undefined);
  simulation.run(5 * second);
  for (let i = 0; i < clients; i++) ask();
  for (let quietS = 0, before = -1; quietS < 60; before = answered) {
    simulation.run(simulation.now + second);
    if (answered >= transactions) break;
    quietS = answered > before ? 0 : quietS + 1;
  }
  return {
    transactions: answered,
    violations: order.violations.count,
    virtualS: simulation.now / second,
    tookS: (performance.now() - startedMs) / 1_000,
  };
}

const { positionals } = parseArgs({ allowPositionals: true });
const total = Number(positionals[0] ?? 1_000_000);
const seed = Number(positionals[1] ?? 1);
if (!(Number.isSafeInteger(total) && total >= 1_000 && Number.isSafeInteger(seed))) {
  throw new RangeError(`got ${positionals.join(" ")}; expected a number of transactions, at least 1,000, and a seed`);
}

let wrong = 0;
for (const [name, count, isHonest] of [
  ["polled", total, true],
  ["off", Math.max(5_000, Math.ceil(total / 50)), false],
  ["liar", Math.max(5_000, Math.ceil(total / 50)), false],
] as const) {
  const { transactions, violations, virtualS, tookS } = transact(name, count, seed);
  const asExpected = transactions === count && (violations === 0) === isHonest;
  if (!asExpected) wrong++;
  console.log(
    `${asExpected ? "ok    " : "WRONG "} ${commitWait.designs[name].title.padEnd(24)} ${transactions.toLocaleString("en-US").padStart(9)} transactions ` +
      `in ${virtualS.toFixed(0)} virtual s, ${violations.toLocaleString("en-US")} out of order; took ${tookS.toFixed(0)} s`,
  );
}
process.exitCode = wrong === 0 ? 0 : 1;
