/**
 * `wavetank serve`: the reference backend alone, on worker threads behind its DynamoDB door, until a signal ends it. Whoever
 * starts it from a script waits for the line that begins with "ready".
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import type { Deployment, Replication } from "../backend/api.ts";
import { oneRegion } from "../backend/kernel/topology.ts";
import { second } from "../backend/kernel/units.ts";
import { UsageError } from "./command-error.ts";
import { exitCodes } from "./command-exit.ts";
import type { Parts } from "./command-parts.ts";
import { prepareFolder } from "./command-run.ts";
import { Interruption } from "./command-terminal.ts";
import * as values from "./command-values.ts";

export interface ServeFlags {
  readonly port?: string;
  readonly nodes?: string;
  readonly threads?: string;
  readonly data?: string;
  readonly quorum?: string;
}

export interface ServeOptions {
  readonly port: number;
  readonly nodes: number;
  readonly threads: number;
  /** Absent: a temporary folder, gone at the end. */
  readonly data?: string;
  readonly replication: Replication;
}

/** What the backend is started with. */
export interface BackendOptions {
  readonly deployment: Deployment;
  readonly directory: string;
  readonly threads: number;
  readonly port: number;
  /** Of tables that CreateTable makes. */
  readonly replication: Replication;
  /** A node found a bug in itself, or its disk failed. */
  readonly onBroken: (error: Error) => void;
}

export interface RunningBackend {
  /** Of the DynamoDB door. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws UsageError for a value that does not fit */
export function serveOptions(flags: ServeFlags): ServeOptions {
  const nodes = values.parseNodes(flags.nodes ?? "3");
  const threads = flags.threads === undefined ? availableParallelism() : values.parseThreads(flags.threads);
  const usual = Math.min(3, nodes);
  const majority = Math.floor(usual / 2) + 1;
  return {
    port: values.parsePort(flags.port ?? "8000"),
    nodes,
    threads: Math.min(threads, nodes),
    data: flags.data,
    replication: values.parseQuorum(flags.quorum ?? `${usual},${majority},${majority}`, nodes),
  };
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
      deployment: deploymentOf(options),
      directory,
      threads: options.threads,
      port: options.port,
      replication: options.replication,
      onBroken: (error) => {
        parts.terminal.note(`wavetank: the backend is broken and stops\n${error.stack ?? error.message}\n`);
        parts.leave(exitCodes.internal);
      },
    });
  } catch (error) {
    if (!/EADDRINUSE|EACCES/.test(String(error))) throw error;
    throw new UsageError({
      what: "the port cannot be listened on",
      got: `--port ${options.port} (${String(error).includes("EACCES") ? "not permitted" : "another program has it"})`,
      expected: "a port of 127.0.0.1 that is free and above 1023",
      fix: "choose another with --port, or --port 0 for any free one",
    });
  }
}

function deploymentOf(options: ServeOptions): Deployment {
  return {
    topology: oneRegion(options.nodes),
    service: { kind: "tables", virtualNodes: 150, quorumTimeoutUs: 2 * second },
    durability: "log",
  };
}

function greeting(options: ServeOptions, url: string, directory: string): string {
  const { n, r, w } = options.replication;
  const gone = options.data === undefined ? " (removed at the end)" : "";
  return `ready  ${url}
${options.nodes} nodes on ${options.threads} threads, tables of N=${n} R=${r} W=${w}, data in ${directory}${gone}

Call it as DynamoDB, from an AWS SDK with endpoint ${url}, any region and any credentials, or by hand:
  dynamodb() { curl -s ${url} --aws-sigv4 aws:amz:local:dynamodb --user any:any \\
    -H 'Content-Type: application/x-amz-json-1.0' -H "X-Amz-Target: DynamoDB_20120810.$1" -d "$2"; echo; }
  dynamodb CreateTable '{"TableName":"tank","BillingMode":"PAY_PER_REQUEST",
    "AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}]}'
  dynamodb PutItem '{"TableName":"tank","Item":{"k":{"S":"wave"},"height":{"N":"3"}}}'
  dynamodb GetItem '{"TableName":"tank","Key":{"k":{"S":"wave"}},"ConsistentRead":true}'

Ctrl-C closes it.
`;
}
