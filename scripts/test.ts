/**
 * `npm test [-- pattern...]`: every *.test.ts, in lanes, and one total at the end. A pattern is a part of a path.
 * `npm run coverage`: only the lane whose lines are counted, with the share of every file.
 *
 *     cores      protocols, policies and what drives them, with line coverage, which must reach its floor
 *     rest       everything else that can share a process           (these two side by side: a process each)
 *     processes  *.integration.test.ts: browsers, workers, kill -9  (afterwards and alone: a process a file)
 *
 * Sharing a process saves the start of one a file, which is most of the time of a quick test.
 */
import { fork } from "node:child_process";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ensureSystemPackages } from "./system-packages.ts";
import type { LaneMessage, LanePlan } from "./test-lane.ts";

/** Of lines in the folders that decide what is kept and what is lost. */
const coverageFloorPercent = 90;
const coveredFolders = ["backend/protocols/", "backend/policies/"];
/** Where the tests that drive them stand: beside them, in the services they are wired into, and in the search for faults. */
const coveringFolders = [...coveredFolders, "backend/services/", "backend/runtimes/simulation/", "runners/simulate/"];
/** A lane that has not ended by then hangs. */
const patienceMs = 10 * 60_000;

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

interface Lane extends LanePlan {
  readonly name: string;
}

const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

function findTests(patterns: readonly string[]): string[] {
  const all = globSync("**/*.test.ts", {
    exclude: (name) => ["node_modules", ".wavetank", ".git"].includes(name),
  }).toSorted();
  if (patterns.length === 0) return all;
  return all.filter((file) => patterns.some((pattern) => file.includes(pattern)));
}

function lanesOf(files: readonly string[], whole: boolean): Lane[][] {
  const apart = files.filter((file) => file.endsWith(".integration.test.ts"));
  const sharing = files.filter((file) => !apart.includes(file));
  const cores = sharing.filter((file) => coveringFolders.some((folder) => file.startsWith(folder)));
  const rest = sharing.filter((file) => !cores.includes(file));
  const lane = (
    name: string,
    of: readonly string[],
    isolation: "none" | "process",
    covered: readonly string[],
  ): Lane[] => (of.length === 0 ? [] : [{ name, files: of, isolation, covered }]);
  return [
    [
      ...lane("cores", whole ? ["scripts/load-covered.ts", ...cores] : cores, "none", whole ? coveredFolders : []),
      ...lane("rest", rest, "none", []),
    ],
    lane("processes", apart, "process", []),
  ];
}

/** Runs one lane in a process of its own. */
function runLane(lane: Lane): Promise<void> {
  const child = fork(fileURLToPath(new URL("test-lane.ts", import.meta.url)), [], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part: Buffer) => (output += part.toString()));
  let lastSeen = "its start";
  const watchdog = setTimeout(() => {
    failures.push(
      `lane ${lane.name} did not end in ${patienceMs / 60_000} minutes; the last test to end was ${lastSeen}`,
    );
    child.kill("SIGKILL");
  }, patienceMs);
  child.on("message", (message: LaneMessage) => {
    if (message.kind === "test") lastSeen = `${message.name} in ${message.file}`;
    onMessage(message);
  });
  child.send({ files: lane.files, isolation: lane.isolation, covered: lane.covered } satisfies LanePlan);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(watchdog);
      if (code !== 0)
        failures.push(`lane ${lane.name} ended with ${signal ?? `exit code ${code}`} after ${lastSeen}\n${output}`);
      resolve();
    });
  });
}

function onMessage(message: LaneMessage): void {
  if (message.kind === "test") {
    totals[message.outcome]++;
    if (message.outcome === "skipped") console.log(`skip  ${message.file}: ${message.name}: ${message.detail}`);
    if (message.outcome === "failed") {
      console.log(`FAIL  ${message.file}: ${message.name}\n${message.detail}\n`);
      failures.push(`${message.file}: ${message.name}`);
    }
  } else if (message.kind === "file") {
    console.log(
      `${message.failed === 0 ? "ok  " : "FAIL"}  ${message.file}  ${message.tests} tests  ${(message.tookMs / 1_000).toFixed(1)} s`,
    );
  } else {
    onCoverage(message);
  }
}

function onCoverage({ files }: Extract<LaneMessage, { kind: "coverage" }>): void {
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  const covered = files.reduce((sum, file) => sum + file.covered, 0);
  const percent = lines === 0 ? 0 : (100 * covered) / lines;
  const low = files.filter((file) => file.covered < (file.lines * coverageFloorPercent) / 100);
  const enough = percent >= coverageFloorPercent;
  console.log(
    `${enough ? "ok  " : "FAIL"}  line coverage of ${coveredFolders.join(" and ")}: ${percent.toFixed(1)} %, floor ${coverageFloorPercent} %`,
  );
  for (const file of onlyCoverage ? files : low)
    console.log(`      ${((100 * file.covered) / file.lines).toFixed(0).padStart(3)} %  ${file.file}`);
  if (!enough) failures.push("line coverage is below its floor");
}

const startedMs = performance.now();
const onlyCoverage = process.argv[2] === "--coverage";
const patterns = onlyCoverage ? coveringFolders : process.argv.slice(2);
const files = findTests(patterns);
if (files.length === 0) {
  console.error(
    `no test fits; got ${patterns.join(" ")}; expected a part of a path such as ring or runners/schedule; fix: \`npm test\` runs all`,
  );
  process.exit(2);
}
if (patterns.length === 0) ensureSystemPackages(["chromium", "fonts-dejavu-core"]);
for (const sideBySide of lanesOf(files, onlyCoverage || patterns.length === 0))
  await Promise.all(sideBySide.map(runLane));

const took = ((performance.now() - startedMs) / 1_000).toFixed(1);
if (failures.length > 0) console.log(`\n${failures.map((failure) => `FAIL  ${failure}`).join("\n")}`);
console.log(
  `\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped in ${files.length} files, ${took} s`,
);
process.exitCode = failures.length > 0 || totals.passed === 0 ? 1 : 0;
