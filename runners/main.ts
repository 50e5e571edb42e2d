/** The program: runs one command with the real parts and ends with its exit code. */
import { randomInt } from "node:crypto";
import { exitCodes } from "./command-exit.ts";
import { runCommandLine } from "./command-line.ts";
import type { Parts } from "./command-parts.ts";
import { isRevision } from "./machine.ts";
import { processTerminal } from "./command-terminal.ts";
import { assertFreePort } from "./free-port.ts";

const parts: Parts = {
  terminal: processTerminal(),
  signals: process,
  leave: (code) => process.exit(code),
  catalog: async () => (await import("../experiments/catalog.ts")).catalog,
  runSuite: async (options, observer) => (await import("./suite.ts")).runSuite(options, observer),
  writeReport: async (results, directory) => {
    const { writeReport } = await import("../reports/report.ts");
    const { htmlPath, markdownPath, resultsPath } = await writeReport(results, directory);
    return [htmlPath, markdownPath, resultsPath];
  },
  writeCharts: async (results, directory) => (await import("../reports/report.ts")).writeCharts(results, directory),
  writeTrend: async (trend, file) => (await import("../reports/trend/trend-page.ts")).writeTrend(trend, file),
  readResults: async (path) => (await import("../reports/report.ts")).readResults(path),
  simulate: async (options) => (await import("./simulate.ts")).runSimulateCommand(options),
  compare: async (options, all) => (await import("./comparison/compare-command.ts")).compareCommand(options, all),
  isRevision,
  capacity: async (options, all) => (await import("./capacity/capacity-command.ts")).capacityCommand(options, all),
  calibrate: async (options, all) => (await import("./oracles/calibrate-command.ts")).calibrateCommand(options, all),
  load: async (options, live, all) => (await import("./load/load-command.ts")).loadCommand(options, live, all),
  peak: async (options, print) => (await import("./peak.ts")).runPeak(options, print),
  agent: async (options, signal, say) => (await import("./agents/agent-process.ts")).runNatsAgent(options, signal, say),
  merge: async (files, target) => {
    const { mergeSlices, readBackAt } = await import("./agents/merge-slices.ts");
    return mergeSlices(files, await parts.catalog(), readBackAt(target));
  },
  openLiveView: async (port, title) => (await import("./live/live-view.ts")).openLiveView(port, title),
  startBackend: async ({ service, deployment, directory, threads, port, replication, outbox, onBroken }) => {
    await assertFreePort(port);
    const { startThreads } = await import("../backend/backend.ts");
    const doors = { [service]: { port, replication } };
    // Another seed each time: a node whose disk was replaced between two starts must not mint under the lost disk's name.
    const seed = randomInt(2 ** 32);
    const backend = await startThreads(deployment, { seed, directory, threads, doors, onBroken });
    const url = backend.urls[service] ?? "";
    if (outbox === undefined) return { url, close: () => backend.close() };
    const stopOutbox = await (await import("./outbox/jetstream-sink.ts")).bridgeToJetStream(backend, outbox);
    return { url, close: () => stopOutbox().then(() => backend.close()) };
  },
};

// A reader of stdout that has seen enough (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2), parts);
