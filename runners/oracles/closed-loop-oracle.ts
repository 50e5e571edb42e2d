/**
 * Users who think, ask one exponential server and think again, against mean value analysis: in virtual time at a simulated station, and
 * live by the closed-loop engine over HTTP at a server that queues as it should. The one oracle in which an answer makes the next request.
 */
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { Random } from "../../backend/kernel/random.ts";
import { second, type Micros } from "../../backend/kernel/units.ts";
import { createSimulation } from "../../backend/simulated.ts";
import { runClosedLoop } from "../closed-loop.ts";
import type { Calibration } from "../results.ts";
import { serialiseCall } from "../targets/http/serialise-call.ts";
import { closedLoopPerSecond } from "./queueing.ts";
import { stationDesign, stations } from "./stations.ts";
import { withinShare } from "./within-share.ts";

const users = 20;
const thinkUs: Micros = 300_000;
const serviceUs: Micros = 20_000;
const theory = (): number => closedLoopPerSecond(users, thinkUs / second, serviceUs / second);
const oracle = `closed loop of ${users} users`;
const quantity = "throughput, /s";

export function simulatedClosedLoop(seed: number, quick: boolean): Calibration {
  const backend = createSimulation(stationDesign(stations[0], serviceUs).deployment, seed);
  const random = Random.stream(seed, "closed loop");
  const forUs = (quick ? 1_000 : 10_000) * second;
  let served = 0;
  const think = (): void => backend.at(backend.now + Math.round(random.exponential(thinkUs)), ask);
  const ask = (): void =>
    backend.request(-1, { kind: "work", operation: served }, () => {
      served++;
      think();
    });
  for (let user = 0; user < users; user++) think();
  backend.run(forUs);
  return withinShare({ oracle, tank: "simulation", quantity }, theory(), served / (forUs / second), 0.02);
}

export async function liveClosedLoop(seed: number, quick: boolean): Promise<Calibration> {
  const random = Random.stream(seed, "service");
  let freeAtMs = 0;
  let drawnMs = 0;
  let drawn = 0;
  const server = http.createServer((_, response) => {
    const nowMs = performance.now();
    const serviceMs = random.exponential(serviceUs) / 1_000;
    drawnMs += serviceMs;
    drawn++;
    freeAtMs = Math.max(freeAtMs, nowMs) + serviceMs;
    setTimeout(() => response.end("ok"), freeAtMs - nowMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const { perSecond } = await runClosedLoop({
      origin,
      request: serialiseCall(origin, { path: "/" }),
      users,
      warmUpMs: 0,
      forMs: quick ? 8_000 : 20_000,
      think: { kind: "exponential", mean: thinkUs },
      seed,
      accept: ({ status }) => status === 200,
    });
    // The server is nearly always busy, so chance in its few hundred services moves the throughput: theory is asked about those drawn.
    const ofTheseDraws = closedLoopPerSecond(users, thinkUs / second, drawnMs / drawn / 1_000);
    return withinShare(
      { oracle, tank: "threads", quantity: `${quantity}, of these ${drawn} draws` },
      ofTheseDraws,
      perSecond,
      0.05,
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
