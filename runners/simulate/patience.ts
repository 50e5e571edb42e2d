/** A client that waits for an answer, and not for ever: when its patience is at an end nobody knows the outcome, and the client goes on. */
import type { Micros } from "../../backend/kernel/units.ts";
import type { SimulatedBackend } from "../../backend/simulated.ts";

/** Calls `next` once: when the answer is there, which the caller says by calling what is returned, or else after `patienceUs`. */
export function withPatience(simulation: SimulatedBackend, patienceUs: Micros, next: () => void): () => void {
  let open = true;
  const proceed = (): void => {
    if (!open) return;
    open = false;
    next();
  };
  simulation.at(simulation.now + patienceUs, proceed);
  return proceed;
}
