import assert from "node:assert/strict";
import { test } from "node:test";
import { Recorder } from "../measure/recorder.ts";
import { Coordination } from "./coordination.ts";
import { code, figures, loadTask, mergedParts, otherCode, rehearsed } from "./fleet.fixture.ts";
import { lostAfterMs, type FromAgent, type ToAgent, type ToAgents } from "./messages.ts";
import type { Snapshot } from "../slice-task.ts";
import { packResult, recorderToJson } from "./recorder-json.ts";

/** A coordination with time in the test's hands. Agents are names; each clock is ahead of the coordinator's by so much. */
class Table {
  nowMs = 1_000_000;
  readonly said: { readonly to: string; readonly message: ToAgents | ToAgent }[] = [];
  /** What those who watch were told. */
  readonly news: { readonly index: number; readonly news: Snapshot }[] = [];
  readonly coordination: Coordination;

  constructor(agents: number) {
    this.coordination = new Coordination(
      { run: "r1", code, agents, threads: 1, task: loadTask, target: { kind: "rehearsal" } },
      {
        toAgents: (message) => void this.said.push({ to: "all", message }),
        toAgent: (to, message) => void this.said.push({ to, message }),
        toWatch: (index, news) => void this.news.push({ index, news }),
      },
    );
  }

  /** Ticks every 50 ms, as the real coordinator does. */
  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 50) this.coordination.onTick(this.nowMs);
  }

  hear(message: FromAgent): void {
    this.coordination.onMessage(message, this.nowMs);
  }

  present(name: string, changes: { code?: typeof code; busy?: string } = {}): void {
    this.hear({ kind: "present", run: "r1", agent: name, name, code, busy: null, ...changes });
  }

  /** Discovery over, workers ready, clocks known: agents run. */
  start(names: readonly string[], aheadMs = 0): void {
    this.pass(100);
    for (const name of names) this.present(name);
    this.pass(500);
    for (const agent of names) this.hear({ kind: "ready", run: "r1", agent });
    for (let i = 0; i < 8; i++) {
      const sentMs = this.nowMs;
      // Slow on the way there in all rounds but the last.
      this.nowMs += i === 7 ? 20 : 40;
      for (const agent of names)
        this.hear({ kind: "pong", run: "r1", agent, sentMs, atMs: this.nowMs - (i === 7 ? 10 : 1) + aheadMs });
    }
  }

  to(name: string): string[] {
    return this.said.filter(({ to }) => to === name).map(({ message }) => message.kind);
  }

  /** The word that went to everybody. */
  last<K extends ToAgents["kind"]>(kind: K): Extract<ToAgents, { kind: K }> {
    const found = this.said.findLast(({ message }) => message.kind === kind);
    assert.ok(found, `nobody was told ${kind}`);
    return found.message as Extract<ToAgents, { kind: K }>;
  }

  beat(...agents: readonly string[]): void {
    for (const agent of agents) this.hear({ kind: "beat", run: "r1", agent, progress: null });
  }

  snapshot(agent: string, number: number, index: number): void {
    const recorder = recorderToJson(rehearsed(index, 10).recorder);
    this.hear({ kind: "snapshot", run: "r1", agent, number, untilUs: (number + 1) * 1_000_000, recorder });
  }

  async result(agent: string, index: number, count: number, chunkLength = 1_000_000): Promise<void> {
    const { recorder, history, loopDelayP99Us } = rehearsed(index, count);
    const text = await packResult({ recorder: recorderToJson(recorder), history, loopDelayP99Us });
    const chunks = Math.ceil(text.length / chunkLength);
    // Backwards and twice: what arrives again or out of order changes nothing.
    for (const round of [0, 1]) {
      for (let chunk = chunks - 1; chunk >= 0; chunk--) {
        const piece = text.slice(chunk * chunkLength, (chunk + 1) * chunkLength);
        if (round === 0 || chunk > 0) this.hear({ kind: "result", run: "r1", agent, chunk, chunks, text: piece });
      }
    }
  }

  collected(): { recorder: Recorder } & ReturnType<Coordination["collect"]> {
    assert.equal(this.coordination.phase, "over");
    const recorder = new Recorder(loadTask.record);
    return { recorder, ...this.coordination.collect(recorder) };
  }
}

const names = ["agent-10", "agent-2", "agent-9"];

test("slices are dealt in the order of names, and results merge to what one process with as many slices has", async () => {
  const table = new Table(3);
  table.start(names);
  const dealt = table.said.flatMap(({ to, message }) =>
    message.kind === "assign" ? [`${to}: ${message.assignment.part.index + 1}/${message.assignment.part.count}`] : [],
  );
  assert.deepEqual(dealt, ["agent-2: 1/3", "agent-9: 2/3", "agent-10: 3/3"]);
  await table.result("agent-10", 2, 3);
  await table.result("agent-2", 0, 3, 1_000);
  await table.result("agent-9", 1, 3);
  const { recorder, history, slices } = table.collected();
  const alone = [0, 1, 2].map((index) => rehearsed(index, 3));
  assert.deepEqual(figures(recorder), figures(mergedParts(alone.map((slice) => slice.recorder))));
  assert.equal(history.length, alone.flatMap((slice) => slice.history).length);
  assert.deepEqual(
    slices.parts.map(({ agent, complete }) => [agent, complete]),
    [
      ["agent-2", true],
      ["agent-9", true],
      ["agent-10", true],
    ],
  );
});

test("the start is one instant on clocks that differ: the shortest round trip tells by how much", async () => {
  const table = new Table(1);
  table.start(["a"], 60_000);
  const { atMs } = table.last("start");
  assert.equal(table.coordination.phase, "running");
  assert.equal(atMs.a - table.coordination.startAtMs!, 60_000);
  await table.result("a", 0, 1);
  const [{ clockOffsetMs, clockErrorMs }] = table.collected().slices.parts;
  assert.ok(Math.abs(clockOffsetMs! - 60_000) <= clockErrorMs!);
  assert.equal(clockErrorMs, 10);
});

test("an agent that falls silent is lost: its snapshots are kept, once, and the others go on", async () => {
  const table = new Table(3);
  table.start(["a", "b", "c"]);
  table.snapshot("b", 0, 4);
  table.snapshot("b", 1, 5);
  // A repetition, and one after a gap: neither counts.
  table.snapshot("b", 1, 5);
  table.snapshot("b", 3, 6);
  for (let i = 0; i < 8; i++) {
    table.pass(lostAfterMs / 6);
    table.beat("a", "c");
  }
  assert.match(
    table.coordination.notes.join(),
    /agent b is lost \(silent for 3 s\): slice 2 of 3 is missing from 2\.0 s/,
  );
  assert.equal(table.coordination.phase, "running");
  // It was only cut off, and comes back with everything: too late, or it would be counted twice.
  await table.result("b", 1, 3);
  assert.equal(table.to("b").at(-1), "late");
  await table.result("a", 0, 3);
  await table.result("c", 2, 3);
  const { recorder, slices } = table.collected();
  const expected = mergedParts(
    [rehearsed(0, 3), rehearsed(4, 10), rehearsed(5, 10), rehearsed(2, 3)].map((s) => s.recorder),
  );
  assert.deepEqual(figures(recorder), figures(expected));
  assert.deepEqual(
    slices.parts.map(({ complete, keptS, reason }) => [complete, keptS, reason]),
    [
      [true, 3, undefined],
      [false, 2, "silent for 3 s"],
      [true, 3, undefined],
    ],
  );
});

test("who watches is told what is kept of a slice, as it comes, and nothing else", async () => {
  const table = new Table(3);
  table.start(["a", "b", "c"]);
  table.snapshot("a", 0, 3);
  assert.equal(table.news.length, 1, "while the run is under way");
  table.snapshot("b", 0, 4);
  table.snapshot("b", 0, 4);
  table.snapshot("b", 2, 6);
  table.hear({ kind: "failed", run: "r1", agent: "b", reason: "a worker died" });
  // Lost, and whole: what comes now is not kept.
  table.snapshot("b", 1, 5);
  await table.result("b", 1, 3);
  await table.result("a", 0, 3);
  table.snapshot("a", 1, 7);
  await table.result("c", 2, 3);
  assert.deepEqual(
    table.news.map(({ index, news }) => [index, news.untilUs]),
    [
      [0, 1_000_000],
      [1, 1_000_000],
    ],
  );
  const told = mergedParts(table.news.map(({ news }) => news.recorder));
  assert.deepEqual(figures(told), figures(mergedParts([rehearsed(3, 10), rehearsed(4, 10)].map((s) => s.recorder))));
  const kept = table.collected().recorder;
  assert.deepEqual(
    figures(kept),
    figures(mergedParts([rehearsed(0, 3), rehearsed(4, 10), rehearsed(2, 3)].map((s) => s.recorder))),
  );
});

test("a whole result takes the place of its snapshots", async () => {
  const table = new Table(1);
  table.start(["a"]);
  table.snapshot("a", 0, 4);
  await table.result("a", 0, 1);
  assert.deepEqual(figures(table.collected().recorder), figures(mergedParts([rehearsed(0, 1).recorder])));
});

test("a result that cannot be read is a lost slice, not a crash", () => {
  const table = new Table(1);
  table.start(["a"]);
  table.hear({ kind: "result", run: "r1", agent: "a", chunk: 0, chunks: 1, text: "AAAA" });
  assert.match(table.collected().slices.parts[0].reason!, /its result cannot be read/);
});

test("agents with other code or at work are not taken, and who is missing is said", () => {
  const table = new Table(2);
  table.pass(100);
  table.present("a");
  table.present("b", { code: otherCode });
  table.present("c", { busy: "r0" });
  table.pass(11_000);
  assert.equal(table.coordination.phase, "over");
  assert.equal(
    table.coordination.failure,
    "1 of 2 agents came within 10 s; b runs version 1.0.0, commit 77aa55b, sources bbbbbbbb, and the coordinator version " +
      "1.0.0, commit 2eb9281, sources aaaaaaaa; c is busy with run r0",
  );
  assert.equal(table.to("a").includes("assign"), false);
});

test("before the start, one agent that refuses or falls silent ends the run for all", () => {
  for (const trouble of ["refuses", "is silent"]) {
    const table = new Table(2);
    table.pass(100);
    for (const name of ["a", "b"]) table.present(name);
    table.pass(500);
    if (trouble === "refuses") table.hear({ kind: "refused", run: "r1", agent: "b", reason: "busy with run r0" });
    for (let i = 0; i < 8; i++) {
      table.beat("a");
      table.pass(500);
    }
    assert.match(table.coordination.failure!, /agent b cannot take its slice: (busy with run r0|silent for 3 s)/);
    assert.equal(table.last("abort").run, "r1");
  }
});

test("messages of another run, and an agent that comes late, change nothing", () => {
  const table = new Table(1);
  table.start(["a"]);
  table.hear({ kind: "failed", run: "r0", agent: "a", reason: "an old story" });
  table.hear({ kind: "ready", run: "r1", agent: "z" });
  assert.deepEqual(table.to("z"), ["late"]);
  table.hear({ kind: "present", run: "", agent: "y", name: "y", code, busy: null });
  assert.deepEqual(table.to("y"), ["late"]);
  assert.equal(table.coordination.phase, "running");
  assert.deepEqual(Object.keys(table.last("start").atMs), ["a"]);
});

test("an interruption is told to everybody", () => {
  const table = new Table(1);
  table.start(["a"]);
  table.coordination.abort("the coordinator was interrupted");
  assert.equal(table.last("abort").reason, "the coordinator was interrupted");
  assert.equal(table.coordination.phase, "over");
});
