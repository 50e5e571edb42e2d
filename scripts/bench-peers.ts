/**
 * This project beside programs that people use for the same purpose, measured in turns on this machine: ratios with intervals, and
 * the claims that they decide.
 *
 *     npm run bench:peers                       everything, some 15 minutes
 *     npm run bench:peers -- --quick            2 rounds of 2 s, for a look
 *     npm run bench:peers -- --only backend     one of: backend     DynamoDB's interface, beside dynalite
 *                                                       generator   our load generator, beside autocannon and wrk
 *                                                       consensus   etcd's interface, beside three nodes of etcd
 *                                                       charges     Stripe's interface, beside PostgreSQL with a standby
 *     npm run bench:peers -- --only consensus --case "put, 64"    the cases of that name
 *     npm run bench:peers -- --only consensus --peers-only    the peer alone; --threads 2: our three nodes on two threads, not one
 *
 * The peers are Debian's packages; as root on Debian or Ubuntu the missing ones are installed. All that a comparison starts and
 * writes is gone when it ends or is interrupted.
 */
import { parseArgs } from "node:util";
import { compareGenerators } from "./bench-generators.ts";
import type { PeerOptions } from "./peers/duel.ts";
import { print } from "./peers/duel.ts";
import { compareBackends } from "./peers/dynalite-bench.ts";
import { compareConsensus } from "./peers/etcd-bench.ts";
import { compareCaches } from "./peers/memcached-bench.ts";
import { compareCharges } from "./peers/postgres-bench.ts";

/** The load generator and the kernel take the second processor; another thread costs more in messages between threads than it gives. */
const defaultThreads = 1;

const comparisons: Readonly<Record<string, (options: PeerOptions) => Promise<void>>> = {
  backend: compareBackends,
  generator: ({ quick, seed }) => compareGenerators(quick, seed),
  consensus: compareConsensus,
  charges: compareCharges,
  cache: compareCaches,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean" },
      seed: { type: "string" },
      only: { type: "string" },
      "peers-only": { type: "boolean" },
      case: { type: "string" },
      threads: { type: "string" },
    },
  });
  const { quick = false, seed = "1", only, "peers-only": peersOnly = false } = values;
  if (only !== undefined && !Object.hasOwn(comparisons, only)) {
    const names = Object.keys(comparisons).join(", ");
    process.stderr.write(`bench:peers: --only ${only}: expected one of ${names}; leave it out for all\n`);
    process.exitCode = 2;
    return;
  }
  const threads = Number(values.threads ?? defaultThreads);
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 3)) {
    process.stderr.write(`bench:peers: --threads ${values.threads}: expected 1 to 3, for three nodes\n`);
    process.exitCode = 2;
    return;
  }
  for (const [name, compare] of Object.entries(comparisons)) {
    if (only !== undefined && only !== name) continue;
    if (only === undefined && name !== "backend") print("");
    await compare({ quick, seed: Number(seed), peersOnly, named: values.case ?? "", threads });
    if (process.exitCode !== undefined) return;
  }
}

await main();
