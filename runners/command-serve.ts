/**
 * `wavetank serve`: the reference backend alone, on worker threads behind one of its doors, until a signal ends it. Whoever
 * starts it from a script waits for the line that begins with "ready".
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import type { Deployment, Replication } from "../backend/api.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { formatUsageError, UsageError } from "./command-error.ts";
import { exitCodes } from "./command-exit.ts";
import type { Parts } from "./command-parts.ts";
import { prepareFolder } from "./command-run.ts";
import { Interruption } from "./command-terminal.ts";
import * as values from "./command-values.ts";
import { serveFailure } from "./serve-failures.ts";
import { servedServices } from "./served-services.ts";
import type { ServiceName } from "./served-services.ts";

export interface ServeFlags {
  readonly service?: string;
  readonly port?: string;
  readonly nodes?: string;
  readonly threads?: string;
  readonly data?: string;
  readonly quorum?: string;
  readonly outbox?: string;
}

export interface ServeOptions {
  readonly service: ServiceName;
  readonly port: number;
  readonly nodes: number;
  readonly threads: number;
  /** Absent: a temporary folder, gone at the end. */
  readonly data?: string;
  readonly replication: Replication;
  /** NATS server that events are published to. */
  readonly outbox?: string;
}

/** What the backend is started with. */
export interface BackendOptions {
  readonly service: ServiceName;
  readonly deployment: Deployment;
  readonly directory: string;
  readonly threads: number;
  readonly port: number;
  /** Of tables that CreateTable makes. */
  readonly replication: Replication;
  /** NATS server that events are published to. */
  readonly outbox?: string;
  /** A node found a bug in itself, or its disk failed. */
  readonly onBroken: (error: Error) => void;
}

export interface RunningBackend {
  /** Of its door. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws UsageError for a value that does not fit */
export function serveOptions(flags: ServeFlags): ServeOptions {
  const nodes = values.parseNodes(flags.nodes ?? "3");
  const service = parseService(flags.service ?? "dynamodb");
  const threads = flags.threads === undefined ? usualThreads(service) : values.parseThreads(flags.threads);
  const usual = Math.min(3, nodes);
  const majority = Math.floor(usual / 2) + 1;
  return {
    service,
    outbox: flags.outbox === undefined ? undefined : parseOutbox(flags.outbox, service),
    port: values.parsePort(flags.port ?? "8000"),
    nodes,
    threads: Math.min(threads, nodes),
    data: flags.data,
    replication: values.parseQuorum(flags.quorum ?? `${usual},${majority},${majority}`, nodes),
  };
}

/**
 * One log is led by one node: replicas on the leader's thread get its messages by reference, and those on another thread get them packed,
 * which made a put a third dearer on two threads. So what has a log leaves half of the processors to its clients and the kernel.
 */
function usualThreads(service: ServiceName): number {
  return service === "dynamodb" ? availableParallelism() : Math.max(1, availableParallelism() >> 1);
}

function parseService(text: string): ServiceName {
  if (Object.hasOwn(servedServices, text)) return text as ServiceName;
  throw new UsageError({
    what: "no such service",
    got: `--service ${text}`,
    expected: Object.keys(servedServices).join(", "),
    fix: "name the interface that your client speaks, for instance --service stripe",
  });
}

function parseOutbox(text: string, service: ServiceName): string {
  if (service !== "stripe") {
    throw new UsageError({
      what: "this service has no outbox",
      got: `--outbox with --service ${service}`,
      expected: "--service stripe, whose charges are events for others",
      fix: "add --service stripe, or leave out --outbox",
    });
  }
  if (URL.canParse(text) && /^(nats|tls):$/.test(new URL(text).protocol)) return text;
  throw new UsageError({
    what: "--outbox names no NATS server",
    got: text,
    expected: "nats://HOST:PORT or tls://HOST:PORT",
    fix: "for instance --outbox nats://127.0.0.1:4222, with `nats-server -js` running there",
  });
}

export async function serveCommand(flags: ServeFlags, parts: Parts): Promise<number> {
  const { terminal } = parts;
  const options = serveOptions(flags);
  if (options.data !== undefined) prepareFolder(options.data, "--data");
  const directory = options.data ?? mkdtempSync(path.join(tmpdir(), "wavetank-serve-"));
  const interruption = new Interruption(
    parts.signals,
    () => terminal.note("closing\n"),
    (code) => parts.leave(code),
  );
  try {
    const stopped = new Promise<void>((resolve) => interruption.signal.addEventListener("abort", () => resolve()));
    const backend = await started(options, directory, parts);
    terminal.print(greeting(options, backend.url, directory));
    await stopped;
    await backend.close();
    return interruption.exitCode ?? 0;
  } finally {
    interruption.end();
    if (options.data === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

async function started(options: ServeOptions, directory: string, parts: Parts): Promise<RunningBackend> {
  try {
    return await parts.startBackend({
      service: options.service,
      deployment: deploymentOf(options),
      directory,
      threads: options.threads,
      port: options.port,
      replication: options.replication,
      outbox: options.outbox,
      onBroken: (error) => {
        const mistake = serveFailure(error, options.port, directory);
        if (mistake === undefined)
          parts.terminal.note(`wavetank: the backend is broken and stops\n${error.stack ?? error.message}\n`);
        else parts.terminal.note(formatUsageError(mistake));
        parts.leave(mistake === undefined ? exitCodes.internal : exitCodes.usage);
      },
    });
  } catch (error) {
    throw (error instanceof Error ? serveFailure(error, options.port, directory) : undefined) ?? error;
  }
}

function deploymentOf(options: ServeOptions): Deployment {
  return {
    topology: oneRegion(options.nodes),
    service: servedServices[options.service].spec(options.nodes, options.outbox !== undefined),
    durability: "log",
  };
}

function greeting(options: ServeOptions, url: string, directory: string): string {
  const service = servedServices[options.service];
  const gone = options.data === undefined ? " (removed at the end)" : "";
  const published = options.outbox === undefined ? "" : `Events go to ${options.outbox}, stream charges\n`;
  const kept = service.describe(options.replication, options.nodes);
  return `ready  ${url}
${options.nodes} nodes on ${options.threads} threads, ${kept}, data in ${directory}${gone}
${published}
${service.call(url)}

Ctrl-C closes it.
`;
}
