/**
 * `wavetank load <url|file>`: open-loop load on any HTTP service, from one request or from a workload file, with checks on its
 * answers, thresholds, a report, and an exit code.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { second } from "../backend/kernel/units.ts";
import type { Distribution } from "../workloads/distribution.ts";
import type { HttpCall } from "../workloads/http.ts";
import { parseArrivals } from "./arrivals-text.ts";
import { UsageError, unknownName } from "./command-error.ts";
import * as values from "./command-values.ts";
import type { LoadShape } from "./experiment.ts";
import type { LoadPlan, LoadSource } from "./load/load-plan.ts";
import { parseReplyCheck } from "./load/reply-check.ts";
import { parseThreshold, type Threshold } from "./load/threshold.ts";

export interface LoadFlags {
  readonly url?: string;
  readonly method?: string;
  readonly header?: readonly string[];
  readonly body?: string;
  readonly rate?: string;
  readonly arrivals?: string;
  readonly for?: string;
  readonly warmUp?: string;
  readonly connections?: string;
  readonly pipelining?: string;
  readonly timeout?: string;
  readonly within?: string;
  readonly check?: readonly string[];
  readonly slo?: readonly string[];
  readonly rounds?: string;
  readonly slices?: string;
  readonly seed?: string;
  readonly users?: string;
  readonly think?: string;
  readonly engine?: string;
  readonly insecure?: boolean;
  readonly watch?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

export interface ClosedOptions {
  readonly users: number;
  /** Microseconds. */
  readonly think?: Distribution;
  readonly engine: "own" | "autocannon";
}

export interface LoadOptions {
  readonly plan: LoadPlan;
  readonly thresholds: readonly Threshold[];
  readonly rerun: string;
  readonly out?: string;
  readonly json: boolean;
  /** Present: a closed loop in place of the open one. */
  readonly closed?: ClosedOptions;
  /** Runs again whenever the workload file is saved. */
  readonly watch: boolean;
}

export function addLoadOptions(command: Command): Command {
  return command
    .option("--url <url>", "the service, where the first argument is a workload file")
    .option("-X, --method <method>", "GET, or POST when there is a body")
    .option("-H, --header <name: value...>", "a header of the request")
    .option("-d, --body <text>", "its body; @FILE reads it from a file")
    .option("--rate <n>", "arrivals a second, evenly spaced (default: 100)")
    .option("--arrivals <shape>", "their shape, for instance poisson:1k, ramp:0:5k, spike:100:2k:10s:5s, trace:FILE")
    .option("--for <time>", "length of the load (default: 10s)")
    .option("--warm-up <time>", "cut from the start of every figure (default: a tenth of the load)")
    .option(
      "--connections <n>",
      "connections of each slice, at most; what finds none free waits, and that is latency (default: 256)",
    )
    .option("--pipelining <n>", "requests under way on one connection, at most (default: 1)")
    .option("--timeout <time>", "how long an answer is waited for (default: 10s)")
    .option("--within <time>", "an answer that takes longer counts as ok and not as good")
    .option("--check <check...>", "what an answer must be like: status=200, header:x~RE, body~RE, json:$.ok=true")
    .option("--slo <threshold...>", "what the load must meet: p99<50ms, errors<0.1%, rate>950")
    .option("--rounds <n>", "runs (default: 1)")
    .option("--slices <n>", "threads that generate the load (default: 1)")
    .option("--seed <n>", "the seed of everything random (default: 1)")
    .option("--users <n>", "a closed loop of so many users instead of arrivals: finds a peak, hides stalls")
    .option("--think <time>", "what a user thinks from an answer to the next request: 100ms, or exponential:100ms")
    .option("--engine <name>", "of the closed loop: own or autocannon (default: own)")
    .option("--insecure", "take a certificate that nobody vouches for")
    .option("--watch", "run again whenever the workload file is saved")
    .option("--out <folder>", "where results and report go (default: .wavetank/runs/<utc>-<commit>-<seed>)")
    .option("--json", "only JSON on stdout: the figures, the judgements, and where the files are");
}

/** @throws UsageError for a value that does not fit */
export function loadOptions(target: string, flags: LoadFlags): LoadOptions {
  const url = flags.url ?? (isUrl(target) ? target : undefined);
  const file = isUrl(target) ? undefined : target;
  if (url === undefined) {
    throw new UsageError({
      what: "the service to load has no URL",
      got: target,
      expected: "wavetank load http://HOST:PORT/PATH, or wavetank load FILE.workload.ts --url http://HOST:PORT",
      fix: file?.endsWith(".ts") === true ? "add --url" : `write http://${target}`,
    });
  }
  const address = addressOf(url);
  const forS = values.parseDuration(flags.for ?? "10s");
  const warmUpS = flags.warmUp === undefined ? forS / 10 : duration("--warm-up", flags.warmUp);
  if (warmUpS >= forS) {
    throw new UsageError({
      what: "the warm-up leaves nothing to measure",
      got: `--warm-up ${flags.warmUp} of --for ${flags.for ?? "10s"}`,
      expected: "a warm-up that is shorter than the load",
      fix: "make the load longer or the warm-up shorter",
    });
  }
  const plan: LoadPlan = {
    endpoint: {
      origin: address.origin,
      connections: values.parseConnections(flags.connections ?? "256"),
      pipelining: values.parsePipelining(flags.pipelining ?? "1"),
      timeoutUs: duration("--timeout", flags.timeout ?? "10s") * second,
      insecure: flags.insecure ?? false,
    },
    source: sourceOf(file, address, flags),
    checks: (flags.check ?? []).map(parseReplyCheck),
    load: loadOf(flags),
    forUs: Math.round(forS * second),
    warmUpUs: Math.round(warmUpS * second),
    ...(flags.within === undefined ? {} : { goodWithinUs: Math.round(duration("--within", flags.within) * second) }),
    rounds: values.parseRounds(flags.rounds ?? "1"),
    slices: values.parseSlices(flags.slices ?? "1"),
    seed: values.parseSeed(flags.seed ?? "1"),
  };
  return {
    plan,
    thresholds: (flags.slo ?? []).map(parseThreshold),
    rerun: rerunLine(target, flags),
    out: flags.out,
    json: flags.json ?? false,
    ...(flags.users === undefined ? {} : { closed: closedOf(flags.users, flags, file) }),
    watch: flags.watch ?? false,
  };
}

function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

function addressOf(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError({
    what: "the service to load is no HTTP URL",
    got: text,
    expected: "http://HOST:PORT/PATH or https://HOST/PATH",
    fix: "for instance http://127.0.0.1:8080/",
  });
}

function sourceOf(file: string | undefined, { pathname, search }: URL, flags: LoadFlags): LoadSource {
  const { method, header, body } = flags;
  if (file === undefined) return { kind: "call", call: callOf(`${pathname}${search}`, flags) };
  const given = [
    method === undefined ? "" : "--method",
    header === undefined ? "" : "--header",
    body === undefined ? "" : "--body",
  ];
  const clash = given.filter((each) => each !== "");
  if (clash.length === 0) return { kind: "file", path: path.resolve(file) };
  throw new UsageError({
    what: "a workload file says itself what is asked",
    got: `${file} and ${clash.join(", ")}`,
    expected: "either a workload file, or a URL with a method, headers and a body",
    fix: "put them into the file's operations",
  });
}

function callOf(target: string, { method, header, body }: LoadFlags): HttpCall {
  return {
    path: target,
    ...(method === undefined ? {} : { method: method.toUpperCase() }),
    ...(header === undefined ? {} : { headers: Object.fromEntries(header.map(headerOf)) }),
    ...(body === undefined ? {} : { body: bodyOf(body) }),
  };
}

function headerOf(text: string): [string, string] {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\r\n]*)$/.exec(text);
  if (match !== null) return [match[1], match[2]];
  throw new UsageError({
    what: "--header is no header",
    got: text,
    expected: "NAME: VALUE on one line",
    fix: "for instance -H 'Accept: application/json'",
  });
}

function bodyOf(text: string): string {
  if (!text.startsWith("@")) return text;
  try {
    return readFileSync(text.slice(1), "utf8");
  } catch (error) {
    throw new UsageError({
      what: "the file of --body cannot be read",
      got: `${text.slice(1)} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a file, after the @",
      fix: "check the path; a body that itself begins with @ must come from a file",
    });
  }
}

function loadOf({ arrivals, rate }: LoadFlags): LoadShape {
  if (arrivals !== undefined) return parseArrivals(arrivals);
  return { kind: "constant", perSecond: values.parseRate(rate ?? "100") };
}

function closedOf(users: string, { think, engine = "own", slo }: LoadFlags, file: string | undefined): ClosedOptions {
  if (engine !== "own" && engine !== "autocannon")
    throw unknownName("engine", engine, ["own", "autocannon"], "leave --engine out for our own");
  const clash = file !== undefined ? "a workload file" : slo !== undefined ? "--slo" : undefined;
  if (clash !== undefined || (engine === "autocannon" && think !== undefined)) {
    throw new UsageError({
      what: "a closed loop cannot do that",
      got: `--users ${users} with ${clash ?? "--think and --engine autocannon"}`,
      expected: "one request at a URL, no threshold, and think time only with our own engine",
      fix: "leave --users out: arrivals of an open loop can do all of it, and show stalls",
    });
  }
  return {
    users: values.parseUsers(users),
    engine,
    ...(think === undefined ? {} : { think: thinkOf(think) }),
  };
}

function thinkOf(text: string): Distribution {
  const [kind, time] = text.startsWith("exponential:") ? ["exponential", text.slice(12)] : ["constant", text];
  const us = Math.round(duration("--think", time) * second);
  return kind === "exponential" ? { kind, mean: us } : us;
}

/** Seconds; the option's own name in the error. */
function duration(option: string, text: string): number {
  try {
    return values.parseDuration(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError({
      what: `${option} is not a duration`,
      got: text === "" ? "an empty value" : text,
      expected: "a number above 0 with a unit: ms, s, m or h",
      fix: `for instance ${option} 500ms`,
    });
  }
}

function rerunLine(target: string, flags: LoadFlags): string {
  const words = [target];
  const names: Readonly<Record<string, string>> = { warmUp: "warm-up" };
  for (const [name, value] of Object.entries(flags)) {
    if (name === "out" || name === "json" || name === "watch") continue;
    const option = `--${names[name] ?? name}`;
    if (value === true) words.push(option);
    else if (Array.isArray(value)) words.push(option, ...(value as string[]));
    else if (typeof value === "string") words.push(option, value);
  }
  return ["npm run wavetank -- load", ...words.map(values.quote)].join(" ");
}
