import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { Interruption } from "./command-terminal.ts";

/**
 * The command line with a suite that would run for ever: each "run" ends when the suite is aborted, unless it is deaf. What is
 * written is printed, so that a test sees what a report would hold.
 */
const program = (deaf: boolean): string => `
  import { runCommandLine } from "${new URL("./command-line.ts", import.meta.url).href}";
  import { processTerminal } from "${new URL("./command-terminal.ts", import.meta.url).href}";
  import { catalog, experimentResult, recording, resultsOf } from "${new URL("./command.fixture.ts", import.meta.url).href}";
  const item = { experiment: "retry-storm", tank: "threads", design: "none", round: 0, expectedS: 60 };
  const runSuite = async (options, observer) => {
    observer.onPlan([item]);
    observer.onRunStart(item);
    setInterval(() => {}, 1_000);
    await new Promise((resolve) => { if (!${deaf}) options.signal.addEventListener("abort", resolve); });
    return resultsOf([experimentResult({ status: "interrupted" })], options);
  };
  const parts = recording({
    terminal: processTerminal(),
    signals: process,
    leave: (code) => process.exit(code),
    catalog: async () => catalog,
    runSuite,
    writeReport: async (results, directory) => {
      console.log("written", directory, results.experiments[0].status);
      return [directory + "/report.html"];
    },
  });
  process.exit(await runCommandLine(["run"], parts));
`;

interface Ending {
  readonly code: number | null;
  readonly output: string;
}

class Running {
  private readonly child: ChildProcess;
  private output = "";

  constructor(deaf: boolean) {
    this.child = spawn(process.execPath, ["--input-type=module", "--eval", program(deaf)], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CI: "true" },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (part: Buffer) => {
        this.output += part.toString();
        this.child.emit("output");
      });
    }
  }

  async says(expected: RegExp): Promise<void> {
    while (!expected.test(this.output)) {
      if (this.child.exitCode !== null) assert.fail(`ended without ${expected}:\n${this.output}`);
      await new Promise((resolve) => {
        this.child.once("output", resolve);
        this.child.once("exit", resolve);
      });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  ended(): Promise<Ending> {
    return new Promise((resolve) => this.child.on("close", (code) => resolve({ code, output: this.output })));
  }
}

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} ends the suite, writes what there is and exits with ${code}`, async () => {
    const running = new Running(false);
    await running.says(/1 run planned/);
    running.kill(signal);
    const ending = await running.ended();
    assert.equal(ending.code, code, ending.output);
    assert.match(ending.output, /written \.wavetank\/runs\/\S+ interrupted/);
    assert.match(ending.output, /Interrupted: the report holds what was finished/);
  });
}

test("a second Ctrl-C leaves at once, even when the suite does not end", async () => {
  const running = new Running(true);
  await running.says(/1 run planned/);
  running.kill("SIGINT");
  await running.says(/stopping/);
  // Signals that come with the first are echoes of it, so a person's second one is sent until it counts.
  const insist = setInterval(() => running.kill("SIGINT"), 100);
  const ending = await running.ended();
  clearInterval(insist);
  assert.equal(ending.code, 130, ending.output);
  assert.doesNotMatch(ending.output, /written/);
});

test("the echo that npm adds to a Ctrl-C is not a second one", () => {
  const source = new EventEmitter();
  const left: number[] = [];
  let nowMs = 0;
  let first = 0;
  const interruption = new Interruption(
    source,
    () => first++,
    (code) => left.push(code),
    () => nowMs,
  );
  source.emit("SIGINT");
  nowMs = 299;
  source.emit("SIGINT");
  assert.deepEqual([left, first, interruption.signal.aborted], [[], 1, true]);
  nowMs = 300;
  source.emit("SIGTERM");
  assert.deepEqual(left, [143]);
  interruption.end();
  assert.equal(source.listenerCount("SIGINT"), 0);
});
