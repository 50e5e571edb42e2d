/** The pacer beside a busy loop, in turns; short, and with a margin for a machine that runs other tests too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ksTest } from "./kolmogorov.ts";
import { control, NoTarget, paced, type Paced } from "./pacing-run.ts";

const forUs = 250_000;
const turns = 4;
const attempts = 4;
const disturbedUs = 300;

const quantile = (runs: readonly Paced[], q: number): number => {
  const late = runs.flatMap(({ intendedUs, sentUs }) => Array.from(sentUs, (sent, i) => sent - intendedUs[i]));
  return late.sort((a, b) => a - b)[Math.floor(q * late.length)];
};

for (const perSecond of [1_000, 10_000, 30_000]) {
  test(`${perSecond} Poisson arrivals a second leave when they should, as near as a busy loop's`, async (t) => {
    const failures: string[] = [];
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const ours: Paced[] = [];
      const spin: Paced[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const plan = { load: { kind: "poisson", perSecond }, forUs, seed: attempt * 100 + turn } as const;
        spin.push(control(plan));
        ours.push(await paced(plan, new NoTarget(), null));
      }
      for (const { intendedUs, sentUs } of ours) {
        assert.ok(
          sentUs.every((sent, i) => sent >= intendedUs[i]),
          "nothing leaves early, and nothing is left out",
        );
      }
      const failure = whatIsWrong(perSecond, ours, spin);
      if (failure === null) return;
      // A machine on which even the busy loop is late proves nothing about the pacer.
      if (quantile(spin, 0.99) < disturbedUs) failures.push(failure);
    }
    if (failures.length > 1) assert.fail(failures.join("; "));
    t.skip("this machine is too busy: a busy loop is late, too");
  });
}

function whatIsWrong(perSecond: number, ours: readonly Paced[], spin: readonly Paced[]): string | null {
  const [late, jitter] = [quantile(ours, 0.95), quantile(spin, 0.95)];
  if (late > jitter + 200) return `p95 ${late.toFixed(0)} us late, a busy loop ${jitter.toFixed(0)}`;
  const gaps = ours.flatMap(({ sentUs }) => Array.from(sentUs.subarray(1), (sent, i) => sent - sentUs[i]));
  const every = Math.ceil(gaps.length / 500);
  const sample = Float64Array.from(gaps.filter((_, i) => i % every === 0));
  const { p, distance } = ksTest(sample, (us) => 1 - Math.exp((-us * perSecond) / 1_000_000));
  if (p < 0.001) return `gaps are not exponential: distance ${distance}, p ${p}`;
  // The best turn: where another program prolongs a sleep, the pacer spins for the rest of it.
  const busy = Math.min(...ours.map(({ cpuShare }) => cpuShare));
  return perSecond <= 1_000 && busy > 0.5 ? `${(100 * busy).toFixed(0)} % of the processor is busy` : null;
}
