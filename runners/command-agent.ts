/** `wavetank agent`: makes its part of the loads that a coordinator deals out, until Ctrl-C. */
import { hostname } from "node:os";
import type { Command } from "commander";
import { UsageError } from "./command-error.ts";
import { exitCodes } from "./command-exit.ts";
import { parseNats } from "./command-machines.ts";
import type { Parts } from "./command-parts.ts";
import { Interruption } from "./command-terminal.ts";

export interface AgentFlags {
  readonly nats?: string;
  readonly name?: string;
  readonly once?: boolean;
}

export interface AgentCommandOptions {
  readonly natsUrl: string;
  readonly name: string;
  /** End after one run. */
  readonly once: boolean;
}

export function addAgentCommand(agent: Command, parts: Parts, done: (code: number) => void): void {
  agent
    .option("--nats <url>", "the NATS server where the coordinator is, for instance nats://10.0.0.5:4222")
    .option("--name <name>", "slices are dealt in the order of names (default: host and process)")
    .option("--once", "end after one run")
    .action(async (flags: AgentFlags) => done(await agentCommand(flags, parts)));
}

/** @throws UsageError for a value that does not fit */
export function agentOptions(flags: AgentFlags): AgentCommandOptions {
  const natsUrl = parseNats(flags.nats);
  const name = flags.name ?? `${hostname()}-${process.pid}`;
  if (/^[\w.-]{1,100}$/.test(name)) return { natsUrl, name, once: flags.once ?? false };
  throw new UsageError({
    what: "--name does not fit",
    got: name === "" ? "an empty value" : name,
    expected: "1 to 100 letters, digits, dots, hyphens and underscores",
    fix: "for instance --name agent-1, or leave it out",
  });
}

async function agentCommand(flags: AgentFlags, parts: Parts): Promise<number> {
  const options = agentOptions(flags);
  const { terminal } = parts;
  const say = (text: string): void => terminal.note(`agent ${options.name}: ${text}\n`);
  const interruption = new Interruption(
    parts.signals,
    () => say("ends when its load has stopped"),
    (code) => parts.leave(code),
  );
  try {
    await parts.agent(options, interruption.signal, say);
    return interruption.exitCode ?? exitCodes.ok;
  } finally {
    interruption.end();
  }
}
