/**
 * The reference backend as a process of its own: three nodes, one replicated log, one door; or one node that is a cache. It prints where
 * it listens and ends with SIGTERM.
 *
 *     node scripts/peers/wavetank-child.ts etcd|stripe|memcached DIRECTORY THREADS
 */
import type { Deployment } from "../../backend/api.ts";
import { startThreads } from "../../backend/backend.ts";
import { oneRegion } from "../../backend/kernel/topology.ts";
import { mebibyte } from "../../backend/kernel/units.ts";

const [door, directory, threads] = process.argv.slice(2);

const deployment: Deployment =
  door === "memcached"
    ? { topology: oneRegion(1), service: { kind: "cache", memoryBytes: 1_024 * mebibyte }, durability: "none" }
    : {
        topology: oneRegion(3),
        service: { kind: door === "etcd" ? "keys" : "charges", log: { replicas: [0, 1, 2] } },
        durability: "log",
      };

const backend = await startThreads(deployment, {
  seed: 1,
  directory,
  threads: Number(threads),
  doors: { [door]: { port: 0 } },
  onBroken: (error) => {
    process.stderr.write(`broken: ${error.stack ?? error.message}\n`);
    process.exit(1);
  },
});
const url = (backend.urls as Readonly<Record<string, string | undefined>>)[door];
if (url === undefined) throw new Error(`this backend opens no door of the name ${door}`);
process.once("SIGTERM", () => void backend.close().then(() => process.exit(0)));
process.stdout.write(`ready ${url}\n`);
