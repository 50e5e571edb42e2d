/** A small city in the simulation, and questions with their answers. */
import type { Answer, Request } from "../../api.ts";
import type { DispatchResult, DispatchService, Place } from "../../api-dispatch.ts";
import { cloudDelays, oneRegion } from "../../kernel/topology.ts";
import { second } from "../../kernel/units.ts";
import { createSimulation } from "../../simulated.ts";
import type { SimulatedBackend } from "../../simulated.ts";

export const centre: Place = { latitude: 52.52, longitude: 13.405 };

/** A place so many metres to the north and east of the city's centre. */
export function at(northMeters: number, eastMeters: number): Place {
  const perDegree = 111_195;
  return {
    latitude: centre.latitude + northMeters / perDegree,
    longitude: centre.longitude + eastMeters / (perDegree * Math.cos((centre.latitude * Math.PI) / 180)),
  };
}

export class TestCity {
  readonly simulation: SimulatedBackend;

  constructor(nodes: number, more: Partial<DispatchService> = {}, seed = 1, plant?: string) {
    const keepers = nodes < 3 ? [0] : [0, 1, 2];
    this.simulation = createSimulation(
      {
        topology: oneRegion(nodes, 3, cloudDelays),
        durability: "log",
        plant,
        service: { kind: "dispatch", keepers, ...more },
      },
      seed,
      { checkEvery: 16 },
    );
  }

  /** Asks and waits for the answer, at most 6 s. */
  ask(request: Request, entry = 0): Answer {
    const answers: Answer[] = [];
    this.simulation.request(entry, request, (answer) => answers.push(answer));
    const until = this.simulation.now + 6 * second;
    while (answers.length === 0 && this.simulation.now < until) this.simulation.run(this.simulation.now + 1_000);
    if (answers.length === 0) throw new Error(`no answer to ${JSON.stringify(request)}`);
    return answers[0];
  }

  result<K extends DispatchResult["kind"]>(kind: K, request: Request, entry = 0): Extract<DispatchResult, { kind: K }> {
    const answer = this.ask(request, entry);
    if (answer.kind !== "ok" || answer.result.kind !== kind)
      throw new Error(`expected ${kind}, got ${JSON.stringify(answer)}`);
    return answer.result as Extract<DispatchResult, { kind: K }>;
  }

  report(driver: string, place: Place, entry = 0): Extract<DispatchResult, { kind: "position" }> {
    return this.result("position", { kind: "position-report", driver, ...place, state: "available" }, entry);
  }

  match(trip: string, place: Place = centre, entry = 0) {
    return this.result("match", { kind: "match", rider: `rider of ${trip}`, trip, ...place }, entry).match;
  }

  wait(forUs: number): void {
    this.simulation.run(this.simulation.now + forUs);
  }
}
