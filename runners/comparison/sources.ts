/** The sources of a comparison: two designs, two revisions of this repository, two URLs, two results files. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { UsageError } from "../command-error.ts";
import type { Experiment, Tank } from "../experiment.ts";
import type { LoadPlan } from "../load/load-plan.ts";
import { runLoad } from "../load/run-load.ts";
import type { Results, RunResult } from "../results.ts";
import { Interrupted } from "../run-order.ts";
import type { RunSuite } from "../suite-types.ts";
import type { Figures, Pair, PairSource, Side } from "./pair-source.ts";

export function figuresOf(run: RunResult): Figures {
  const { metrics, generator, check } = run;
  if (!check.held) return { metrics, invalid: `a promise was broken: ${check.violations[0] ?? check.name}` };
  return generator.valid ? { metrics } : { metrics, invalid: generator.reasons.join("; ") };
}

/** Two designs of one experiment, each run a suite of one design and one round. */
export class DesignSource implements PairSource {
  private readonly runSuite: RunSuite;
  private readonly experiment: Experiment;
  private readonly tank: Tank;
  private readonly designs: Readonly<Record<Side, string>>;
  private readonly forS: number | undefined;
  private readonly quick: boolean;

  constructor(
    runSuite: RunSuite,
    experiment: Experiment,
    tank: Tank,
    designs: Readonly<Record<Side, string>>,
    options: { readonly forS?: number; readonly quick: boolean },
  ) {
    this.runSuite = runSuite;
    this.experiment = experiment;
    this.tank = tank;
    this.designs = designs;
    this.forS = options.forS;
    this.quick = options.quick;
  }

  async run(side: Side, seed: number, signal: AbortSignal): Promise<Figures> {
    const results = await this.runSuite(
      {
        experiments: [{ ...this.experiment, claims: [] }],
        tanks: [this.tank],
        quick: this.quick,
        seed,
        designs: [this.designs[side]],
        overrides: [{ path: "rounds", value: 1 }],
        target: { kind: "direct" },
        forS: this.forS,
        signal,
        rerun: "",
      },
      {},
    );
    return onlyRun(results, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Two services, loaded alike. */
export class UrlSource implements PairSource {
  private readonly plan: LoadPlan;
  private readonly origins: Readonly<Record<Side, string>>;
  private readonly calls: Readonly<Record<Side, LoadPlan["source"]>>;

  constructor(plan: LoadPlan, urls: Readonly<Record<Side, URL>>) {
    this.plan = plan;
    this.origins = { baseline: urls.baseline.origin, candidate: urls.candidate.origin };
    const callOf = (url: URL): LoadPlan["source"] => ({ kind: "call", call: { path: `${url.pathname}${url.search}` } });
    this.calls = { baseline: callOf(urls.baseline), candidate: callOf(urls.candidate) };
  }

  async run(side: Side, seed: number, signal: AbortSignal): Promise<Figures> {
    const { plan } = this;
    const endpoint = { ...plan.endpoint, origin: this.origins[side] };
    const { runs, finished } = await runLoad({ ...plan, endpoint, source: this.calls[side], seed }, { signal });
    if (!finished || runs.length === 0) throw new Interrupted("the comparison was interrupted");
    return figuresOf(runs[0]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Two revisions, each in a worktree of its own, which is removed at the end. Their runs are processes of their own code. */
export class RevisionSource implements PairSource {
  private readonly root: string;
  private readonly folder: string;
  private readonly trees: Readonly<Record<Side, string>>;
  private readonly words: readonly string[];
  private runs = 0;

  /** @throws UsageError when git cannot make the worktrees */
  constructor(root: string, revisions: Readonly<Record<Side, string>>, words: readonly string[]) {
    this.root = root;
    this.words = words;
    this.folder = mkdtempSync(path.join(tmpdir(), "wavetank-compare-"));
    try {
      this.trees = {
        baseline: this.checkOut("a", revisions.baseline),
        candidate: this.checkOut("b", revisions.candidate),
      };
    } catch (error) {
      this.remove();
      throw new UsageError({
        what: "a revision cannot be checked out beside this one",
        got: `${revisions.baseline} and ${revisions.candidate} (${error instanceof Error ? error.message.split("\n")[0] : String(error)})`,
        expected: "two commits, branches or tags of this repository",
        fix: "`git log --oneline` shows them",
      });
    }
  }

  async run(side: Side, seed: number, signal: AbortSignal): Promise<Figures> {
    const out = path.join(this.folder, `run-${this.runs++}`);
    const words = [
      "runners/main.ts",
      "run",
      ...this.words,
      "--rounds",
      "1",
      "--seed",
      String(seed),
      "--json",
      "--out",
      out,
    ];
    const code = await finished(
      spawn(process.execPath, words, { cwd: this.trees[side], stdio: ["ignore", "ignore", "pipe"] }),
      signal,
    );
    if (signal.aborted) throw new Interrupted("the comparison was interrupted");
    try {
      return onlyRun(JSON.parse(readFileSync(path.join(out, "results.json"), "utf8")) as Results, signal);
    } catch (error) {
      throw new Error(
        `${side}: wavetank ${words.slice(1).join(" ")} in its worktree ended with code ${code.code}: ${code.said}`,
        { cause: error },
      );
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }

  close(): Promise<void> {
    this.remove();
    return Promise.resolve();
  }

  private checkOut(name: string, revision: string): string {
    const tree = path.join(this.folder, name);
    execFileSync("git", ["worktree", "add", "--detach", "--quiet", tree, revision], { cwd: this.root, stdio: "pipe" });
    symlinkSync(path.join(this.root, "node_modules"), path.join(tree, "node_modules"));
    return tree;
  }

  private remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
    execFileSync("git", ["worktree", "prune"], { cwd: this.root, stdio: "pipe" });
  }
}

/** Runs that were made before: pairs by experiment, tank, design and round. They were not interleaved. */
export function pairsOfResults(baseline: Results, candidate: Results): Map<string, Pair[]> {
  const pairs = new Map<string, Pair[]>();
  for (const before of baseline.experiments) {
    const after = candidate.experiments.find(({ name, tank }) => name === before.name && tank === before.tank);
    for (const design of after === undefined ? [] : before.designs) {
      const other = after!.designs.find(({ name }) => name === design.name);
      const found = (other?.runs ?? []).flatMap((run): Pair[] => {
        const partner = design.runs.find(({ round }) => round === run.round);
        return partner === undefined
          ? []
          : [{ baseline: figuresOf(partner), candidate: figuresOf(run), candidateFirst: false }];
      });
      const valid = found.filter((pair) => pair.baseline.invalid === undefined && pair.candidate.invalid === undefined);
      if (valid.length > 0) pairs.set(`${before.name}, ${before.tank}, ${design.name}`, valid);
    }
  }
  return pairs;
}

function onlyRun(results: Results, signal: AbortSignal): Figures {
  const runs = results.experiments.flatMap(({ designs }) => designs.flatMap((design) => design.runs));
  if (runs.length > 0) return figuresOf(runs[0]);
  if (signal.aborted) throw new Interrupted("the comparison was interrupted");
  const said = results.experiments.flatMap(({ claims }) => claims.map(({ measured }) => measured));
  return { metrics: {}, invalid: said.join("; ") || "nothing was run" };
}

function finished(
  child: ReturnType<typeof spawn>,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    let said = "";
    const stop = (): void => void child.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    child.stderr!.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-500)));
    child.on("error", reject);
    child.on("exit", (code) => {
      signal.removeEventListener("abort", stop);
      resolve({ code, said: said.trim() });
    });
  });
}
