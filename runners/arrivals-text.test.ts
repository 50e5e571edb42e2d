import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { arrivalForms, arrivalsText, parseArrivals } from "./arrivals-text.ts";
import { UsageError } from "./command-error.ts";
import type { LoadShape } from "./experiment.ts";

const forms: readonly (readonly [string, LoadShape])[] = [
  ["constant:1000", { kind: "constant", perSecond: 1_000 }],
  ["poisson:1.5k", { kind: "poisson", perSecond: 1_500 }],
  ["ramp:0:2M", { kind: "ramp", fromPerSecond: 0, toPerSecond: 2_000_000 }],
  ["step:100,0,700:poisson", { kind: "step", ratesPerSecond: [100, 0, 700], poisson: true }],
  [
    "spike:200:2k:10s:5s",
    { kind: "spike", perSecond: 200, peakPerSecond: 2_000, atUs: 10_000_000, lengthUs: 5_000_000 },
  ],
  ["sine:1000:400:1m", { kind: "sine", perSecond: 1_000, amplitudePerSecond: 400, periodUs: 60_000_000 }],
  [
    "sine:1000:400:1s:250ms:poisson",
    { kind: "sine", perSecond: 1_000, amplitudePerSecond: 400, periodUs: 1_000_000, phaseUs: 250_000, poisson: true },
  ],
  ["bursts:5k:100ms:900ms", { kind: "bursts", perSecond: 5_000, onUs: 100_000, offUs: 900_000 }],
  ["bursts:5k:1us:2us:50", { kind: "bursts", perSecond: 5_000, onUs: 1, offUs: 2, offPerSecond: 50 }],
  ["sessions:50:0.8:2s", { kind: "sessions", sessionsPerSecond: 50, returnChance: 0.8, thinkUs: 2_000_000 }],
  ["trace:logs/a.csv", { kind: "trace", path: "logs/a.csv" }],
  ["trace:logs/a.csv:0.5", { kind: "trace", path: "logs/a.csv", timeScale: 0.5 }],
];

test("each form says what it says, and its shape is written so that it is read back", () => {
  assert.deepEqual(new Set(forms.map(([, load]) => load.kind)), new Set(Object.keys(arrivalForms)));
  for (const [text, load] of forms) {
    assert.deepEqual(parseArrivals(text), load);
    assert.deepEqual(parseArrivals(arrivalsText(load)), load);
  }
});

test("any rate and any time come back as they were", () => {
  const rate = fc.integer({ min: 0, max: 10_000_000 });
  const time = fc.integer({ min: 1, max: 1e12 });
  fc.assert(
    fc.property(rate, rate, time, time, fc.boolean(), (perSecond, peakPerSecond, atUs, lengthUs, poisson) => {
      const load = {
        kind: "spike",
        perSecond,
        peakPerSecond,
        atUs,
        lengthUs,
        ...(poisson ? { poisson } : {}),
      } as const;
      assert.deepEqual(parseArrivals(arrivalsText(load)), load);
    }),
    { seed: 3 },
  );
});

test("what does not fit is refused with what was got, the form and an example", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["constant", /the rate is missing/],
    ["constant:", /the rate is missing/],
    ["constant:-5", /the rate is no rate: -5/],
    ["constant:5:6", /more than expected: 6/],
    ["constant:5:poisson", /more than expected: poisson/],
    ["step:1,,2", /a step is no rate/],
    ["spike:1:2:3:4s", /the time of the spike is no duration: 3 \(units/],
    ["sine:10:20:1s", /got amplitudePerSecond of 20; expected at most perSecond, 10/],
    ["sine:10:5:0s", /got periodUs of 0/],
    ["bursts:1:0s:1s", /got onUs of 0/],
    ["sessions:5:1:1s", /got returnChance of 1; expected a chance in \[0, 1\)/],
    ["sessions:5:often:1s", /no number: often/],
    ["trace:a.csv:0", /got timeScale of 0/],
    ["trace:a.csv:fast", /the scale is no number: fast/],
  ];
  for (const [text, what] of wrong) {
    assert.throws(
      () => parseArrivals(text),
      (error: unknown) => error instanceof UsageError && what.test(error.what) && error.got === text,
      text,
    );
  }
  assert.throws(
    () => parseArrivals("poison:5"),
    (error: unknown) => error instanceof UsageError && error.fix.includes("did you mean poisson?"),
  );
});
