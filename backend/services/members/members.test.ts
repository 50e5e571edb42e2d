/** Members of a few nodes in virtual time: joining through seeds, leaving, coming back, and keys that follow the ring. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Answer, Deployment } from "../../api.ts";
import type { HeartbeatsSpec, MemberView, MembersRequest, SwimSpec } from "../../api-members.ts";
import { hash32 } from "../../kernel/hash.ts";
import { cloudDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { Ring } from "../../protocols/ring/ring.ts";
import { createSimulation } from "../../simulated.ts";
import type { SimulatedBackend } from "../../simulated.ts";
import { Rings } from "./rings.ts";

function simulate(nodes: number, detector: SwimSpec | HeartbeatsSpec): SimulatedBackend {
  const deployment: Deployment = {
    topology: oneRegion(nodes, 3, cloudDelays),
    durability: "log",
    turnUs: 5,
    service: { kind: "members", detector },
  };
  return createSimulation(deployment, 1, { checkEvery: 64 });
}

function ask(simulation: SimulatedBackend, entry: number, request: MembersRequest) {
  const answers: Answer[] = [];
  simulation.request(entry, request, (given) => void answers.push(given));
  for (let i = 0; i < 100 && answers.length === 0; i++) simulation.run(simulation.now + 10 * millisecond);
  const answer = answers.at(0);
  assert(answer?.kind === "ok", `${request.kind} was answered with ${JSON.stringify(answer)}`);
  return answer.result;
}

function standings(simulation: SimulatedBackend, entry: number): string {
  const result = ask(simulation, entry, { kind: "members-list" });
  assert(result.kind === "members");
  return result.members.map(({ standing }) => standing).join(" ");
}

test("nodes that know one seed find each other; one that leaves is known to have left, and comes back", () => {
  const simulation = simulate(4, { kind: "swim", seeds: [0] });
  simulation.run(10 * second);
  for (let node = 0; node < 4; node++) assert.equal(standings(simulation, node), "alive alive alive alive");
  ask(simulation, 2, { kind: "members-leave" });
  simulation.run(14 * second);
  for (const node of [0, 1, 3]) assert.equal(standings(simulation, node), "alive alive left alive");
  ask(simulation, 2, { kind: "members-join" });
  simulation.run(20 * second);
  for (let node = 0; node < 4; node++) assert.equal(standings(simulation, node), "alive alive alive alive");
});

for (const kind of ["swim", "heartbeats"] as const) {
  test(`${kind}: a crash is suspected, then certain; a restart brings the member back under a higher incarnation`, () => {
    const simulation = simulate(3, { kind });
    simulation.run(3 * second);
    simulation.inject({ kind: "crash", nodes: [1] });
    simulation.run(7 * second);
    assert.equal(standings(simulation, 0), "alive suspect alive");
    simulation.run(16 * second);
    assert.equal(standings(simulation, 0), "alive dead alive");
    simulation.inject({ kind: "restart", nodes: [1] });
    simulation.run(22 * second);
    const result = ask(simulation, 0, { kind: "members-list" });
    assert(result.kind === "members");
    assert.equal(result.members[1].standing, "alive");
    assert(result.members[1].incarnation > 1);
  });

  test(`${kind}: whoever is there does not come again, whoever has left does`, () => {
    const simulation = simulate(3, { kind });
    const own = (request: MembersRequest): MemberView => {
      const result = ask(simulation, 1, request);
      assert(result.kind === "members");
      return result.members[1];
    };
    simulation.run(3 * second);
    const before = own({ kind: "members-list" });
    assert.deepEqual(own({ kind: "members-join" }), before);
    own({ kind: "members-leave" });
    assert(own({ kind: "members-join" }).incarnation > before.incarnation);
  });
}

test("halves that buried each other meet again after the cut is healed", () => {
  const simulation = simulate(4, { kind: "swim" });
  simulation.run(3 * second);
  simulation.inject({ kind: "partition", from: [0, 1], to: [2, 3] });
  simulation.run(30 * second);
  assert.equal(standings(simulation, 0), "alive alive dead dead");
  assert.equal(standings(simulation, 3), "dead dead alive alive");
  simulation.inject({ kind: "heal" });
  simulation.run(60 * second);
  for (let node = 0; node < 4; node++) assert.equal(standings(simulation, node), "alive alive alive alive");
});

test("values follow their keys when a member leaves and comes back", () => {
  const simulation = simulate(4, { kind: "swim" });
  simulation.run(3 * second);
  const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`);
  for (const key of keys) ask(simulation, 1, { kind: "ring-add", key, value: "first" });
  const readAll = (entry: number): Set<number> =>
    new Set(
      keys.map((key) => {
        const result = ask(simulation, entry, { kind: "ring-add", key });
        assert(result.kind === "ring-values");
        assert.deepEqual(result.values, ["first"], `${key} at n${result.servedBy}`);
        return result.servedBy;
      }),
    );
  assert.equal(readAll(0).size, 4);
  ask(simulation, 2, { kind: "members-leave" });
  simulation.run(simulation.now + 6 * second);
  assert.equal(readAll(3).size, 3);
  ask(simulation, 2, { kind: "members-join" });
  simulation.run(simulation.now + 6 * second);
  assert.equal(readAll(2).size, 4);
});

test("a part of the ring of all nodes has the owners of a ring of that part", () => {
  const rings = new Rings(12, 20);
  for (const members of [[0], [3, 7], [1, 2, 3, 5, 8, 11], Array.from({ length: 12 }, (_, i) => i)]) {
    const alone = new Ring(
      members.map((id) => ({ id, zone: "", weight: 1 })),
      20,
    );
    const part = rings.of(members);
    for (let i = 0; i < 500; i++) assert.equal(part.ownerOf(hash32(`k${i}`)), alone.ownerOf(hash32(`k${i}`)));
  }
});
