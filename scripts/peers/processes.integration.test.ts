import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";

const processes = new URL("processes.ts", import.meta.url).href;

/** A bench with two servers that says where it is and then runs `rest`. */
function startBench(rest: string) {
  const code = `import { launch, run, withBench } from ${JSON.stringify(processes)};
    await withBench("test", async (bench) => {
      const one = launch(bench, { name: "one", command: ["sleep", "60"] });
      const two = launch(bench, { name: "two", command: ["sleep", "60"], stopSignal: "SIGINT" });
      process.stdout.write(JSON.stringify([bench.folder, one.child.pid, two.child.pid]) + "\\n");
      ${rest}
    });`;
  return spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "pipe"] });
}

async function saidAndLeft(child: ReturnType<typeof startBench>, signal?: NodeJS.Signals) {
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const ended = once(child, "close");
  const [line] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  const [folder, ...pids] = JSON.parse(line) as [string, number, number];
  if (signal !== undefined) child.kill(signal);
  const [code] = (await ended) as [number | null];
  return { code, errors, left: [folder, ...pids.map((pid) => `/proc/${pid}`)].filter((path) => existsSync(path)) };
}

test("a bench that returns, throws or is interrupted leaves no process and no file", async () => {
  const [returned, threw, interrupted, hungUp] = await Promise.all([
    saidAndLeft(startBench("")),
    saidAndLeft(startBench(`throw new Error("the body's own");`)),
    saidAndLeft(startBench(`await run(bench, ["sleep", "60"]);`), "SIGINT"),
    saidAndLeft(startBench(`await run(bench, ["sleep", "60"]);`), "SIGHUP"),
  ]);
  assert.deepEqual(returned, { code: 0, errors: "", left: [] });
  assert.deepEqual([threw.code, threw.left], [1, []]);
  assert.match(threw.errors, /the body's own/);
  assert.deepEqual(interrupted, { code: 130, errors: "bench:peers: interrupted by SIGINT\n", left: [] });
  assert.deepEqual(hungUp, { code: 129, errors: "bench:peers: interrupted by SIGHUP\n", left: [] });
});
