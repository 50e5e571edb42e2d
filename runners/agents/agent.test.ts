import assert from "node:assert/strict";
import { test } from "node:test";
import { Agent } from "./agent.ts";
import { code, loadTask, otherCode, rehearsed } from "./fleet.fixture.ts";
import type { AgentResult, FromAgent, ToAgent, ToAgents } from "./messages.ts";
import { packResult, recorderToJson, unpackResult } from "./recorder-json.ts";

/** An agent with its workers, its coordinator and time in the test's hands. */
class Desk {
  nowMs = 1_000_000;
  readonly sent: FromAgent[] = [];
  readonly did: string[] = [];
  readonly words: string[] = [];
  readonly agent: Agent;

  constructor() {
    this.agent = new Agent(
      { agent: "id-a", name: "a", code },
      {
        send: (_run, message) => void this.sent.push(message),
        prepare: (run) => void this.did.push(`prepare ${run}`),
        start: (run, atMs) => void this.did.push(`start ${run} in ${atMs - this.nowMs} ms`),
        stop: (run) => void this.did.push(`stop ${run}`),
        say: (text) => void this.words.push(text),
      },
    );
  }

  hear(message: ToAgents | ToAgent): void {
    this.agent.onMessage(message, this.nowMs);
  }

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 50) this.agent.onTick(this.nowMs);
  }

  assign(run: string, by = code): void {
    const assignment = {
      task: loadTask,
      target: { kind: "rehearsal" },
      part: { index: 1, count: 3 },
      threads: 1,
    } as const;
    this.hear({ kind: "assign", run, code: by, assignment });
  }

  /** Up to a load that runs. */
  run(run: string): void {
    this.assign(run);
    this.agent.onReady(run);
    this.hear({ kind: "start", run, atMs: { "id-a": this.nowMs + 1_000 } });
  }

  last(kind: FromAgent["kind"]): FromAgent | undefined {
    return this.sent.findLast((message) => message.kind === kind);
  }

  reason(kind: "refused" | "failed"): string {
    const found = this.last(kind);
    assert.ok(found !== undefined && "reason" in found, `nothing ${kind}`);
    return found.reason;
  }
}

/** Large enough for several chunks: it hardly deflates. */
function bigResult(): AgentResult {
  let state = 1;
  const noise = (): number => (state = (state * 48_271) % 2_147_483_647);
  const { recorder } = rehearsed(1, 3);
  return { recorder: recorderToJson(recorder), history: Array.from({ length: 90_000 }, noise), loopDelayP99Us: 0 };
}

test("from the slice to the last chunk: the result arrives whole, each chunk sent until it is known to be kept", async () => {
  const desk = new Desk();
  desk.run("r1");
  assert.deepEqual(desk.did, ["prepare r1", "start r1 in 1000 ms"]);
  const result = bigResult();
  desk.agent.onResult("r1", await packResult(result), desk.nowMs);
  const chunks: string[] = [];
  while (!desk.agent.free) {
    const sent = desk.last("result");
    assert.ok(sent?.kind === "result");
    // Lost on the way once: the same chunk comes again.
    desk.pass(1_200);
    assert.deepEqual(desk.last("result"), sent);
    assert.equal(desk.sent.filter((m) => m.kind === "result" && m.chunk === sent.chunk).length, 2);
    chunks[sent.chunk] = sent.text;
    desk.hear({ kind: "kept", run: "r1", chunk: sent.chunk });
    // An acknowledgement that comes twice acknowledges nothing else.
    desk.hear({ kind: "kept", run: "r1", chunk: sent.chunk });
  }
  assert.ok(chunks.length > 2, `${chunks.length} chunks`);
  const { history, ...figures } = unpackResult(chunks.join(""));
  assert.deepEqual({ ...figures, history: history() }, JSON.parse(JSON.stringify(result)));
  assert.equal(desk.agent.ended, 1);
});

test("a coordinator that is silent for 5 s is gone: the load stops by itself, and the agent is free again", () => {
  const desk = new Desk();
  desk.run("r1");
  for (let i = 0; i < 10; i++) {
    desk.pass(4_000);
    desk.hear({ kind: "beat", run: "r1" });
  }
  // Another run's coordinator is no sign of life of this one's.
  desk.pass(3_000);
  desk.hear({ kind: "beat", run: "r2" });
  desk.pass(2_100);
  assert.equal(desk.did.at(-1), "stop r1");
  assert.match(desk.words.at(-1)!, /the coordinator has been silent for 5 s/);
  assert.equal(desk.agent.free, false);
  desk.agent.onStopped("r1");
  assert.equal(desk.agent.free, true);
  desk.run("r2");
  assert.equal(desk.did.at(-1), "start r2 in 1000 ms");
});

test("one run at a time, and only of its own code", () => {
  const desk = new Desk();
  desk.assign("r1", otherCode);
  assert.match(desk.reason("refused"), /the agent's code is not the coordinator's \(commit 2eb9281, not 77aa55b\)/);
  desk.assign("r2");
  desk.assign("r2");
  desk.assign("r3");
  assert.equal(desk.reason("refused"), "busy with run r2");
  assert.deepEqual(desk.did, ["prepare r2"]);
});

test("a start that has passed, or that is others', is not made up for", () => {
  for (const [atMs, reason] of [
    [{ "id-a": 999_880 }, /120 ms too late/],
    [{ "id-b": 1_001_000 }, /heard of the start of others/],
  ] as const) {
    const desk = new Desk();
    desk.assign("r1");
    desk.agent.onReady("r1");
    desk.hear({ kind: "start", run: "r1", atMs } as ToAgents);
    assert.match(desk.reason("failed"), reason);
    assert.equal(desk.did.at(-1), "stop r1");
  }
});

test("an abort stops the load, and what workers say of it afterwards goes nowhere", () => {
  const desk = new Desk();
  desk.run("r1");
  desk.hear({ kind: "abort", run: "r0", reason: "an old story" });
  assert.equal(desk.did.at(-1), "start r1 in 1000 ms");
  desk.hear({ kind: "abort", run: "r1", reason: "the coordinator was interrupted" });
  assert.equal(desk.did.at(-1), "stop r1");
  const sent = desk.sent.length;
  desk.agent.onSnapshot("r1", 1, recorderToJson(rehearsed(0, 3).recorder));
  desk.pass(2_000);
  desk.agent.onResult("r1", "a result", desk.nowMs);
  assert.equal(desk.sent.length, sent);
  assert.equal(desk.agent.free, true);
});

test("a worker that dies is the coordinator's to know, at once", () => {
  const desk = new Desk();
  desk.run("r1");
  desk.agent.onFailed("r1", "a generator thread ended");
  assert.equal(desk.reason("failed"), "a generator thread ended");
  assert.equal(desk.agent.free, true);
});
