/** The sources of a comparison that run in this process, two designs or two URLs; and two results files. */
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

/** The figures of the one run that was asked for. @throws Interrupted when there is none because of the signal */
export function onlyRun(results: Results, signal: AbortSignal): Figures {
  const runs = results.experiments.flatMap(({ designs }) => designs.flatMap((design) => design.runs));
  if (runs.length > 0) return figuresOf(runs[0]);
  if (signal.aborted) throw new Interrupted("the comparison was interrupted");
  const said = results.experiments.flatMap(({ claims }) => claims.map(({ measured }) => measured));
  return { metrics: {}, invalid: said.join("; ") || "nothing was run" };
}
