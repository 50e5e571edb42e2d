/**
 * Servers with queues of their own, of which each request joins the one with the least work among `choices` drawn at random: what
 * tied requests come to when words travel at once. Dean and Barroso, "The Tail at Scale", CACM 2013; Hellemans and Van Houdt, "On
 * the power-of-d-choices with least loaded server selection", SIGMETRICS 2018.
 *
 * The recursion knows nothing of copies, cancellation, messages or events: Lindley's w' = max(0, w + service - gap), one number a
 * server. So it may judge what is made of those.
 */
import { Random } from "../backend/kernel/random.ts";

/** Mean time from arrival to end, in mean services, over `jobs` Poisson arrivals with exponential services at `load` a server. */
export function leastWorkloadMean(servers: number, choices: number, load: number, jobs: number, seed: number): number {
  const random = Random.stream(seed, "least-workload", servers, choices, Math.round(load * 1_000));
  /** When each server will have done what it has. */
  const freeAt = new Float64Array(servers);
  let now = 0;
  let total = 0;
  let counted = 0;
  for (let job = 0; job < jobs; job++) {
    now += random.exponential(1 / (load * servers));
    const server = leastOf(freeAt, choices, random);
    freeAt[server] = Math.max(now, freeAt[server]) + random.exponential(1);
    // The first tenth fills the queues.
    if (job * 10 < jobs) continue;
    total += freeAt[server] - now;
    counted++;
  }
  return total / counted;
}

/**
 * The same for very many servers: the sum over n >= 0 of load^(d n) / (1 + n (d - 1)), which for d = 1 is M/M/1's 1 / (1 - load) and
 * for d = 2 is -ln(1 - load^2) / load^2 (Hellemans and Van Houdt, section 5).
 */
export function leastWorkloadLimit(choices: number, load: number): number {
  let sum = 0;
  for (let n = 0; ; n++) {
    const term = load ** (choices * n) / (1 + n * (choices - 1));
    sum += term;
    if (term < 1e-12) return sum;
  }
}

/** Of `choices` different servers the one with the least work; a tie goes to the first drawn. */
function leastOf(freeAt: Float64Array, choices: number, random: Random): number {
  const drawn: number[] = [];
  while (drawn.length < choices) {
    const server = random.below(freeAt.length);
    if (!drawn.includes(server)) drawn.push(server);
  }
  return drawn.reduce((least, server) => (freeAt[server] < freeAt[least] ? server : least));
}
