/** Processes that contend for one data folder: of those that start together exactly one gets it, and a killed one keeps nobody out. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import type { TestContext } from "node:test";
import { FolderHeldError, FolderLock } from "./folder-lock.ts";
import type { Contest, ContestAnswer } from "./folder-lock.fixture.ts";

class Contender {
  readonly process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.process = child;
  }

  static async start(t: TestContext): Promise<Contender> {
    const child = fork(new URL("./folder-lock.fixture.ts", import.meta.url), { execArgv: [] });
    t.after(() => void child.kill("SIGKILL"));
    await once(child, "message");
    return new Contender(child);
  }

  async ask(contest: Contest): Promise<ContestAnswer> {
    const answered = once(this.process, "message");
    this.process.send(contest);
    const [answer] = (await answered) as [ContestAnswer];
    return answer;
  }

  async kill(): Promise<void> {
    const exited = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await exited;
  }
}

function folder(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "folder-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("of processes that start at one instant exactly one gets the folder, in 400 rounds", async (t) => {
  const contenders = await Promise.all([1, 2, 3].map(() => Contender.start(t)));
  const directory = folder(t);
  for (let round = 0; round < 400; round++) {
    const data = join(directory, String(round >> 3));
    // Eight rounds a folder: at first there is nothing, later what was given back, and sometimes what a dead process holds.
    if (round % 8 === 4) leaveStale(data, 1_000);
    const contest = { kind: "take", directory: data, atMs: Date.now() + 2 } as const;
    const answers = await Promise.all(contenders.map((contender) => contender.ask(contest)));
    const winners = contenders.filter((_, i) => answers[i].kind === "taken");
    assert.equal(winners.length, 1, `round ${round}: ${JSON.stringify(answers)}`);
    for (const answer of answers) if (answer.kind === "held") assert.equal(answer.holder, winners[0].process.pid);
    await winners[0].ask({ kind: "release" });
  }
});

test("however often it changes hands, nobody meets another in the folder", async (t) => {
  const contenders = await Promise.all([1, 2, 3].map(() => Contender.start(t)));
  const directory = folder(t);
  const contest = { kind: "churn", directory, untilMs: Date.now() + 1_000 } as const;
  const answers = await Promise.all(contenders.map((contender) => contender.ask(contest)));
  let times = 0;
  for (const answer of answers) {
    assert(answer.kind === "churned" && answer.met === 0, JSON.stringify(answers));
    times += answer.taken;
  }
  assert(times > 100, `it changed hands ${times} times`);
});

/** A lock by that number whose holder, a process id that Linux never gives, is no more. */
function leaveStale(data: string, number: number): void {
  const { dev, ino } = statSync(join(data, "lock"));
  writeFileSync(join(data, "lock", String(number)), `4194305 boot 1 ${dev}:${ino}`);
}

test("while its holder lives a folder is refused, and names it; killed, it is free at once", async (t) => {
  const directory = folder(t);
  const holder = await Contender.start(t);
  assert.deepEqual(await holder.ask({ kind: "take", directory, atMs: 0 }), { kind: "taken" });
  assert.throws(
    () => FolderLock.take(directory),
    (error) => error instanceof FolderHeldError && error.holder === holder.process.pid,
  );
  await holder.kill();
  FolderLock.take(directory).release();
});
