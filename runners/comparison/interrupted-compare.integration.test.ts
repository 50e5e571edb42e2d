/** Ctrl-C during `wavetank compare`, in a process of its own: what is kept, how it ends, and that nothing is left behind. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { readResults } from "../../reports/report.ts";
import type { Results } from "../results.ts";
import { tinyRepository, type TinyRepository } from "./revisions.fixture.ts";

const place = mkdtempSync(path.join(tmpdir(), "wavetank-interrupted-"));
after(() => rmSync(place, { recursive: true, force: true }));

/** A signal that is lost would else be waited for until the end of days. */
const timeout = 60_000;

const urlOf = (file: string): string => new URL(file, import.meta.url).href;

/** The command with the real report and the real signals. `kind` is of the two sides; the suite of designs hangs from run 7. */
const program = (kind: "revisions" | "designs", repository: string, out: string): string => `
  import { compareCommand } from "${urlOf("./compare-command.ts")}";
  import { usualRule } from "${urlOf("../compare/comparison.ts")}";
  import { processTerminal } from "${urlOf("../command-terminal.ts")}";
  import { catalog, experimentResult, recording, resultsOf } from "${urlOf("../command.fixture.ts")}";
  import { writeReport } from "${urlOf("../../reports/report.ts")}";
  const sides = {
    revisions: { baseline: "slow", candidate: "fast", compared: { kind: "revisions", words: ["x"] } },
    designs: {
      baseline: "none", candidate: "full-jitter",
      compared: { kind: "designs", experiment: "retry-storm", tank: "threads", quick: false },
    },
  };
  let runs = 0;
  const parts = recording({
    terminal: processTerminal(),
    signals: process,
    leave: (code) => process.exit(code),
    catalog: async () => catalog,
    runSuite: async (options) => {
      if (++runs < 7)
        return resultsOf([experimentResult({ run: { metrics: { p50Ms: options.designs[0] === "none" ? 10 : 5 } } })]);
      setInterval(() => {}, 1_000);
      await new Promise((resolve) => options.signal.addEventListener("abort", resolve));
      return resultsOf([experimentResult({ designs: [] })]);
    },
    writeReport: async (results, directory) => Object.values(await writeReport(results, directory)),
  });
  process.exit(await compareCommand(
    {
      ...sides.${kind}, pairs: 6, metrics: ["p50Ms"], rule: usualRule, out: ${JSON.stringify(out)}, json: false,
      rerun: "the line that repeats it",
    },
    parts,
    ${JSON.stringify(repository)},
  ));
`;

class Running {
  readonly child: ChildProcess;
  output = "";

  constructor(words: readonly string[], temporary: string) {
    this.child = spawn(process.execPath, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, CI: "true", TMPDIR: temporary },
    });
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.on("data", (part: Buffer) => {
        this.output += part.toString();
        this.child.emit("output");
      });
  }

  async says(expected: RegExp): Promise<void> {
    while (!expected.test(this.output)) {
      if (this.child.exitCode !== null) assert.fail(`ended without ${expected}:\n${this.output}`);
      await Promise.race([once(this.child, "output"), once(this.child, "exit")]);
    }
  }

  /** Signals that come with the first are echoes of it, so a person's second one is sent until it counts. */
  async insist(): Promise<number | null> {
    const insist = setInterval(() => this.child.kill("SIGINT"), 100);
    try {
      return await this.ended();
    } finally {
      clearInterval(insist);
    }
  }

  async ended(): Promise<number | null> {
    const [code] = (await once(this.child, "close")) as [number | null];
    return code;
  }
}

interface Stage {
  readonly out: string;
  readonly temporary: string;
  readonly repository: TinyRepository;
}

function stage(): Stage {
  const folder = mkdtempSync(path.join(place, "stage-"));
  const temporary = path.join(folder, "tmp");
  mkdirSync(temporary);
  return { out: path.join(folder, "out"), temporary, repository: tinyRepository(folder) };
}

const compare = (kind: "revisions" | "designs", { repository, out, temporary }: Stage): Running =>
  new Running(["--input-type=module", "--eval", program(kind, repository.root, out)], temporary);

function assertNothingLeft({ repository, temporary }: Stage): void {
  assert.deepEqual(repository.worktrees(), []);
  assert.equal(existsSync(path.join(repository.root, ".git", "worktrees")), false, "git has entries of worktrees");
  assert.deepEqual(readdirSync(temporary), []);
  for (const { pid } of repository.runs()) assert.ok(isGone(pid), `run ${pid} goes on`);
}

/** A process that has ended and that nobody has asked about yet counts as gone. */
function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true;
  }
}

/** A run that hangs has said so, by a line in its log, before a signal is sent: what is then interrupted is a run and not the next start. */
async function untilARunHangs({ repository }: Stage): Promise<void> {
  while (!repository.runs().some(({ hangs }) => hangs)) await new Promise((resolve) => setTimeout(resolve, 20));
}

function assertPartial({ compared }: Results, counted: number, output: string): void {
  assert.equal(compared?.partial, true);
  const [metric] = compared!.groups[0].metrics;
  assert.equal(metric.pairs.length - metric.warmUpPairs, counted);
  assert.deepEqual([metric.verdict, metric.pairsNeeded], ["undecided", 6]);
  assert.ok(metric.ratio!.high < 0.6, "the figures are there");
  assert.match(output, /Interrupted before its 6 pairs: nothing is decided/);
  assert.match(output, /p50Ms .*undecided \(about 6 pairs would decide, 4 more\)/);
}

for (const kind of ["revisions", "designs"] as const) {
  test(
    `Ctrl-C between two ${kind}: the finished pairs are kept and decide nothing, exit code 130, nothing is left`,
    { timeout },
    async () => {
      const at = stage();
      at.repository.behave({ hangFrom: 7 });
      const running = compare(kind, at);
      await running.says(/\[3\/7\]/);
      if (kind === "revisions") await untilARunHangs(at);
      running.child.kill("SIGINT");
      assert.equal(await running.ended(), 130, running.output);
      assertPartial(readResults(path.join(at.out, "results.json")), 2, running.output);
      assert.match(readFileSync(path.join(at.out, "report.html"), "utf8"), /Stopped before its 6 pairs/);
      assertNothingLeft(at);
    },
  );
}

test(
  "a second Ctrl-C leaves at once, and still no worktree, folder or run is left, however deaf the run",
  { timeout },
  async () => {
    const at = stage();
    at.repository.behave({ hangFrom: 2, deaf: true });
    const running = compare("revisions", at);
    await untilARunHangs(at);
    assert.equal(at.repository.worktrees().length, 2);
    running.child.kill("SIGINT");
    await running.says(/stopping/);
    assert.equal(await running.insist(), 130, running.output);
    assert.deepEqual(readdirSync(at.out), []);
    assertNothingLeft(at);
  },
);

for (const twice of [false, true]) {
  test(
    `${twice ? "two Ctrl-C" : "Ctrl-C"} while the first revision is checked out: nothing is left either`,
    { timeout },
    async () => {
      const at = stage();
      const hook = path.join(at.repository.root, ".git", "hooks", "post-checkout");
      const marks = path.join(path.dirname(at.out), "checking-out");
      // A check-out that takes for ever; it notes its process, so that it can be seen to end.
      writeFileSync(
        hook,
        `#!/bin/sh\n${twice ? "trap '' TERM\n" : ""}echo $$ > ${marks}\nwhile [ -e ${marks} ]; do sleep 0.1; done\n`,
      );
      chmodSync(hook, 0o755);
      const running = compare("revisions", at);
      while (!existsSync(marks) || readFileSync(marks, "utf8") === "") await new Promise((r) => setTimeout(r, 20));
      running.child.kill("SIGINT");
      const code = twice ? await running.insist() : await running.ended();
      assert.equal(code, 130, running.output);
      if (!twice) assert.match(running.output, /no pair was finished/);
      assertNothingLeft(at);
      assert.ok(isGone(Number(readFileSync(marks, "utf8"))), "git goes on");
    },
  );
}

test("Ctrl-C between two URLs, as somebody types it", { timeout }, async () => {
  const server = http.createServer((_, response) => response.end("ok"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const at = stage();
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const main = path.join(import.meta.dirname, "..", "main.ts");
    const words = ["compare", url, url, "--rate", "200", "--for", "300ms", "--pairs", "60", "--out", at.out];
    const running = new Running([main, ...words], at.temporary);
    await running.says(/\[3\/61\]/);
    running.child.kill("SIGINT");
    assert.equal(await running.ended(), 130, running.output);
    const { compared } = readResults(path.join(at.out, "results.json"));
    assert.equal(compared?.partial, true);
    assert.ok(compared!.groups[0].metrics.every(({ verdict, pairs }) => verdict === "undecided" && pairs.length >= 2));
    assertNothingLeft(at);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
