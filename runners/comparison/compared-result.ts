/**
 * A comparison as a results file: who was compared with whom, under which rule, every pair and every judgement, so that a report can
 * be drawn from it and the judgement made again by somebody else.
 */
import { execFileSync } from "node:child_process";
import type { CompareOptions } from "../command-compare.ts";
import type { Comparison } from "../compare/comparison.ts";
import type { Experiment } from "../experiment.ts";
import { machineFingerprint, workTree } from "../machine.ts";
import { schemaVersion, type Compared, type Results } from "../results.ts";

export interface Group {
  /** What was compared, where that is not the whole of it: one design of a results file. */
  readonly name: string;
  readonly comparisons: readonly Comparison[];
}

/** What `compare` has found, before anybody is told. */
export interface Outcome {
  readonly groups: readonly Group[];
  readonly partial: boolean;
  readonly leftOut: readonly string[];
  /** What is known of each side beyond its name. */
  readonly facts: { readonly baseline: Facts; readonly candidate: Facts };
}

export type Facts = Readonly<Record<string, string>>;

export function comparedResults(options: CompareOptions, outcome: Outcome, startedAt: Date): Results {
  const { compared } = options;
  return {
    schema: schemaVersion,
    startedAt: startedAt.toISOString(),
    tookS: (Date.now() - startedAt.getTime()) / 1_000,
    seed: options.rule.seed,
    quick: compared.kind === "designs" && compared.quick,
    ...workTree(),
    rerun: options.rerun,
    machine: machineFingerprint(),
    experiments: [],
    compared: comparedOf(options, outcome),
  };
}

function comparedOf(options: CompareOptions, { groups, partial, leftOut, facts }: Outcome): Compared {
  const { compared, rule, baseline, candidate } = options;
  const made = compared.kind === "results";
  return {
    kind: compared.kind,
    baseline: { name: baseline, facts: facts.baseline },
    candidate: { name: candidate, facts: facts.candidate },
    shared: sharedOf(options),
    interleaved: !made,
    partial,
    pairsAsked: made ? null : options.pairs,
    leftOut: [...leftOut],
    rule: { ...rule, warmUpPairs: made ? 0 : rule.warmUpPairs },
    groups: groups.map(({ name, comparisons }) => ({ name, metrics: comparisons.map(judgedOf) })),
  };
}

function judgedOf(comparison: Comparison): Compared["groups"][number]["metrics"][number] {
  const { metric, better, pairs, warmUpPairs, ratio, signedRankP, adjustedP, verdict, pairsNeeded } = comparison;
  return {
    metric,
    better,
    pairs: pairs.map((pair) => [...pair]),
    warmUpPairs,
    ratio,
    signedRankP,
    adjustedP,
    verdict,
    pairsNeeded,
  };
}

function sharedOf({ compared }: CompareOptions): Compared["shared"] {
  switch (compared.kind) {
    case "designs":
      return {
        experiment: compared.experiment,
        tank: compared.tank,
        "plans of the experiment": compared.quick ? "short" : "whole",
        ...(compared.forS === undefined ? {} : { "length of a run (s)": compared.forS }),
      };
    case "revisions":
      return { "each run": `wavetank run ${compared.words.join(" ")}` };
    case "urls": {
      const { load, forUs, warmUpUs } = compared.plan;
      const rate = "perSecond" in load ? `${load.kind}, ${load.perSecond} requests/s` : load.kind;
      return { load: rate, "length of a run (s)": forUs / 1e6, "of which warms up (s)": warmUpUs / 1e6 };
    }
    case "results":
      return {};
  }
}

/** Of two designs of an experiment: their titles and what they are. */
export function designFacts({ designs }: Experiment, name: string): Facts {
  const { title, description } = designs[name];
  return { title, design: description };
}

/** Of a revision: its commit and that commit's first line. */
export function revisionFacts(root: string, revision: string): Facts {
  const said = execFileSync("git", ["log", "-1", "--format=%H%n%s%n%cI", revision, "--"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [commit = "", subject = "", at = ""] = said.split("\n");
  return { commit, subject, committed: at };
}

/** Of a results file: the code, the machine and the time of its runs. */
export function fileFacts({ commit, dirty, machine, startedAt }: Results): Facts {
  return {
    commit: `${commit}${dirty ? ", with uncommitted changes" : ""}`,
    machine: `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`,
    "run at": startedAt,
  };
}
