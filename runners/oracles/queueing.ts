/**
 * Queues whose answer is known in closed form. Rates are a second, times are seconds; `rho` is the load of each server.
 *
 * Sources: Kleinrock, Queueing Systems I, 1975: M/M/1 (section 3.2), M/M/m (3.5, Erlang's C), M/G/1 (5.6, Pollaczek and Khinchine);
 * Reiser and Lavenberg, "Mean Value Analysis of Closed Multichain Queueing Networks", JACM 1980, for the closed loop.
 */

/** Mean time in the system, M/M/1. */
export function mm1MeanS(lambda: number, mu: number): number {
  stable(lambda, mu);
  return 1 / (mu - lambda);
}

/** Time in the system that a share `q` does not exceed, M/M/1: it is exponential with rate mu - lambda. */
export function mm1QuantileS(lambda: number, mu: number, q: number): number {
  stable(lambda, mu);
  return -Math.log1p(-q) / (mu - lambda);
}

/** The highest arrival rate at which a share `q` of an M/M/1 queue is answered within `withinS`. */
export function mm1RateFor(mu: number, q: number, withinS: number): number {
  return Math.max(0, mu + Math.log1p(-q) / withinS);
}

/** Erlang's C: the chance that an arrival must wait, M/M/c. By Erlang's B, which is stable for many servers. */
export function erlangC(lambda: number, mu: number, servers: number): number {
  const load = lambda / mu;
  stable(lambda, mu * servers);
  let blocked = 1;
  for (let c = 1; c <= servers; c++) blocked = (load * blocked) / (c + load * blocked);
  const rho = load / servers;
  return blocked / (1 - rho * (1 - blocked));
}

/** Mean time in the system, M/M/c. */
export function mmcMeanS(lambda: number, mu: number, servers: number): number {
  return erlangC(lambda, mu, servers) / (servers * mu - lambda) + 1 / mu;
}

/** Time in the system that a share `q` does not exceed, M/M/c: a service, and for those who wait an exponential wait before it. */
export function mmcQuantileS(lambda: number, mu: number, servers: number, q: number): number {
  const waits = erlangC(lambda, mu, servers);
  const drain = servers * mu - lambda;
  const beyond = (t: number): number => {
    if (Math.abs(drain - mu) < 1e-9 * mu) return Math.exp(-mu * t) * (1 + waits * mu * t);
    const both = (drain * Math.exp(-mu * t) - mu * Math.exp(-drain * t)) / (drain - mu);
    return (1 - waits) * Math.exp(-mu * t) + waits * both;
  };
  let low = 0;
  let high = 1 / mu;
  while (beyond(high) > 1 - q) high *= 2;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (beyond(middle) > 1 - q) low = middle;
    else high = middle;
  }
  return high;
}

/** Mean time in the system, M/G/1: `squaredCv` is the service times' variance over their squared mean. */
export function mg1MeanS(lambda: number, meanServiceS: number, squaredCv: number): number {
  const rho = lambda * meanServiceS;
  stable(rho, 1);
  return meanServiceS * (1 + ((rho / (1 - rho)) * (1 + squaredCv)) / 2);
}

/**
 * Throughput of a closed loop: `users` think for `thinkS` on average and ask one exponential server. Exact mean value analysis: who
 * arrives finds what one user less would leave waiting.
 */
export function closedLoopPerSecond(users: number, thinkS: number, meanServiceS: number): number {
  let waiting = 0;
  let perSecond = 0;
  for (let n = 1; n <= users; n++) {
    const responseS = meanServiceS * (1 + waiting);
    perSecond = n / (thinkS + responseS);
    waiting = perSecond * responseS;
  }
  return perSecond;
}

function stable(load: number, capacity: number): void {
  if (load >= 0 && load < capacity) return;
  throw new RangeError(
    `a queue with arrivals of ${load} and a capacity of ${capacity}: expected less than the capacity`,
  );
}
