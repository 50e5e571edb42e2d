/**
 * Arrivals in their short form, as `--arrivals` takes them. Rates are a second and may end in k or M; durations have a unit.
 *
 *     constant:1000                          poisson:1k
 *     ramp:100:1500                          from one rate to the other over the whole load
 *     step:100,0,700                         each for an equal share of the load
 *     spike:200:2k:10s:5s                    base, peak, when, for how long
 *     sine:1000:400:60s[:15s]                mean, amplitude, period, how far into the period it begins
 *     bursts:5k:100ms:900ms[:50]             rate, on, off, rate while off
 *     sessions:50:0.8:2s                     new sessions a second, chance of another visit, mean think time
 *     trace:arrivals.csv[:0.5]               file, factor on its times
 *
 * Ramps, steps, spikes, waves and bursts are evenly spaced, and Poisson with `:poisson` behind them.
 */
import { second, type Micros } from "../backend/kernel/units.ts";
import { UsageError, unknownName } from "./command-error.ts";
import type { LoadShape } from "./experiment.ts";
import { checkLoad } from "./load-check.ts";

type Kind = LoadShape["kind"];

/** How each kind is written, for errors and for `--help`. */
export const arrivalForms: Readonly<Record<Kind, string>> = {
  constant: "constant:RATE",
  poisson: "poisson:RATE",
  ramp: "ramp:FROM:TO[:poisson]",
  step: "step:RATE,RATE,...[:poisson]",
  spike: "spike:RATE:PEAK:AT:LENGTH[:poisson]",
  sine: "sine:RATE:AMPLITUDE:PERIOD[:PHASE][:poisson]",
  bursts: "bursts:RATE:ON:OFF[:RATE][:poisson]",
  sessions: "sessions:RATE:CHANCE:THINK",
  trace: "trace:FILE[:SCALE]",
};

const examples: Readonly<Record<Kind, string>> = {
  constant: "constant:1000",
  poisson: "poisson:1000",
  ramp: "ramp:100:1500",
  step: "step:100,500,900",
  spike: "spike:200:2k:10s:5s",
  sine: "sine:1000:400:60s",
  bursts: "bursts:5k:100ms:900ms",
  sessions: "sessions:50:0.8:2s",
  trace: "trace:arrivals.csv",
};

/** @throws UsageError */
export function parseArrivals(text: string): LoadShape {
  const [kind, ...rest] = text.split(":");
  if (!isKind(kind))
    throw unknownName("kind of arrivals", kind, Object.keys(arrivalForms), "write --arrivals poisson:1k");
  try {
    const load = shapeOf(kind, rest);
    // Any length will do: what is checked is the shape.
    checkLoad(load, second);
    return load;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError({
      what: `the ${kind} arrivals do not fit: ${error.message}`,
      got: text,
      expected: arrivalForms[kind],
      fix: `for instance --arrivals ${examples[kind]}`,
    });
  }
}

function isKind(text: string): text is Kind {
  return Object.hasOwn(arrivalForms, text);
}

/** Takes a shape's parts in order; each says by a RangeError what is wrong with it. */
class Parts {
  private readonly left: string[];

  constructor(parts: readonly string[]) {
    this.left = [...parts];
  }

  get more(): boolean {
    return this.left.length > 0;
  }

  text(name: string): string {
    const part = this.left.shift();
    if (part === undefined || part === "") throw new RangeError(`${name} is missing`);
    return part;
  }

  rate(name: string): number {
    return rateOf(this.text(name), name);
  }

  number(name: string): number {
    const part = this.text(name);
    const value = Number(part);
    if (Number.isFinite(value)) return value;
    throw new RangeError(`${name} is no number: ${part}`);
  }

  duration(name: string): Micros {
    const part = this.text(name);
    const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(part);
    if (match === null) throw new RangeError(`${name} is no duration: ${part} (units: us, ms, s, m, h)`);
    return Math.round(Number(match[1]) * unitsUs[match[2]]);
  }

  /** Is the last part `poisson`? Then it is taken. */
  poisson(): { readonly poisson?: true } {
    if (this.left.at(-1) !== "poisson") return {};
    this.left.pop();
    return { poisson: true };
  }

  end(): void {
    if (this.more) throw new RangeError(`there is more than expected: ${this.left.join(":")}`);
  }
}

const unitsUs: Readonly<Record<string, Micros>> = { us: 1, ms: 1_000, s: second, m: 60 * second, h: 3_600 * second };

function rateOf(text: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text);
  if (match === null) throw new RangeError(`${name} is no rate: ${text}`);
  return Number(match[1]) * (match[2] === "k" ? 1_000 : match[2] === "M" ? 1_000_000 : 1);
}

function shapeOf(kind: Kind, rest: readonly string[]): LoadShape {
  const parts = new Parts(rest);
  const variable = kind !== "constant" && kind !== "poisson" && kind !== "sessions" && kind !== "trace";
  const poisson = variable ? parts.poisson() : {};
  const shape = { ...shapeFrom(kind, parts), ...poisson } as LoadShape;
  parts.end();
  return shape;
}

function shapeFrom(kind: Kind, parts: Parts): LoadShape {
  switch (kind) {
    case "constant":
    case "poisson":
      return { kind, perSecond: parts.rate("the rate") };
    case "ramp":
      return { kind, fromPerSecond: parts.rate("the first rate"), toPerSecond: parts.rate("the last rate") };
    case "step": {
      const rates = parts.text("the list of rates").split(",");
      return { kind, ratesPerSecond: rates.map((rate) => rateOf(rate, "a step")) };
    }
    case "spike": {
      const rates = { perSecond: parts.rate("the rate"), peakPerSecond: parts.rate("the peak") };
      return { kind, ...rates, atUs: parts.duration("the time of the spike"), lengthUs: parts.duration("its length") };
    }
    case "sine": {
      const rates = { perSecond: parts.rate("the rate"), amplitudePerSecond: parts.rate("the amplitude") };
      const periodUs = parts.duration("the period");
      return { kind, ...rates, periodUs, ...(parts.more ? { phaseUs: parts.duration("the phase") } : {}) };
    }
    case "bursts": {
      const perSecond = parts.rate("the rate");
      const lengths = { onUs: parts.duration("the time on"), offUs: parts.duration("the time off") };
      return { kind, perSecond, ...lengths, ...(parts.more ? { offPerSecond: parts.rate("the rate while off") } : {}) };
    }
    case "sessions": {
      const sessionsPerSecond = parts.rate("the rate of sessions");
      const returnChance = parts.number("the chance of another visit");
      return { kind, sessionsPerSecond, returnChance, thinkUs: parts.duration("the think time") };
    }
    case "trace":
      return { kind, path: parts.text("the file"), ...(parts.more ? { timeScale: parts.number("the scale") } : {}) };
  }
}

/** The short form, such that `parseArrivals` gives the shape back. */
export function arrivalsText(load: LoadShape): string {
  return "poisson" in load && load.poisson === true ? `${bareText(load)}:poisson` : bareText(load);
}

function bareText(load: LoadShape): string {
  const words = (...parts: (string | number | undefined)[]): string =>
    [load.kind, ...parts.filter((part) => part !== undefined)].join(":");
  const time = (us: Micros): string => (us % 1_000 === 0 ? `${us / 1_000}ms` : `${us}us`);
  switch (load.kind) {
    case "constant":
    case "poisson":
      return words(load.perSecond);
    case "ramp":
      return words(load.fromPerSecond, load.toPerSecond);
    case "step":
      return words(load.ratesPerSecond.join(","));
    case "spike":
      return words(load.perSecond, load.peakPerSecond, time(load.atUs), time(load.lengthUs));
    case "sine": {
      const phase = load.phaseUs === undefined ? undefined : time(load.phaseUs);
      return words(load.perSecond, load.amplitudePerSecond, time(load.periodUs), phase);
    }
    case "bursts":
      return words(load.perSecond, time(load.onUs), time(load.offUs), load.offPerSecond);
    case "sessions":
      return words(load.sessionsPerSecond, load.returnChance, time(load.thinkUs));
    case "trace":
      return words(load.path, load.timeScale);
  }
}
