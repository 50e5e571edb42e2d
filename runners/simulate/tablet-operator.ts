/** Somebody who splits and merges tablets and moves their leaders about, at random keys and instants, and waits for no answer. */
import type { Random } from "../../backend/kernel/random.ts";
import type { Micros } from "../../backend/kernel/units.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";

export interface OperatorSpec {
  readonly keys: number;
  readonly keyOf: (number: number) => string;
  /** Mean time between two acts. */
  readonly actEveryUs: Micros;
  readonly fromUs: Micros;
  readonly toUs: Micros;
}

export function operate(simulation: SimulatedBackend, spec: OperatorSpec, random: Random): void {
  const { keys, keyOf, actEveryUs, fromUs, toUs } = spec;
  let at = fromUs;
  for (;;) {
    at += Math.round(random.exponential(actEveryUs));
    if (at > toUs) return;
    const key = keyOf(random.below(keys));
    const act = random.float();
    const node = random.below(3);
    simulation.at(at, () => {
      if (act < 0.5) simulation.request(-1, { kind: "tablet-split", at: key }, () => undefined);
      else if (act < 0.8) simulation.request(-1, { kind: "tablet-merge", at: key }, () => undefined);
      else simulation.request(-1, { kind: "tablet-lead", at: key, node }, () => undefined);
    });
  }
}
