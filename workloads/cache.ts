/**
 * A cache-aside application: it gets, and what is missing it loads from its source and sets. Besides it sets, deletes, compares and swaps, and counts. Keys
 * are drawn by popularity, sizes of keys and values after Facebook's general-purpose pool ETC, gets and sets as 30 to 1 (Atikoglu et al., "Workload
 * Analysis of a Large-Scale Key-Value Store", SIGMETRICS 2012, sections 3 and 5).
 *
 * A value begins with the id of the write it comes from, so every hit names its write, and the check can ask whether that may be the one.
 */
import type { Answer, Request } from "../backend/api.ts";
import type { CacheOperation, CacheOutcome } from "../backend/api-cache.ts";
import { Random } from "../backend/kernel/random.ts";
import type { Micros } from "../backend/kernel/units.ts";
import { cacheLatches, checkCache } from "./cache-check.ts";
import type { CachePromise } from "./cache-check.ts";
import { idIn, KeyNames, outcomeOf, valueOf } from "./cache-values.ts";
import type { Distribution } from "./distribution.ts";
import { distributionOf, draw, etcKeyBytes, etcValueBytes } from "./distribution.ts";
import { keyChooser } from "./keys.ts";
import type { KeyChooser } from "./keys.ts";
import { Parameters } from "./parameters.ts";
import type { CheckResult, Fact, HistoryEntry, Session, Step, Workload, WorkloadSpec } from "./workload.ts";

export interface CacheMix {
  readonly get?: number;
  readonly set?: number;
  readonly delete?: number;
  /** A get, and a compare-and-swap with what it showed. */
  readonly swap?: number;
  /** An increment by one, of a counter of its own kind. */
  readonly count?: number;
}

export interface CacheParameters {
  /** Distribution of keys. Default "zipf:0.99:10000". */
  readonly keys?: string;
  /** Weights. Default 30 gets to 1 set. */
  readonly mix?: CacheMix;
  /** Default ETC's: generalised extreme value. */
  readonly keyBytes?: Distribution;
  /** Default ETC's: generalised Pareto, cut at 100 kB. */
  readonly valueBytes?: Distribution;
  /** Seconds that a value lives. Default 600. */
  readonly ttlS?: Distribution;
  /** Whether what is missing is loaded and set. Default true. */
  readonly load?: boolean;
  /** How long loading takes. Default exponential with mean 5 ms. */
  readonly loadUs?: Distribution;
  /** So many keys, from number 0 on, are set before the load. Default 0. */
  readonly preload?: number;
  /** Nodes that clients of each home enter by; an empty list: any. Default one home, any node. */
  readonly homes?: readonly (readonly number[])[];
  /** Numbers of arrivals at which another phase of the counts begins. Default none. */
  readonly phases?: readonly number[];
  /** Zones that an acknowledged write is in: "all", or "some", when a stale value is counted and is no violation. Default "some". */
  readonly latch?: CachePromise["latch"];
  /** What a counter that lost increments is: false, counted; true, a violation. Default false. */
  readonly countsKept?: boolean;
  /** How long after a write a zone may carry it out. Default 1 s. */
  readonly lateUs?: Micros;
  /** What times to live and instants may be wrong by. Default 2 s, since they are counted in whole seconds. */
  readonly skewUs?: Micros;
}

const mostValueBytes = 100_000;

export const cacheDefaults = {
  keys: "zipf:0.99:10000",
  mix: { get: 30, set: 1, delete: 0, swap: 0, count: 0 },
  keyBytes: etcKeyBytes,
  valueBytes: { ...(etcValueBytes as object), most: mostValueBytes } as Distribution,
  ttlS: 600,
  load: true,
  loadUs: { kind: "exponential", mean: 5_000 },
  preload: 0,
  homes: [[]],
  phases: [],
  latch: "some",
  countsKept: false,
  lateUs: 1_000_000,
  skewUs: 2_000_000,
} satisfies Required<CacheParameters>;

export function cache(parameters: CacheParameters = {}): WorkloadSpec {
  return { name: "cache", parameters: { ...cacheDefaults, ...parameters } };
}

const kinds = ["get", "set", "delete", "swap", "count"] as const;
type Kind = (typeof kinds)[number];

/** Sets in one request before the load. */
const preloadBatch = 500;

export class Cache implements Workload {
  readonly name = "cache";
  private readonly plan: Plan;
  private readonly keys: KeyChooser;
  /** Of places in `kinds`. */
  private readonly mix: Distribution;
  private readonly preload: number;
  private readonly homes: readonly (readonly number[])[];
  private readonly phases: readonly number[];
  private readonly promise: CachePromise;

  constructor(given: Readonly<Record<string, unknown>>) {
    const parameters = new Parameters("cache", cacheDefaults, given);
    this.plan = {
      names: new KeyNames(distributionOf(parameters, "keyBytes")),
      valueBytes: distributionOf(parameters, "valueBytes"),
      ttlS: distributionOf(parameters, "ttlS"),
      load: parameters.boolean("load"),
      loadUs: distributionOf(parameters, "loadUs"),
    };
    this.keys = keyChooser(parameters.text("keys"));
    this.mix = { kind: "histogram", values: [...kinds.keys()], weights: weightsOf(parameters) };
    this.preload = parameters.whole("preload", 0, 10_000_000);
    this.homes = homesOf(parameters);
    this.phases = phasesOf(parameters);
    const latch = parameters.text("latch") as CachePromise["latch"];
    if (!cacheLatches.includes(latch)) throw parameters.mistake("latch", latch, "all or some", '"all"');
    this.promise = {
      latch,
      countsKept: parameters.boolean("countsKept"),
      lateUs: parameters.whole("lateUs", 0, Infinity),
      skewUs: parameters.whole("skewUs", 0, Infinity),
    };
  }

  setup(): readonly Request[] {
    const requests: Request[] = [];
    for (let from = 0; from < this.preload; from += preloadBatch) {
      const length = Math.min(preloadBatch, this.preload - from);
      const operations = Array.from({ length }, (_, i) => this.preloaded(from + i));
      requests.push({ kind: "cache", operations });
    }
    // The first once more: nodes that have just started refuse what may have been sent before they died.
    return [...requests, ...requests.slice(0, 1)];
  }

  begin(arrival: number, random: Random): Session {
    const home = this.homes.length > 1 ? random.below(this.homes.length) : 0;
    const entries = this.homes[home];
    const entry = entries.length === 0 ? undefined : random.pick(entries);
    let phase = 0;
    while (phase < this.phases.length && arrival >= this.phases[phase]) phase++;
    const kind = kinds[draw(this.mix, random)];
    const key = kind === "count" ? `counter-${random.below(8)}` : this.plan.names.of(this.keys.next(random, arrival));
    return new CacheSession(this.plan, { arrival, kind, key, home, phase, entry }, random);
  }

  finalReads(history: readonly HistoryEntry[]): readonly Request[] {
    return countersIn(history).map((key) => ({ kind: "cache", operations: [{ kind: "get", key }] }));
  }

  check(history: readonly HistoryEntry[], finals: readonly Answer[]): CheckResult {
    const counters = new Map(countersIn(history).map((key, i) => [key, numberIn(finals[i])]));
    return checkCache(history, counters, this.promise);
  }

  /** The name of key number `index`. */
  keyOf(index: number): string {
    return this.plan.names.of(index);
  }

  /** Writes what the answer to a step says into the step's fact. */
  hear({ fact }: Step, answer: Answer): void {
    const outcome = outcomeOf(answer);
    if (outcome !== undefined) Object.assign(fact!, told(outcome));
  }

  private preloaded(index: number): CacheOperation {
    const random = Random.stream(index, "preload");
    return storing(this.plan, this.plan.names.of(index), "preload", random, draw(this.plan.ttlS, random));
  }
}

interface Plan {
  readonly names: KeyNames;
  readonly valueBytes: Distribution;
  readonly ttlS: Distribution;
  readonly load: boolean;
  readonly loadUs: Distribution;
}

interface Visit {
  readonly arrival: number;
  readonly kind: Kind;
  readonly key: string;
  readonly home: number;
  readonly phase: number;
  readonly entry: number | undefined;
}

/** get ── missing ──> load       get ── hit ──> swap       or one step alone */
class CacheSession implements Session {
  private readonly plan: Plan;
  private readonly visit: Visit;
  private readonly random: Random;
  private step: Step | null = null;

  constructor(plan: Plan, visit: Visit, random: Random) {
    this.plan = plan;
    this.visit = visit;
    this.random = random;
  }

  next(previous: Answer | null): Step | null {
    const { kind, key } = this.visit;
    if (this.step === null || previous === null) return this.first(kind, key);
    const outcome = outcomeOf(previous);
    const { fact, operation } = this.step;
    Object.assign(fact!, outcome === undefined ? {} : told(outcome));
    if (operation !== "get" || outcome === undefined) return null;
    const thinkUs = draw(this.plan.loadUs, this.random);
    if (outcome.kind === "missing") return this.plan.load ? this.writing("load", key, thinkUs) : null;
    if (outcome.kind !== "hit" || kind !== "swap") return null;
    return this.writing("swap", key, thinkUs, outcome.cas);
  }

  private first(kind: Kind, key: string): Step {
    switch (kind) {
      case "get":
      case "swap":
        return this.ask("get", { kind: "get", key }, 0, { kind: "get", key });
      case "set":
        return this.writing("set", key, 0);
      case "delete":
        return this.ask("delete", { kind: "delete", key }, 0, { kind: "delete", key });
      case "count": {
        const count = { kind: "arithmetic", key, delta: 1n, decrement: false, vivifyS: 1e6, initial: 1n } as const;
        return this.ask("count", count, 0, { kind: "count", key });
      }
    }
  }

  private writing(operation: string, key: string, thinkUs: Micros, compareCas?: number): Step {
    const id = `${this.visit.arrival}.${operation}`;
    const ttlS = draw(this.plan.ttlS, this.random);
    const asked = storing(this.plan, key, id, this.random, ttlS);
    const compared = compareCas === undefined ? {} : { compareCas };
    const fact: Fact = { kind: operation === "swap" ? "swap" : "set", key, id, ttlS, ...compared };
    return this.ask(operation, { ...asked, ...compared }, thinkUs, fact);
  }

  private ask(operation: string, asked: CacheOperation, thinkUs: Micros, what: Fact): Step {
    const { home, phase, entry } = this.visit;
    const fact: Fact = { ...what, home, phase };
    const request = { kind: "cache", operations: [asked] } as const;
    this.step = { operation, request, thinkUs, fact, ...(entry === undefined ? {} : { entry }) };
    return this.step;
  }
}

function storing({ valueBytes }: Plan, key: string, id: string, random: Random, ttlS: number) {
  const value = valueOf(id, draw(valueBytes, random));
  return { kind: "store", mode: "set", key, value, flags: 0, ttlS } as const;
}

function told(outcome: CacheOutcome): Record<string, unknown> {
  if (outcome.kind === "hit") return { said: "hit", shown: idIn(outcome.value), cas: outcome.cas };
  if (outcome.kind === "counted") return { said: "counted", count: Number(outcome.value) };
  return { said: outcome.kind };
}

function countersIn(history: readonly HistoryEntry[]): string[] {
  return [...new Set(history.flatMap(({ fact }) => (fact.kind === "count" ? [String(fact.key)] : [])))].sort();
}

/** Undefined: it could not be read. 0: nothing is there. */
function numberIn(answer: Answer | undefined): number | undefined {
  const outcome = answer === undefined ? undefined : outcomeOf(answer);
  if (outcome?.kind === "missing") return 0;
  return outcome?.kind === "hit" ? Number(new TextDecoder().decode(outcome.value)) : undefined;
}

function weightsOf(parameters: Parameters): readonly number[] {
  const mix = parameters.raw("mix") as Readonly<Record<string, unknown>> | null;
  const known =
    mix !== null && typeof mix === "object" && Object.keys(mix).every((name) => kinds.includes(name as Kind));
  const weights = known ? kinds.map((kind) => mix[kind] ?? 0) : [];
  const fit = weights.every((weight) => typeof weight === "number" && weight >= 0 && Number.isFinite(weight));
  if (known && fit && weights.some((weight) => (weight as number) > 0)) return weights as unknown as readonly number[];
  throw parameters.mistake("mix", mix, `weights of ${kinds.join(", ")}, one of them above 0`, "{ get: 30, set: 1 }");
}

function homesOf(parameters: Parameters): readonly (readonly number[])[] {
  const homes = parameters.raw("homes");
  const isNode = (node: unknown): boolean => Number.isSafeInteger(node) && (node as number) >= 0;
  const isHome = (home: unknown): boolean => Array.isArray(home) && home.every(isNode);
  if (Array.isArray(homes) && homes.length > 0 && homes.every(isHome)) return homes as readonly (readonly number[])[];
  throw parameters.mistake("homes", homes, "lists of entry nodes, at least one list", "[[0], [1]]");
}

function phasesOf(parameters: Parameters): readonly number[] {
  const phases = parameters.raw("phases");
  const rises = (at: unknown, i: number, all: readonly unknown[]): boolean =>
    Number.isSafeInteger(at) && (at as number) > (i === 0 ? 0 : (all[i - 1] as number));
  if (Array.isArray(phases) && phases.every(rises)) return phases as readonly number[];
  throw parameters.mistake("phases", phases, "numbers of arrivals, each above the one before", "[1000, 2000]");
}
