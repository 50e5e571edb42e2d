/**
 * What a bench starts and must not leave behind: a folder for everything it writes, the servers it launched and the programs it runs
 * beside them. `withBench` ends all of it, in reverse order and by process id, when its body returns, throws or is interrupted
 * (SIGINT, SIGTERM, SIGHUP).
 *
 *     signal ──> interrupted ──> what runs is ended, what waits rejects ──> servers stopped ──> folder removed ──> exit code 128 + n
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { ensureSystemPackages, findProgram } from "../system-packages.ts";
import { processorSeconds } from "./processor-time.ts";

const stopPatienceMs = 5_000;
const pollMs = 100;
const mostOutputBytes = 64 << 20;
const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Bench {
  /** Temporary; removed at the end with all that is in it. */
  readonly folder: string;
  readonly interrupted: AbortSignal;
  /** Called at the end, the last first. */
  readonly endings: (() => Promise<void>)[];
}

/** @throws what the body throws, after everything has ended; an interruption sets the exit code and is not thrown. */
export async function withBench(name: string, body: (bench: Bench) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    process.exitCode = 128 + constants.signals[signal];
    controller.abort(new Error(`interrupted by ${signal}`));
  };
  for (const signal of endingSignals) process.on(signal, interrupt);
  const folder = mkdtempSync(join(tmpdir(), `wavetank-${name}-`));
  const bench: Bench = { folder, interrupted: controller.signal, endings: [] };
  try {
    await body(bench);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    process.stderr.write(`bench:peers: ${(controller.signal.reason as Error).message}\n`);
  } finally {
    for (const end of bench.endings.reverse()) await end();
    // A killed server's own children may still be on their way out.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: pollMs });
    for (const signal of endingSignals) process.off(signal, interrupt);
  }
}

/** A server under measurement: where it is asked, and its processes, whose processor time is its cost. */
export interface Target {
  readonly url: string;
  readonly pids: readonly number[];
}

export interface Launch {
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** How the program is asked to end; SIGTERM by default. After some seconds it is killed. */
  readonly stopSignal?: NodeJS.Signals;
}

export interface Launched {
  readonly name: string;
  readonly child: ChildProcess;
  /** What it printed so far. */
  log(): string;
}

/** Starts a server; what it prints goes to a file of the bench's folder, and it ends with the bench. */
export function launch(bench: Bench, { name, command, environment, stopSignal }: Launch): Launched {
  const file = join(bench.folder, `${name}.log`);
  const descriptor = openSync(file, "w");
  const [program, ...flags] = command;
  const child = spawn(program, flags, {
    cwd: bench.folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", descriptor, descriptor],
  });
  closeSync(descriptor);
  // A program that does not exist: whoever waits for the server finds it dead and prints why.
  let failure = "";
  child.on("error", (error) => (failure = error.message));
  bench.endings.push(() => stop(child, stopSignal));
  return { name, child, log: () => failure + readFileSync(file, "utf8") };
}

/**
 * Asks until `ask` returns something; what it throws or returns undefined for means "not yet".
 * @throws Error with the end of the server's log when it has ended or time is up
 */
export async function ready<T>(
  bench: Bench,
  server: Launched,
  ask: () => T | undefined | Promise<T | undefined>,
  limitMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let last = "";
  while (performance.now() < deadline && isRunning(server.child)) {
    bench.interrupted.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = (error as Error).message;
    }
    await delay(pollMs, undefined, { signal: bench.interrupted });
  }
  const end = isRunning(server.child) ? `is not ready after ${limitMs / 1_000} s` : "ended before it was ready";
  throw new Error(`${server.name} ${end} (${last}); the end of what it printed:\n${server.log().slice(-2_000)}`);
}

/** Runs a program to its end and returns what it printed. An interruption ends the program, then rejects. */
export async function run(bench: Bench, command: readonly [string, ...string[]]): Promise<string> {
  bench.interrupted.throwIfAborted();
  const [program, ...flags] = command;
  const options = { encoding: "utf8", cwd: bench.folder, maxBuffer: mostOutputBytes } as const;
  const running = promisify(execFile)(program, flags, options);
  const end = (): boolean => running.child.kill();
  bench.interrupted.addEventListener("abort", end);
  try {
    return (await running).stdout;
  } catch (error) {
    bench.interrupted.throwIfAborted();
    throw error;
  } finally {
    bench.interrupted.removeEventListener("abort", end);
  }
}

/** The same for a program that measures; `cpuSeconds`: what the server used meanwhile. */
export async function runAgainst(
  bench: Bench,
  { pids }: Target,
  command: readonly [string, ...string[]],
): Promise<{ readonly stdout: string; readonly cpuSeconds: number }> {
  const before = processorSeconds(pids);
  const stdout = await run(bench, command);
  return { stdout, cpuSeconds: processorSeconds(pids) - before };
}

/** Installs what can be installed; without one of the programs there is nothing to compare, which is said and is the exit code. */
export function hasPrograms(packages: readonly string[], programs: readonly string[]): boolean {
  ensureSystemPackages(packages);
  const missing = programs.filter((name) => findProgram([name]) === undefined);
  if (missing.length === 0) return true;
  process.stderr.write(`bench:peers: not on the path, so there is nothing to compare: ${missing.join(", ")}\n`);
  process.exitCode = 2;
  return false;
}

export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), stopPatienceMs);
  await ended;
  clearTimeout(late);
}

/** Ports that nobody listened on a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(probes.map((probe) => once(probe, "listening")));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  for (const probe of probes) probe.close();
  await Promise.all(probes.map((probe) => once(probe, "close")));
  return ports;
}
