/**
 * A repository small enough to be compared in milliseconds: revisions `slow` and `fast` whose `runners/main.ts` writes a results file
 * with figures of its own, as a real run would, without running anything.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";

export interface TinyRepository {
  readonly root: string;
  /** Every run that was started, in order. */
  runs(): readonly StartedRun[];
  behave(behaviour: Behaviour): void;
  /** Paths of the worktrees besides the repository itself. */
  worktrees(): readonly string[];
  git(...words: string[]): string;
}

export interface StartedRun {
  readonly pid: number;
  /** `slow` or `fast`: what the code says of itself. */
  readonly word: string;
  readonly words: readonly string[];
  readonly hangs: boolean;
}

export interface Behaviour {
  /** The run, counted from 1, from which none ends by itself. */
  readonly hangFrom?: number;
  /** Such a run takes no notice of SIGTERM. */
  readonly deaf?: boolean;
  /** Runs end with code 1 and leave no results. */
  readonly fails?: boolean;
}

/** What a run does instead of running. A run that is told to stop writes results without a run in them, as a real one does. */
const program = (word: string, p50Ms: number, folder: string): string => `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const folder = ${JSON.stringify(folder)};
const words = process.argv.slice(2);
const option = (name: string): string => words[words.indexOf(name) + 1];
const { hangFrom, deaf, fails } = JSON.parse(readFileSync(folder + "/behaviour.json", "utf8"));
const started = readFileSync(folder + "/runs.jsonl", "utf8").split("\\n").length;
const finish = (metrics?: object): void => {
  mkdirSync(option("--out"), { recursive: true });
  const run = { metrics, check: { held: true, violations: [] }, generator: { valid: true, reasons: [] } };
  const designs = [{ runs: metrics === undefined ? [] : [run] }];
  writeFileSync(option("--out") + "/results.json", JSON.stringify({ experiments: [{ claims: [], designs }] }));
  process.exit(metrics === undefined ? 143 : 0);
};
const hangs = started >= (hangFrom ?? Infinity);
process.on("SIGTERM", () => { if (!deaf) finish(); });
appendFileSync(folder + "/runs.jsonl", JSON.stringify({ pid: process.pid, word: "${word}", words, hangs }) + "\\n");
if (fails) {
  process.stderr.write("it broke\\n");
  process.exit(1);
}
if (hangs) setInterval(() => undefined, 1_000);
else finish({ p50Ms: ${p50Ms} + (Number(option("--seed")) % 7) / 10, okPerSecond: 100 });
`;

/** @param folder an empty one, outside of any repository */
export function tinyRepository(folder: string): TinyRepository {
  const outside = realpathSync(folder);
  const root = path.join(outside, "repository");
  const log = path.join(outside, "runs.jsonl");
  const behave = (behaviour: Behaviour): void =>
    writeFileSync(path.join(outside, "behaviour.json"), JSON.stringify(behaviour));
  const git = (...words: string[]): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...words], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  mkdirSync(path.join(root, "runners"), { recursive: true });
  mkdirSync(path.join(root, "node_modules"));
  behave({});
  writeFileSync(log, "");
  git("init", "--quiet", "--initial-branch=main");
  writeFileSync(path.join(root, "package.json"), '{"type":"module"}');
  for (const [word, p50Ms] of [
    ["slow", 20],
    ["fast", 10],
  ] as const) {
    writeFileSync(path.join(root, "runners", "main.ts"), program(word, p50Ms, outside));
    git("add", "runners", "package.json");
    git("commit", "--quiet", "-m", `${word} it is`);
    git("tag", word);
  }
  return {
    root,
    git,
    behave,
    runs: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as StartedRun),
    worktrees: () =>
      git("worktree", "list", "--porcelain")
        .split("\n")
        .filter((line) => line.startsWith("worktree "))
        .map((line) => line.slice("worktree ".length))
        .filter((tree) => tree !== root),
  };
}
