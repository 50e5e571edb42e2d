/**
 * The values that options take, from text to types. Each parser either returns a value that the rest of the program may trust
 * or throws a UsageError that says what was got, what was expected and how to write it.
 */
import { parseKeys as parseKeysSpec } from "../workloads/keys.ts";
import type { Replication } from "../backend/api.ts";
import { UsageError, unknownName } from "./command-error.ts";
import type { Tank } from "./experiment.ts";
import type { Override, TargetSpec } from "./suite-types.ts";

export const tankNames = ["simulation", "threads", "both"] as const;

export function parseTanks(text: string): Tank[] {
  if (text === "both") return ["simulation", "threads"];
  if (text === "simulation" || text === "threads") return [text];
  throw unknownName("tank", text, tankNames, "write --tank simulation, --tank threads or --tank both");
}

interface Bounds {
  readonly option: string;
  readonly from: number;
  readonly to: number;
  readonly example: string;
}

function parseWhole(text: string, bounds: Bounds): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= bounds.from && value <= bounds.to) return value;
  throw new UsageError({
    what: `${bounds.option} is not a whole number in its range`,
    got: shown(text),
    expected: `a whole number from ${bounds.from} to ${bounds.to}`,
    fix: `for instance ${bounds.option} ${bounds.example}`,
  });
}

const seed = { option: "--seed", from: 0, to: Number.MAX_SAFE_INTEGER, example: "42" };
export const parseSeed = (text: string): number => parseWhole(text, seed);
export const parseRounds = (text: string): number =>
  parseWhole(text, { option: "--rounds", from: 1, to: 1_000, example: "5" });
export const parseUsers = (text: string): number =>
  parseWhole(text, { option: "--users", from: 1, to: 100_000, example: "64" });
export const parseProbes = (text: string): number =>
  parseWhole(text, { option: "--probes", from: 3, to: 1_000, example: "30" });
export const parsePairs = (text: string): number =>
  parseWhole(text, { option: "--pairs", from: 1, to: 10_000, example: "20" });
export const parseSeeds = (text: string): number =>
  parseWhole(text, { option: "--seeds", from: 1, to: 1_000_000_000, example: "1000" });
export const parseFrom = (text: string): number => parseWhole(text, { ...seed, option: "--from", example: "1" });
export const parsePort = (text: string): number =>
  parseWhole(text, { option: "--port", from: 0, to: 65_535, example: "8000 (0 picks a free one)" });
export const parseNodes = (text: string): number =>
  parseWhole(text, { option: "--nodes", from: 1, to: 1_000, example: "3" });
export const parseThreads = (text: string): number =>
  parseWhole(text, { option: "--threads", from: 1, to: 256, example: "2" });
export const parseConnections = (text: string): number =>
  parseWhole(text, { option: "--connections", from: 1, to: 10_000, example: "64" });
export const parsePipelining = (text: string): number =>
  parseWhole(text, { option: "--pipelining", from: 1, to: 1_000, example: "1" });
export const parseSlices = (text: string): number =>
  parseWhole(text, { option: "--slices", from: 1, to: 256, example: "2" });

/** Arrivals a second; `k` and `M` multiply. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) * { "": 1, k: 1_000, M: 1_000_000 }[match[2] as "" | "k" | "M"];
  if (value > 0) return value;
  throw new UsageError({
    what: "--rate is not a rate",
    got: shown(text),
    expected: "arrivals a second, a number above 0",
    fix: "for instance --rate 500 or --rate 20k",
  });
}

const secondsPerUnit: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600 };

/** A duration as seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) * secondsPerUnit[match[2]];
  if (value > 0) return value;
  const bare = /^\d+(?:\.\d+)?$/.test(text) && Number(text) > 0;
  throw new UsageError({
    what: "--for is not a duration",
    got: shown(text),
    expected: "a number above 0 with a unit: ms, s, m or h",
    fix: bare ? `did you mean --for ${text}s?` : "for instance --for 10s or --for 2m",
  });
}

/** What a kind of keys means without parameters. */
const usualKeys: Readonly<Record<string, string>> = {
  uniform: "uniform",
  zipf: "zipf:0.99",
  hotspot: "hotspot:0.8:1",
  latest: "latest:0.99",
  sequential: "sequential",
  exponential: "exponential:95:0.857",
};

/** A key distribution, checked by the workloads' own rule; a kind alone has its usual parameters. */
export function parseKeys(text: string): string {
  const [kind] = text.split(":");
  if (!Object.hasOwn(usualKeys, kind))
    throw unknownName("key distribution", kind, Object.keys(usualKeys), "write --keys zipf:0.99");
  const full = usualKeys[text] ?? text;
  parseKeysSpec(full);
  return full;
}

export function parseTarget(text: string): TargetSpec {
  if (text === "direct") return { kind: "direct" };
  if (text === "dynamodb") return { kind: "dynamodb" };
  if (text === "rehearsal") return { kind: "rehearsal" };
  if (!text.startsWith("dynamodb="))
    throw unknownName(
      "target",
      text,
      ["direct", "dynamodb", "dynamodb=URL", "rehearsal"],
      "write --target dynamodb=http://127.0.0.1:8000",
    );
  const url = text.slice("dynamodb=".length);
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return { kind: "dynamodb", url };
  throw new UsageError({
    what: "the address of --target dynamodb is not an HTTP URL",
    got: shown(url),
    expected: "http://HOST:PORT or https://HOST",
    fix: "for instance --target dynamodb=http://127.0.0.1:8000",
  });
}

/** `path=value`; the value is JSON where it reads as JSON (numbers, true, null, objects), else the text itself. */
export function parseOverride(text: string): Override {
  const at = text.indexOf("=");
  const path = text.slice(0, Math.max(at, 0));
  if (!/^[\w-]+(\.([\w-]+|\*))*$/.test(path))
    throw new UsageError({
      what: "--set has no path and value",
      got: shown(text),
      expected: "path=value, where the path is names joined by dots (* stands for every design)",
      fix: "for instance --set load.perSecond=500; `wavetank list --json` prints every path",
    });
  return { path, value: jsonOrText(text.slice(at + 1)) };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** `N,R,W` for a backend of `nodes` nodes. */
export function parseQuorum(text: string, nodes: number): Replication {
  const [n, r, w] = text.split(",").map((part) => (/^\d+$/.test(part) ? Number(part) : NaN));
  const whole = /^\d+,\d+,\d+$/.test(text);
  if (whole && n >= 1 && n <= nodes && r >= 1 && r <= n && w >= 1 && w <= n) return { n, r, w, sloppy: false };
  throw new UsageError({
    what: "--quorum does not fit",
    got: shown(text),
    expected: `N,R,W with 1 <= N <= ${nodes} (the nodes there are), 1 <= R <= N and 1 <= W <= N`,
    fix: whole && n > nodes ? `ask for --nodes ${n}, or for fewer replicas` : "for instance --quorum 3,2,2",
  });
}

const shown = (text: string): string => (text === "" ? "an empty value" : text);

/** As a POSIX shell reads it back. */
export const quote = (word: string): string =>
  /^[\w.,:=/@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
