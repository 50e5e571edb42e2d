/**
 * The options of `run` that spread a load over machines: `--slice` (each machine by hand), `--agents` (a coordinator), and the
 * target that tries either out without a service.
 */
import { UsageError } from "./command-error.ts";
import type { Command } from "commander";
import type { Experiment } from "./experiment.ts";
import type { AgentsSpec, OwnSlice, SuiteOptions } from "./suite-types.ts";

export interface MachineFlags {
  readonly slice?: string;
  readonly startAt?: string;
  readonly agents?: string;
  readonly nats?: string;
}

export function addMachineOptions(run: Command): Command {
  return run
    .option("--slice <i/n>", "make only part i of n of the load; `wavetank merge` joins the results of all parts")
    .option("--start-at <time>", "with --slice: the load begins at this instant on every machine (ISO 8601)")
    .option("--agents <n>", "let n agents make the load, equal parts each; --slices then is threads on each agent")
    .option("--nats <url>", "where the agents are, for instance nats://10.0.0.5:4222");
}

const isSpread = (flags: MachineFlags): boolean => flags.slice !== undefined || flags.agents !== undefined;

/** Spread loads and rehearsals run in real time, whatever the default. */
export function defaultTank(flags: MachineFlags & { readonly target?: string }): string {
  return isSpread(flags) || flags.target === "rehearsal" ? "threads" : "both";
}

/** @throws UsageError for a value that does not fit, or options that exclude each other */
export function spreadOver<O extends SuiteOptions>(options: O, flags: MachineFlags): O {
  const alone = flags.startAt !== undefined && flags.slice === undefined;
  if (alone || (flags.nats !== undefined && flags.agents === undefined)) {
    throw new UsageError({
      what: alone ? "--start-at belongs to a slice" : "--nats belongs to agents",
      got: alone ? "--start-at without --slice" : "--nats without --agents",
      expected: alone ? "--slice i/n beside it" : "--agents n beside it",
      fix: alone ? "leave it out: a run alone begins when it is ready" : "add --agents 3, or leave --nats out",
    });
  }
  if (flags.slice !== undefined && flags.agents !== undefined) {
    throw new UsageError({
      what: "a load is spread by hand or by a coordinator, not both",
      got: "--slice and --agents",
      expected: "one of them",
      fix: "agents deal the slices themselves: leave --slice out",
    });
  }
  const unjudged = options.target.kind === "rehearsal" ? "a rehearsal's figures are a script's" : null;
  if (!isSpread(flags) && unjudged === null) return options;
  checkWhere(options);
  const slice = flags.slice === undefined ? undefined : { ...parseSlice(flags.slice), ...startOf(flags) };
  const agents = flags.agents === undefined ? undefined : parseAgents(flags.agents, flags.nats);
  const reason = unjudged ?? (slice === undefined ? null : "one slice of the load proves nothing; merge them all");
  const experiments =
    reason === null ? options.experiments : options.experiments.map((each) => withoutJudgement(each, reason));
  return { ...options, experiments, slice, agents };
}

function checkWhere({ tanks, target }: SuiteOptions): void {
  if (tanks.includes("simulation")) {
    throw new UsageError({
      what: "a load that is spread over machines, or rehearsed, runs in the threads tank",
      got: `--tank ${tanks.length === 2 ? "both" : "simulation"}`,
      expected: "--tank threads, which is the default here",
      fix: "leave --tank out: a simulation has all its clients inside",
    });
  }
  if (target.kind === "rehearsal" || (target.kind === "dynamodb" && target.url !== undefined)) return;
  throw new UsageError({
    what: "other machines cannot reach a backend that lives in this process",
    got: `--target ${target.kind}`,
    expected: "a service that every machine can reach, or a rehearsal",
    fix: "add --target dynamodb=http://HOST:PORT, or --target rehearsal to try it out without a service",
  });
}

/** `i/n`, from 1 as people count. */
function parseSlice(text: string): OwnSlice {
  const [index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  if (index >= 1 && index <= count && count <= 10_000) return { index: index - 1, count };
  throw new UsageError({
    what: "--slice is no part of a whole",
    got: text === "" ? "an empty value" : text,
    expected: "i/n with 1 <= i <= n <= 10000",
    fix: "for instance --slice 1/3 on the first machine, 2/3 and 3/3 on the others",
  });
}

function startOf({ startAt }: MachineFlags): { startAtMs?: number } {
  if (startAt === undefined) return {};
  const startAtMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(startAt) ? Date.parse(startAt) : NaN;
  if (startAtMs > Date.now()) return { startAtMs };
  throw new UsageError({
    what: Number.isNaN(startAtMs) ? "--start-at is no instant" : "--start-at has passed",
    got: startAt === "" ? "an empty value" : startAt,
    expected: "a future instant in ISO 8601, the same on every machine",
    fix: `for instance --start-at ${new Date(Date.now() + 60_000).toISOString().slice(0, 19)}Z, a minute from now`,
  });
}

function parseAgents(text: string, nats: string | undefined): AgentsSpec {
  const count = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(count >= 1 && count <= 1_000)) {
    throw new UsageError({
      what: "--agents is not a whole number in its range",
      got: text === "" ? "an empty value" : text,
      expected: "a whole number from 1 to 1000",
      fix: "for instance --agents 3",
    });
  }
  return { count, natsUrl: parseNats(nats) };
}

/** @throws UsageError for what is no address of a NATS server */
export function parseNats(text: string | undefined): string {
  if (text !== undefined && URL.canParse(text) && /^(nats|tls):$/.test(new URL(text).protocol)) return text;
  throw new UsageError({
    what: "agents and their coordinator meet at a NATS server, and this names none",
    got: text === undefined ? "no --nats" : `--nats ${text}`,
    expected: "nats://HOST:PORT or tls://HOST:PORT",
    fix: "for instance --nats nats://127.0.0.1:4222, with `nats-server` running there",
  });
}

export function withoutJudgement(experiment: Experiment, reason: string): Experiment {
  const headline = { ...experiment.headline, sentence: () => `Not judged: ${reason}.` };
  return { ...experiment, headline, claims: [], charts: () => [] };
}
