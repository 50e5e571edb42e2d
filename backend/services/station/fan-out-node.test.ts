/** Stations that answer together: fan-out, hedges, tied requests and what happens to them under faults. */
import assert from "node:assert/strict";
import test from "node:test";
import type { Answer, Deployment, StationService, WorkRequest } from "../../api.ts";
import type { FanOutSpec, HedgeSpec, SurvivalCurve } from "../../api-tails.ts";
import type { Fault } from "../../kernel/fault.ts";
import { Random } from "../../kernel/random.ts";
import type { Delay } from "../../kernel/topology.ts";
import { noDelays, oneRegion } from "../../kernel/topology.ts";
import { millisecond, second } from "../../kernel/units.ts";
import { createSimulation } from "../../simulated.ts";
import { CurveDraws } from "./survival-curve.ts";

/** Dean and Barroso's figures, as a law: see the experiment `tail-at-scale`. */
const curve: SurvivalCurve = [
  [1_000, 1],
  [10_000, 0.02],
  [68_820, 3.163e-3],
  [1_800_000, 1e-5],
];
const hedgeAt10: HedgeSpec = { copies: 2, delay: { kind: "fixed", afterUs: [10 * millisecond] } };

interface Story {
  readonly nodes: number;
  readonly fanOut: Partial<FanOutSpec>;
  readonly station?: Partial<StationService>;
  readonly reads: number;
  readonly perSecond: number;
  readonly more?: Partial<WorkRequest>;
  readonly entry?: number;
  readonly faults?: readonly Fault[];
  readonly link?: Delay;
  readonly seed?: number;
}

function play({ nodes, fanOut, station, reads, perSecond, more, entry = -1, faults, link, seed = 3 }: Story) {
  const service: StationService = {
    kind: "station",
    servers: 1,
    serviceUs: 1 * millisecond,
    service: "fixed",
    discipline: "fifo",
    queueLimit: 1_000_000,
    dropExpired: false,
    fanOut: { parts: 1, leaves: "queues", ...fanOut },
    ...station,
  };
  const links = link === undefined ? noDelays : { ...noDelays, sameZone: link };
  const simulation = createSimulation({ topology: oneRegion(nodes, 1, links), durability: "none", service }, seed);
  for (const fault of faults ?? []) simulation.inject(fault);
  const random = new Random(seed);
  const tookMs: number[] = [];
  const kinds: Record<string, number> = {};
  let at = 0;
  for (let i = 0; i < reads; i++) {
    at += random.exponential(second / perSecond);
    simulation.at(Math.round(at), () => {
      const begun = simulation.now;
      simulation.request(entry, { kind: "work", operation: i, ...more }, (answer: Answer) => {
        const kind = answer.kind === "ok" ? "ok" : answer.code;
        kinds[kind] = (kinds[kind] ?? 0) + 1;
        if (answer.kind === "ok") tookMs.push((simulation.now - begun) / millisecond);
      });
    });
  }
  simulation.run(at + 60 * second);
  tookMs.sort((a, b) => a - b);
  return {
    kinds,
    counters: simulation.counters() as Record<string, number>,
    quantile: (q: number) => tookMs[Math.floor(q * tookMs.length)],
    tookMs,
    longestMs: tookMs[tookMs.length - 1],
    simulation,
  };
}

test("the calibrated law passes through the paper's points, and its last slope goes on", () => {
  const draws = new CurveDraws(curve);
  const random = new Random(11);
  const drawn = Array.from({ length: 400_000 }, () => draws.draw(random));
  const survives = (us: number): number => drawn.filter((each) => each > us).length / drawn.length;
  assert.ok(drawn.every((us) => us >= 1_000));
  assert.ok(Math.abs(survives(10_000) / 0.02 - 1) < 0.03, String(survives(10_000)));
  assert.ok(Math.abs(survives(68_820) / 3.163e-3 - 1) < 0.08, String(survives(68_820)));
  assert.ok(survives(1_800_000) < 4e-5);
  assert.throws(() => new CurveDraws([[1, 0.5]]), /fanOut.curve: got 1 0.5/);
  assert.throws(() => new CurveDraws(curve.toReversed()), /growing times and survival falling from 1/);
});

test("with servers whose p99 is 1 s, 63 % of reads over a hundred of them take longer (Dean and Barroso)", () => {
  const slowOne: SurvivalCurve = [
    [1_000, 1],
    [1_000_000, 0.01],
  ];
  const { tookMs } = play({
    nodes: 100,
    fanOut: { parts: 100, leaves: "delays", curve: slowOne },
    reads: 6_000,
    perSecond: 100,
  });
  const share = tookMs.filter((ms) => ms > 1_000).length / tookMs.length;
  assert.ok(Math.abs(share - (1 - 0.99 ** 100)) < 0.02, `${share}`);
});

test("a read is answered when its last part is: two shares a server take two services", () => {
  const { kinds, counters, longestMs } = play({ nodes: 10, fanOut: { parts: 20 }, reads: 1, perSecond: 1 });
  assert.deepEqual(kinds, { ok: 1 });
  assert.equal(counters.begun, 20);
  assert.ok(longestMs >= 2 && longestMs < 2.5, String(longestMs));
  assert.equal(play({ nodes: 10, fanOut: { parts: 1 }, reads: 1, perSecond: 1, more: { parts: 7 } }).counters.begun, 7);
});

test("delays that are drawn where they are awaited are those of servers without a queue, hedged or not", () => {
  for (const hedge of [undefined, hedgeAt10]) {
    const story = { nodes: 20, reads: 4_000, perSecond: 50, station: { servers: 200 } };
    const real = play({ ...story, fanOut: { parts: 20, leaves: "queues", curve, hedge } });
    const drawn = play({ ...story, fanOut: { parts: 20, leaves: "delays", curve, hedge } });
    for (const q of [0.5, 0.9]) {
      const ratio = real.quantile(q) / drawn.quantile(q);
      assert.ok(ratio > 0.87 && ratio < 1.15, `quantile ${q}: ${real.quantile(q)} ms and ${drawn.quantile(q)} ms`);
    }
    if (hedge === undefined) continue;
    const [a, b] = [real, drawn].map(({ counters }) => counters.hedgeSent / counters.hedgeReads);
    assert.ok(Math.abs(a - 0.02) < 0.003 && Math.abs(b - 0.02) < 0.003, `${a} and ${b} hedges a part`);
  }
});

const tied = { copies: 2, staggerUs: 200 };

test("tied copies: one of each runs, the other is dropped while it waits or before it comes", () => {
  const { kinds, counters } = play({
    nodes: 4,
    fanOut: { tied },
    station: { service: "exponential" },
    reads: 4_000,
    perSecond: 2_800,
  });
  assert.deepEqual(kinds, { ok: 4_000 });
  const { begun, dropped, droppedBefore, droppedLate } = counters;
  // Two servers that become free within a network's delay both begin: here one that lingers for 0.1 ms at most.
  assert.ok(begun < 4_000 * 1.02, `${begun} begun`);
  assert.ok(
    dropped > 500 && droppedBefore > 500 && droppedLate < 80,
    JSON.stringify({ dropped, droppedBefore, droppedLate }),
  );
});

test("without a stagger and over a slow network both idle servers begin, and both runs are counted", () => {
  const link: Delay = { kind: "constant", us: 300 };
  const story = { nodes: 4, reads: 500, perSecond: 50, link };
  const both = play({ ...story, fanOut: { tied: { copies: 2, staggerUs: 0 } } });
  assert.deepEqual(both.kinds, { ok: 500 });
  assert.ok(both.counters.begun > 750, `${both.counters.begun} of 1,000 begun`);
  assert.equal(both.counters.lateAnswers, both.counters.begun - 500);
  const staggered = play({ ...story, fanOut: { tied: { copies: 2, staggerUs: 700 } } });
  assert.ok(
    staggered.counters.begun <= 520,
    `${staggered.counters.begun} begun with twice the network's delay between sends`,
  );
});

test("words to drop that are lost cost a run in vain, and every read is answered once", () => {
  const all = [0, 1, 2, 3];
  const lost: Fault = { kind: "drop", from: all, to: all, probability: 1, only: ["drop"] };
  const { kinds, counters } = play({ nodes: 4, fanOut: { tied }, reads: 500, perSecond: 500, faults: [lost] });
  assert.deepEqual(kinds, { ok: 500 });
  assert.equal(counters.begun, 1_000);
});

test("a server that dies after its twin was told to drop: nobody runs the copy, and the client's patience ends the read", () => {
  const deployment: Deployment = {
    topology: oneRegion(3, 1, noDelays),
    durability: "none",
    service: {
      kind: "station",
      servers: 1,
      serviceUs: 20 * millisecond,
      service: "fixed",
      discipline: "fifo",
      queueLimit: 9,
      dropExpired: false,
      fanOut: { parts: 1, leaves: "queues", tied },
    },
  };
  const simulation = createSimulation(deployment, 2);
  const answers: string[] = [];
  const ask = (): void =>
    simulation.request(0, { kind: "work", operation: 1, timeoutUs: 100 * millisecond }, (answer) => {
      answers.push(`${Math.floor(simulation.now / millisecond)} ms ${answer.kind === "ok" ? "ok" : answer.code}`);
    });
  ask();
  simulation.run(5 * millisecond);
  const begun = (simulation.counters().begunByNode as number[]).indexOf(1);
  assert.ok(begun > 0, "the seed lets another node begin it");
  simulation.inject({ kind: "crash", nodes: [begun] });
  simulation.run(150 * millisecond);
  assert.deepEqual(answers, ["100 ms timeout"]);
  simulation.inject({ kind: "restart", nodes: [begun] });
  ask();
  simulation.run(300 * millisecond);
  assert.match(answers[1], /ok$/);
});

test("a queue that is full sends the read elsewhere at once; when all are full it is refused", () => {
  const station = { queueLimit: 0, serviceUs: 5 * millisecond };
  const hedge: HedgeSpec = { copies: 3, delay: { kind: "fixed", afterUs: [50 * millisecond] } };
  const plain = play({ nodes: 3, fanOut: {}, station, reads: 300, perSecond: 200 });
  const hedged = play({ nodes: 3, fanOut: { hedge }, station, reads: 300, perSecond: 200 });
  assert.ok(plain.kinds.overloaded > 60, JSON.stringify(plain.kinds));
  assert.ok(hedged.kinds.overloaded < plain.kinds.overloaded / 2, JSON.stringify(hedged.kinds));
  assert.ok(hedged.longestMs < 10, `${hedged.longestMs} ms: no wait for the delay after a refusal`);
});

test("writes are sent once, however late they are, and each has one effect", () => {
  const hedge: HedgeSpec = { copies: 2, delay: { kind: "fixed", afterUs: [1_500] } };
  const story = {
    nodes: 5,
    station: { service: "exponential" as const },
    reads: 200,
    perSecond: 2_000,
    more: { write: true },
  };
  for (const fanOut of [{ hedge }, { tied }]) {
    const { kinds, counters } = play({ ...story, fanOut });
    assert.deepEqual([kinds.ok, counters.asks], [200, 200]);
    assert.deepEqual(new Set(counters.effects as unknown as number[]), new Set([1]));
  }
});

test("the same seed gives the same trace", () => {
  const story: Story = { nodes: 6, fanOut: { parts: 3, hedge: hedgeAt10, curve }, reads: 300, perSecond: 200 };
  assert.equal(play(story).simulation.digest(), play(story).simulation.digest());
});
