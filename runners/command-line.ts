/**
 * The command line: which commands and options there are, and what becomes of an error. Values are checked by the commands; a
 * mistake of whoever typed ends with four lines and exit code 2, a bug of ours with a stack and 1.
 */
import { Command, CommanderError } from "commander";
import { addAgentCommand } from "./command-agent.ts";
import { UsageError, formatUsageError, unknownName, usageErrorIn } from "./command-error.ts";
import { exitCodeHelp, exitCodes } from "./command-exit.ts";
import { nightlyCommand, nightlyOptions, type NightlyFlags } from "./command-nightly.ts";
import { listCommand } from "./command-list.ts";
import { addCalibrateOptions, calibrateOptions, type CalibrateFlags } from "./command-calibrate.ts";
import { addCapacityOptions, capacityOptions, type CapacityFlags } from "./command-capacity.ts";
import { addCompareOptions, compareOptions, type CompareFlags } from "./command-compare.ts";
import { addLiveOptions, type LiveFlags } from "./command-live.ts";
import { addLoadOptions, loadOptions, type LoadFlags } from "./command-load.ts";
import { addMachineOptions } from "./command-machines.ts";
import { addMergeCommand } from "./command-merge.ts";
import type { Parts } from "./command-parts.ts";
import { reportCommand } from "./command-report.ts";
import { runCommand, type RunFlags } from "./command-run.ts";
import { trendCommand, type TrendFlags } from "./command-trend.ts";
import { serveCommand, type ServeFlags } from "./command-serve.ts";
import { peakOptions, type PeakFlags } from "./command-peak.ts";
import { simulateOptions, type SimulateFlags } from "./command-simulate.ts";

/** Runs one command to its end and returns the exit code; prints every error itself. */
export async function runCommandLine(words: readonly string[], parts: Parts): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = commandLine(parts, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    return report(error, program, words, parts);
  }
}

function report(error: unknown, program: Command, words: readonly string[], parts: Parts): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.ok;
    parts.terminal.note(formatUsageError(fromCommander(error, program, words)));
    return exitCodes.usage;
  }
  const mistake = usageErrorIn(error);
  if (mistake !== null) {
    parts.terminal.note(formatUsageError(mistake));
    return exitCodes.usage;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  parts.terminal.note(`wavetank: a bug in wavetank, please report it with the line that caused it\n${stack}\n`);
  return exitCodes.internal;
}

/** Makes a command of that name. */
type Make = (name: string, description: string) => Command;
type Done = (code: number) => void;

function commandLine(parts: Parts, done: Done): Command {
  const program = quietly(new Command("wavetank"), parts)
    .description("Drives honest load at distributed-system designs, breaks them on schedule, and says which one wins.")
    .addHelpText("after", exitCodeHelp)
    .showSuggestionAfterError(false)
    .helpCommand(false);
  const command: Make = (name, description) =>
    quietly(program.command(name), parts).description(description).showSuggestionAfterError(false);
  addSuiteCommands(command, parts, done);
  addServiceCommands(command, parts, done);
  addMachineCommands(command, parts, done);
  addBackendCommands(command, parts, done);
  return program;
}

/** Experiments, and what becomes of their results. */
function addSuiteCommands(command: Make, parts: Parts, done: Done): void {
  command("list", "the experiments there are, their questions and designs")
    .option("--json", "with every plan and path, as JSON")
    .action(async (flags: { json?: boolean }) => done(await listCommand(flags, parts)));
  addLiveOptions(
    addRunOptions(command("run [experiment...]", "run experiments and write a report; without names all of them")),
  ).action(async (names: string[], flags: RunFlags) => done(await runCommand(names, flags, parts)));
  nightlyOptions(
    addRunOptions(command("nightly [experiment...]", "run, add to the history, fail on a regression")),
  ).action(async (names: string[], flags: NightlyFlags) => done(await nightlyCommand(names, flags, parts)));
  command("trend [history]", "every figure's nights as one page, with the nights at which they changed")
    .option("--out <file>", "the page to write (default: trend.html beside the history)")
    .action(async (file: string | undefined, flags: TrendFlags) => done(await trendCommand(file, flags, parts)));
  command("report <results>", "make the report again from a results file or a run's folder")
    .option("--out <folder>", "where to write it (default: beside the results)")
    .option("--svg", "every chart as an SVG file of its own too, in the folder's charts/")
    .action(async (file: string, flags: { out?: string; svg?: boolean }) =>
      done(await reportCommand(file, flags, parts)),
    );
}

/** Load on services that somebody else runs, and comparisons of anything that can be run. */
function addServiceCommands(command: Make, parts: Parts, done: Done): void {
  addLiveOptions(
    addLoadOptions(command("load <url|file>", "load on any HTTP service, from a URL or a workload file")),
  ).action(async (target: string, flags: LoadFlags & LiveFlags) =>
    done(await parts.load(loadOptions(target, flags), flags, parts)),
  );
  addCompareOptions(
    command("compare <a> <b>", "is b better than a: designs, git revisions, URLs or results, by pairs of runs"),
  ).action(async (a: string, b: string, flags: CompareFlags) => {
    const catalog = await parts.catalog();
    const designsOf = (name: string): readonly string[] | null => {
      const found = catalog.find((experiment) => experiment.name === name);
      return found === undefined ? null : Object.keys(found.designs);
    };
    done(
      await parts.compare(
        compareOptions(a, b, flags, designsOf, (name) => parts.isRevision(name)),
        parts,
      ),
    );
  });
  addCapacityOptions(
    command("capacity <url|experiment|mm1>", "the highest rate that meets what is asked of it, by open-loop search"),
  ).action(async (target: string, flags: CapacityFlags) =>
    done(await parts.capacity(capacityOptions(target, flags, await parts.catalog()), parts)),
  );
  addCalibrateOptions(command("calibrate", "the instrument against queues whose answer is known")).action(
    async (flags: CalibrateFlags) => done(await parts.calibrate(calibrateOptions(flags), parts)),
  );
}

function addMachineCommands(command: Make, parts: Parts, done: Done): void {
  addAgentCommand(command("agent", "make a part of loads that a coordinator deals out (run --agents)"), parts, done);
  addMergeCommand(command("merge <results...>", "join the results of a load's slices (run --slice)"), parts, done);
}

/** The reference backend by itself. */
function addBackendCommands(command: Make, parts: Parts, done: Done): void {
  command("serve", "the reference backend alone, behind one of its doors, until Ctrl-C")
    .option("--service <name>", "the interface it is called by: dynamodb, etcd, memcached, stripe", "dynamodb")
    .option("--port <port>", "TCP port on 127.0.0.1; 0 picks a free one", "8000")
    .option("--nodes <n>", "nodes of the backend", "3")
    .option("--threads <n>", "worker threads that host them (default: one a core, at most one a node)")
    .option("--data <folder>", "where nodes keep their logs (default: a fresh temporary folder, removed at the end)")
    .option("--quorum <n,r,w>", "replicas of an item, and how many must answer reads and writes (default: 3,2,2)")
    .option(
      "--outbox <url>",
      "NATS server with JetStream that events of charges go to, for instance nats://127.0.0.1:4222",
    )
    .action(async (flags: ServeFlags) => done(await serveCommand(flags, parts)));
  command("peak [url]", "the closed-loop peak of the reference, or of a service that speaks DynamoDB's JSON")
    .option("--connections <n>", "connections that each ask as soon as they are answered", "64")
    .option("--for <time>", "length of each of the three probes", "5s")
    .action(async (url: string | undefined, flags: PeakFlags) => {
      const clean = await parts.peak(peakOptions(url, flags), (text) => parts.terminal.print(text));
      done(clean ? exitCodes.ok : exitCodes.invalid);
    });
  command("simulate", "many seeds of faults against the simulated backend, every check on")
    .option("--seeds <n>", "how many seeds", "100")
    .option("--from <seed>", "the first seed", "1")
    .option("--plant <bug>", "plant a bug by name, to see the checks catch it; `all` prints the table of them")
    .option("--scenario <name>", "only this scenario")
    .action(async (flags: SimulateFlags) => done(await parts.simulate(simulateOptions(flags))));
}

function addRunOptions(run: Command): Command {
  return addMachineOptions(run)
    .option("--tank <tank>", "where: simulation (virtual time), threads (this machine) or both (default: both)")
    .option("--quick", "short plans: the same claims, wider intervals")
    .option("--seed <n>", "the seed of everything random (default: 1)")
    .option("--design <name...>", "only these designs")
    .option("--set <path=value...>", "override any parameter by its path, for instance load.perSecond=500")
    .option("--arrivals <form>", "in place of the plans' own: poisson:1k, ramp:0:2k, sine:900:400:60s, trace:FILE ...")
    .option("--rate <n>", "arrivals a second, in place of the plans' own")
    .option("--for <time>", "length of the load, for instance 10s; faults and warm-up keep their proportions")
    .option("--keys <distribution>", "uniform, zipf:0.99, hotspot:SHARE:KEYS, latest, sequential or exponential")
    .option("--sizes <distribution>", "bytes of a value: 1000, log-normal:800:1.2, etc, file:HISTOGRAM ...")
    .option(
      "--target <target>",
      "direct, dynamodb (own HTTP door), dynamodb=URL (any service that speaks it) or rehearsal; default: direct",
    )
    .option("--rounds <n>", "runs of each design")
    .option("--slices <n>", "threads that generate the load of the threads tank")
    .option("--out <folder>", "where results and report go (default: .wavetank/runs/<utc>-<commit>-<seed>)")
    .option("--json", "only JSON on stdout: the judgements, and where the files are")
    .addHelpText("after", exitCodeHelp);
}

/** commander neither ends the process nor prints an error: both are ours to do. */
function quietly(command: Command, parts: Parts): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => parts.terminal.print(text),
    writeErr: () => {},
    getOutHelpWidth: () => Math.min(parts.terminal.columns(), 110),
  });
}

/** commander's one sentence, in our four lines. */
function fromCommander(error: CommanderError, program: Command, words: readonly string[]): UsageError {
  const typed = words[0];
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  const commands = program.commands.map((c) => c.name());
  if (error.code === "commander.help")
    return new UsageError({
      what: "no command was given",
      got: "nothing",
      expected: `one of ${commands.join(", ")}`,
      fix: "`wavetank run --quick` runs everything briefly; `wavetank --help` explains the rest",
    });
  if (error.code === "commander.unknownCommand")
    return unknownName("command", quoted, commands, "`wavetank --help` shows all");
  const command = program.commands.find((c) => c.name() === typed) ?? program;
  const help = `\`wavetank ${command === program ? "" : `${command.name()} `}--help\` explains the rest`;
  if (error.code === "commander.unknownOption") {
    const options = command.options.map((option) => option.long ?? "");
    return unknownName("option", quoted.replace(/=.*/, ""), [...options, "--help"], help);
  }
  if (error.code === "commander.optionMissingArgument") {
    const name = quoted.split(" ")[0];
    return new UsageError({
      what: "an option has no value",
      got: `${name} and nothing after it`,
      expected: quoted,
      fix: help,
    });
  }
  if (error.code === "commander.missingArgument") {
    return new UsageError({
      what: `${typed} lacks its argument`,
      got: "nothing",
      expected: `wavetank ${typed} <${quoted}>`,
      fix: help,
    });
  }
  return new UsageError({
    what: error.message.replace(/^error: /, "").replace(/\. Expected.*/, ""),
    got: words.join(" "),
    expected: `wavetank ${command.name()} ${command.usage()}`,
    fix: help,
  });
}
