/** The process that the kill harness kills: a backend under a closed loop of writes, each acknowledgement printed as one line. */
import { startThreads } from "./backend.ts";
import { DirectConnection } from "./connection.ts";
import { importLoad } from "./kill-harness.ts";
import type { ChildData } from "./kill-harness.ts";

const data = JSON.parse(process.argv[2]) as ChildData;
const load = await importLoad(data.load);
const deployment = data.plant === undefined ? load.deployment : { ...load.deployment, plant: data.plant };
const backend = await startThreads(deployment, {
  seed: data.seed,
  directory: data.directory,
  segmentBytes: data.segmentBytes,
  createNode: load.createNode,
});
for (const fault of load.faults ?? []) await backend.inject(fault);
for (const request of load.prepare ?? []) await backend.request(request);

const connection = new DirectConnection(backend.connect());
let next = data.from;
const submit = (): void => {
  const i = next++;
  connection.submit(i, load.write(i));
};
connection.onAnswer = (i, answer) => {
  const following = load.next?.(i, answer) ?? null;
  if (following !== null) {
    connection.submit(i, following);
    return;
  }
  // What the kill keeps from being printed only makes the check weaker, never wrong.
  if (answer.kind === "ok") process.stdout.write(`${i} ${load.told?.(answer) ?? ""}\n`);
  submit();
};
for (let k = 0; k < (data.inFlight ?? 64); k++) submit();
