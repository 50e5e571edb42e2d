/**
 * Two revisions of a repository, each checked out into a worktree of its own; their runs are processes of their own code. Nothing of
 * it outlives the comparison, however that ends: the worktrees, their entries in the repository and the process that is running go
 * when the source is closed, and when this process exits before that (a second Ctrl-C, an error).
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { UsageError } from "../command-error.ts";
import type { Results } from "../results.ts";
import { Interrupted } from "../run-order.ts";
import type { Figures, PairSource, Side } from "./pair-source.ts";
import { onlyRun } from "./sources.ts";

export interface Revisions {
  /** The repository. */
  readonly root: string;
  readonly names: Readonly<Record<Side, string>>;
  /** What both run: an experiment and its options. */
  readonly words: readonly string[];
}

export class RevisionSource implements PairSource {
  private readonly root: string;
  private readonly words: readonly string[];
  private readonly folder: string;
  private readonly trees: Readonly<Record<Side, string>>;
  private readonly onExit = (): void => this.remove();
  private child: ChildProcess | null = null;
  private runs = 0;

  /** @throws UsageError when git cannot make the worktrees, Interrupted when the signal was given meanwhile */
  static async open({ root, names, words }: Revisions, signal: AbortSignal): Promise<RevisionSource> {
    const source = new RevisionSource(root, words);
    try {
      await source.checkOut("baseline", names.baseline, signal);
      await source.checkOut("candidate", names.candidate, signal);
      return source;
    } catch (error) {
      await source.close();
      if (error instanceof Interrupted) throw error;
      throw new UsageError({
        what: "a revision cannot be checked out beside this one",
        got: `${names.baseline} and ${names.candidate} (${error instanceof Error ? error.message : String(error)})`,
        expected: "two commits, branches or tags of this repository",
        fix: "`git log --oneline` shows them",
      });
    }
  }

  private constructor(root: string, words: readonly string[]) {
    this.root = root;
    this.words = words;
    this.folder = mkdtempSync(path.join(tmpdir(), "wavetank-compare-"));
    // git calls a worktree's entry after its last folder, so the name has to be nobody else's.
    const name = path.basename(this.folder);
    this.trees = {
      baseline: path.join(this.folder, `${name}-a`),
      candidate: path.join(this.folder, `${name}-b`),
    };
    process.once("exit", this.onExit);
  }

  async run(side: Side, seed: number, signal: AbortSignal): Promise<Figures> {
    const out = path.join(this.folder, `run-${this.runs++}`);
    const asked = ["run", ...this.words, "--rounds", "1", "--seed", String(seed), "--json", "--out", out];
    const ended = await this.finished(process.execPath, ["runners/main.ts", ...asked], this.trees[side], signal);
    try {
      return onlyRun(JSON.parse(readFileSync(path.join(out, "results.json"), "utf8")) as Results, signal);
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      const how = ended.code === null ? "was killed" : `ended with code ${ended.code}`;
      throw new Error(`${side}: wavetank ${asked.join(" ")} in its worktree ${how}: ${ended.said}`, { cause: error });
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }

  close(): Promise<void> {
    process.off("exit", this.onExit);
    this.remove();
    return Promise.resolve();
  }

  private async checkOut(side: Side, revision: string, signal: AbortSignal): Promise<void> {
    const tree = this.trees[side];
    const { code, said } = await this.finished(
      "git",
      ["worktree", "add", "--detach", "--quiet", tree, revision],
      this.root,
      signal,
    );
    if (code !== 0) throw new Error(said.split("\n").at(-1));
    symlinkSync(path.join(this.root, "node_modules"), path.join(tree, "node_modules"));
  }

  /** Ends the process when the signal is given, and rejects with Interrupted once it has ended. */
  private finished(
    command: string,
    words: readonly string[],
    cwd: string,
    signal: AbortSignal,
  ): Promise<{ readonly code: number | null; readonly said: string }> {
    return new Promise((resolve, reject) => {
      const interrupted = new Interrupted("the comparison was interrupted");
      if (signal.aborted) return reject(interrupted);
      // A group of its own: a terminal's Ctrl-C reaches this process alone, which then says once what is to end.
      const child = spawn(command, words, { cwd, stdio: ["ignore", "ignore", "pipe"], detached: true });
      this.child = child;
      let said = "";
      const stop = (): void => killGroup(child, "SIGTERM");
      signal.addEventListener("abort", stop);
      child.stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-500)));
      child.on("error", reject);
      child.on("close", (code) => {
        this.child = null;
        signal.removeEventListener("abort", stop);
        if (signal.aborted) reject(interrupted);
        else resolve({ code, said: said.trim() });
      });
    });
  }

  /** Synchronous, so that it can be the last thing a process does. */
  private remove(): void {
    if (this.child !== null) killGroup(this.child, "SIGKILL");
    // A process that is being killed may still write for a moment.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    // An entry is locked while git fills it, and stays so when git is killed at it.
    for (const tree of Object.values(this.trees)) this.git("worktree", "unlock", tree);
    this.git("worktree", "prune");
  }

  private git(...words: string[]): void {
    try {
      execFileSync("git", words, { cwd: this.root, stdio: "ignore" });
    } catch {
      // Nothing was locked, or there is nothing to prune.
    }
  }
}

/** git checks files out in a process of its own. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    // It has ended by itself.
  }
}
