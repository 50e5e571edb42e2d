/** What a load must be to be one: finite rates that are not negative, lengths above nothing, chances below certainty. */
import type { Micros } from "../backend/kernel/units.ts";
import type { LoadShape } from "./experiment.ts";

/** @throws RangeError with the member, what was got and what is expected */
export function checkLoad(load: LoadShape, forUs: Micros): void {
  for (const rate of ratesOf(load)) {
    if (!(rate >= 0 && Number.isFinite(rate)))
      throw new RangeError(`load ${load.kind}: got a rate of ${rate} a second; expected finite rates of 0 or more`);
  }
  for (const [name, value, fits, expected] of limitsOf(load)) {
    if (!fits) throw new RangeError(`load ${load.kind}: got ${name} of ${value}; expected ${expected}`);
  }
  if (!(Number.isInteger(forUs) && forUs > 0)) {
    throw new RangeError(`load ${load.kind}: got a length of ${forUs} us; expected a positive whole number`);
  }
}

function ratesOf(load: LoadShape): readonly number[] {
  switch (load.kind) {
    case "ramp":
      return [load.fromPerSecond, load.toPerSecond];
    case "step":
      return load.ratesPerSecond.length === 0 ? [Number.NaN] : load.ratesPerSecond;
    case "spike":
      return [load.perSecond, load.peakPerSecond];
    case "sine":
      return [load.perSecond, load.amplitudePerSecond];
    case "bursts":
      return [load.perSecond, load.offPerSecond ?? 0];
    case "sessions":
      return [load.sessionsPerSecond];
    case "trace":
      return [];
    default:
      return [load.perSecond];
  }
}

/** A member that is no rate, and whether it fits. */
type Limit = readonly [name: string, value: number, fits: boolean, expected: string];

function limitsOf(load: LoadShape): readonly Limit[] {
  const length = (name: string, us: Micros): Limit => [name, us, us > 0 && us < Infinity, "more than 0 microseconds"];
  switch (load.kind) {
    case "sine": {
      const { amplitudePerSecond: amplitude, perSecond, phaseUs = 0 } = load;
      return [
        [
          "amplitudePerSecond",
          amplitude,
          amplitude <= perSecond,
          `at most perSecond, ${perSecond}: no rate is negative`,
        ],
        ["phaseUs", phaseUs, Number.isFinite(phaseUs), "microseconds"],
        length("periodUs", load.periodUs),
      ];
    }
    case "bursts":
      return [length("onUs", load.onUs), length("offUs", load.offUs)];
    case "sessions": {
      const { returnChance } = load;
      return [
        ["returnChance", returnChance, returnChance >= 0 && returnChance < 1, "a chance in [0, 1)"],
        length("thinkUs", load.thinkUs),
      ];
    }
    case "trace": {
      const { timeScale = 1 } = load;
      return [["timeScale", timeScale, timeScale > 0 && timeScale < Infinity, "a number above 0"]];
    }
    default:
      return [];
  }
}
