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
import { draw, type Distribution } from "../../workloads/distribution.ts";
import { runClosedLoop } from "../closed-loop.ts";
import type { Calibration } from "../results.ts";
import { serialiseCall } from "../targets/http/serialise-call.ts";
import { littleOfUsers } from "./little.ts";
import { closedLoopPerSecond } from "./queueing.ts";
import { stationDesign, stations } from "./stations.ts";
import { withinShare } from "./within-share.ts";

const users = 20;
const thinkUs: Micros = 300_000;
const serviceUs: Micros = 20_000;
const think: Distribution = { kind: "exponential", mean: thinkUs };
const theory = (): number => closedLoopPerSecond(users, thinkUs / second, serviceUs / second);
const oracle = `closed loop of ${users} users`;
const quantity = "throughput, /s";

export function simulatedClosedLoop(seed: number, quick: boolean): Calibration[] {
  const backend = createSimulation(stationDesign(stations[0], serviceUs).deployment, seed);
  const random = Random.stream(seed, "closed loop");
  const forUs = (quick ? 1_000 : 10_000) * second;
  let served = 0;
  let answersUs = 0;
  let thoughts = 0;
  let thoughtsUs = 0;
  const think = (): void => {
    const thoughtUs = Math.round(random.exponential(thinkUs));
    thoughts++;
    thoughtsUs += thoughtUs;
    backend.at(backend.now + thoughtUs, ask);
  };
  const ask = (): void => {
    const askedUs = backend.now;
    backend.request(-1, { kind: "work", operation: served }, () => {
      served++;
      answersUs += backend.now - askedUs;
      think();
    });
  };
  for (let user = 0; user < users; user++) think();
  backend.run(forUs);
  const perSecond = served / (forUs / second);
  const answerS = answersUs / served / second;
  const thinkS = thoughtsUs / thoughts / second;
  const common = { oracle, tank: "simulation" };
  return [
    withinShare({ ...common, quantity }, theory(), perSecond, 0.02),
    littleOfUsers(common, users, { perSecond, answerS, thinkS }, 0.02),
  ];
}

export async function liveClosedLoop(seed: number, quick: boolean): Promise<Calibration[]> {
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
    const { perSecond, ok, latency } = await runClosedLoop({
      origin,
      request: serialiseCall(origin, { path: "/" }),
      users,
      warmUpMs: 0,
      forMs: quick ? 8_000 : 20_000,
      think,
      seed,
      accept: ({ status }) => status === 200,
    });
    // The server is nearly always busy, so chance in its few hundred services moves the throughput: theory is asked about those drawn.
    const ofTheseDraws = closedLoopPerSecond(users, thinkUs / second, drawnMs / drawn / 1_000);
    const common = { oracle, tank: "threads" };
    // The end cut short what those who think were thinking: of an exponential thought a mean is left, whenever it is cut.
    const cut = (users - (drawn - ok)) / ok;
    const thinkS = (meanThoughtUs(seed, ok) / second) * (1 - cut);
    const measured = { perSecond, answerS: latency.mean / second, thinkS };
    return [
      withinShare({ ...common, quantity: `${quantity}, of these ${drawn} draws` }, ofTheseDraws, perSecond, 0.05),
      littleOfUsers(common, users, measured, 0.05),
    ];
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The thoughts that the engine draws are a function of the seed: one for each answer. */
function meanThoughtUs(seed: number, answers: number): Micros {
  const random = Random.stream(seed, "think");
  let sumUs = 0;
  for (let i = 0; i < answers; i++) sumUs += draw(think, random);
  return sumUs / answers;
}
