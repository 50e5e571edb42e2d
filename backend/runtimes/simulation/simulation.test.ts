/** The runtime's own promises: held until durable, lost on power loss, faults that do what they say, replay. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Core, CoreFactory, Env } from "../../kernel/env.ts";
import { Random } from "../../kernel/random.ts";
import { noDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { SimulatedClock } from "./clock.ts";
import { SimulatedDisk } from "./disk.ts";
import { Simulation } from "./simulation.ts";

type Message = { readonly kind: "copy" | "copied"; readonly value: number; readonly request: number };
type TestEnv = Env<Message, "beat", { readonly kind: "ok"; readonly value: number }>;

/** Stores a number, copies it to node 1 and answers when node 1 has it; beats once a second. */
class Copier implements Core<Message, "beat", number> {
  private readonly env: TestEnv;
  constructor(env: TestEnv) {
    this.env = env;
  }
  start(): void {
    this.env.after(second, "beat", 0);
  }
  onRequest(request: number, value: number): void {
    this.env.store.put("value", value);
    assert.equal(this.env.store.get("value"), value, "a turn reads its own writes");
    this.env.send(1, { kind: "copy", value, request });
  }
  onMessage(from: number, message: Message): void {
    if (message.kind === "copied") this.env.reply(message.request, { kind: "ok", value: message.value });
    else {
      this.env.store.put("value", message.value);
      this.env.send(from, { kind: "copied", value: message.value, request: message.request });
    }
  }
  onTimer(): void {
    this.env.store.put(`beat ${this.env.now}`, 1);
    this.env.after(second, "beat", 0);
  }
  check(): void {}
}

const copier: CoreFactory = (env) => new Copier(env as unknown as TestEnv) as unknown as Core<unknown, string, unknown>;

function simulate(seed = 1, early = false): Simulation {
  return new Simulation({
    topology: oneRegion(2, 1, noDelays),
    seed,
    createCore: copier,
    connection: { refused: { kind: "refused" }, lost: { kind: "lost" } },
    flush: { kind: "constant", us: 300 },
    acknowledgeBeforeDurable: early,
  });
}

test("an answer waits for two flushes in a row: the sender's before the message, the receiver's before its answer", () => {
  const simulation = simulate();
  let answeredAt = -1;
  simulation.request(0, 7, () => (answeredAt = simulation.now));
  simulation.run(second);
  assert(answeredAt >= 600 && answeredAt < 1_000, `answered after ${answeredAt} us`);
  assert.equal(simulation.nodes[1].disk.get("value"), 7);
});

test("planted bug: without holding, the answer is there before either disk", () => {
  const simulation = simulate(1, true);
  let answeredAt = -1;
  simulation.request(0, 7, () => (answeredAt = simulation.now));
  simulation.run(second);
  assert(answeredAt >= 0 && answeredAt < 300, `answered after ${answeredAt} us`);
});

test("a crash answers what was outstanding as lost; a node that is down refuses", () => {
  const simulation = simulate();
  const answers: string[] = [];
  const note = (answer: unknown): void => void answers.push((answer as { kind: string }).kind);
  simulation.inject({ kind: "pause", nodes: [1], forUs: second });
  simulation.request(0, 1, note);
  simulation.at(10 * millisecond, () => simulation.inject({ kind: "crash", nodes: [0] }));
  simulation.at(20 * millisecond, () => simulation.request(0, 2, note));
  simulation.run(3 * second);
  assert.deepEqual(answers, ["lost", "refused"]);
});

test("partitions drop in the directions they say, and a heal ends them", () => {
  const simulation = simulate();
  let answers = 0;
  simulation.inject({ kind: "partition", from: [1], to: [0], oneWay: true });
  simulation.request(0, 5, () => answers++);
  simulation.run(second);
  assert.equal(simulation.nodes[1].disk.get("value"), 5, "the way there is open");
  assert.equal(answers, 0, "the way back is not");
  simulation.inject({ kind: "heal" });
  simulation.request(0, 6, () => answers++);
  simulation.run(2 * second);
  assert.equal(answers, 1);
});

test("a paused node does nothing, then catches up", () => {
  const simulation = simulate();
  let answeredAt = 0;
  simulation.inject({ kind: "pause", nodes: [1], forUs: 2 * second });
  simulation.request(0, 5, () => (answeredAt = simulation.now));
  simulation.run(5 * second);
  assert(answeredAt >= 2 * second && answeredAt < 2.1 * second, `answered at ${answeredAt}`);
});

test("a node whose messages are held works on, and neither hears nor is heard until it ends", () => {
  const simulation = simulate();
  let answeredAt = 0;
  simulation.inject({ kind: "hold", nodes: [1], forUs: 2 * second });
  simulation.request(0, 5, () => (answeredAt = simulation.now));
  simulation.run(1.5 * second);
  assert.equal(simulation.nodes[1].disk.get("value"), undefined, "the copy has not arrived");
  let beats = 0;
  simulation.nodes[1].disk.entries((key) => {
    if (key.startsWith("beat")) beats++;
  });
  assert.equal(beats, 1, "its timers run");
  simulation.run(5 * second);
  assert(answeredAt >= 2 * second && answeredAt < 2.1 * second, `answered at ${answeredAt}`);
});

test("a timer fires by its node's own clock: a fast clock fires early in true time", () => {
  const simulation = simulate();
  simulation.inject({ kind: "clock", nodes: [1], stepUs: 0, driftPpm: 100_000 });
  simulation.run(10.5 * second);
  const beats = (node: number): number => {
    let count = 0;
    simulation.nodes[node].disk.entries((key) => {
      if (key.startsWith("beat")) count++;
    });
    return count;
  };
  assert.equal(beats(0), 10);
  assert.equal(beats(1), 11);
});

test("the same seed replays, another one differs", () => {
  const run = (seed: number): string => {
    const simulation = simulate(seed);
    for (let i = 0; i < 50; i++) simulation.at(i * millisecond, () => simulation.request(0, i, () => undefined));
    simulation.at(20_500, () => simulation.inject({ kind: "crash", nodes: [1] }));
    simulation.at(30_000, () => simulation.inject({ kind: "restart", nodes: [1] }));
    simulation.run(second);
    return simulation.digest();
  };
  assert.equal(run(5), run(5));
  assert.notEqual(run(5), run(6));
});

test("power loss keeps what was flushed, drops what was only in memory, and cuts or keeps the group in flight whole", () => {
  const fates = new Set<string>();
  let torn = 0;
  for (let seed = 0; seed < 60; seed++) {
    const disk = new SimulatedDisk(new Random(1));
    disk.put("a", 1);
    disk.beginFlush();
    disk.endFlush();
    disk.put("a", 2);
    disk.put("b", 2);
    disk.delete("a");
    disk.beginFlush();
    disk.put("c", 3);
    disk.losePower(new Random(seed));
    assert.equal(disk.get("c"), undefined, "never began its way to the disk");
    fates.add(JSON.stringify([disk.get("a") ?? null, disk.get("b") ?? null]));
    torn += disk.torn;
  }
  assert.deepEqual([...fates].sort(), ["[1,null]", "[null,2]"], "a group is atomic");
  assert(torn > 0, "some groups were torn in the middle");
});

test("a flipped bit of a durable record is noticed, or fell on padding and changed nothing", () => {
  const disk = new SimulatedDisk(new Random(1));
  for (let i = 0; i < 10; i++) disk.put(`k${i}`, `value ${i}`);
  let noticed = 0;
  for (let seed = 0; seed < 300; seed++) if (disk.corrupt(new Random(seed))) noticed++;
  assert(noticed > 200, `${noticed} of 300 flips were noticed`);
});

test("a node whose log is corrupt stays down", () => {
  const simulation = simulate(2);
  for (let i = 0; i < 5; i++) simulation.request(0, i, () => undefined);
  simulation.run(5 * second);
  for (let i = 0; i < 20 && !simulation.nodes[0].broken; i++) simulation.inject({ kind: "corrupt", nodes: [0] });
  simulation.inject({ kind: "restart", nodes: [0] });
  assert(simulation.nodes[0].broken);
  assert.equal(simulation.nodes[0].alive, false);
});

test("clocks: drift, step and claimed bounds", () => {
  const clock = new SimulatedClock(1_000);
  const wall = { earliest: 0, latest: 0 };
  assert.equal(clock.read(5_000, wall), 5_000);
  clock.disturb(second, { stepUs: 250, driftPpm: 1_000, boundUs: 2_000 });
  clock.read(second, wall);
  assert.equal(wall.latest, second + 250 + 2_000, "the step moves the wall clock only");
  assert.equal(clock.read(2 * second, wall), 2 * second + 1_000, "1,000 ppm over a second");
  assert.equal(wall.latest - wall.earliest, 4_000);
  assert(Math.abs(clock.trueDelay(1_001_000) - second) <= 1, "rounded up to a whole microsecond");
});

test("what a slow node says leaves when its turn is over, also when a flush ends meanwhile", () => {
  const simulation = new Simulation({
    topology: oneRegion(2, 1, noDelays),
    seed: 1,
    createCore: copier,
    connection: { refused: { kind: "refused" }, lost: { kind: "lost" } },
    flush: { kind: "constant", us: 15 * millisecond },
    turnUs: 10,
  });
  simulation.run(millisecond);
  simulation.inject({ kind: "slow", nodes: [0], factor: 1_000 });
  // The first turn's flush ends at 26 ms, in the middle of the ten turns of the others, which take from 20 to 120 ms.
  const reached: number[] = [];
  simulation.request(0, 1, () => undefined);
  for (let value = 2; value <= 11; value++) {
    simulation.at(5 * millisecond, () => simulation.request(0, value, () => undefined));
  }
  while (simulation.now < second) {
    simulation.run(simulation.now + millisecond);
    const value = simulation.nodes[1].disk.get("value") as number | undefined;
    if (value !== undefined && value > 1) reached.push(simulation.now);
  }
  assert(reached[0] > 100 * millisecond, `a later request reached node 1 at ${reached[0]} us`);
});
