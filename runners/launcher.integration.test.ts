import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const launcher = fileURLToPath(new URL("../bin/wavetank.js", import.meta.url));

/** A Node of another, older major version on the path of whoever runs the tests. */
function olderNode(): string | null {
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    const candidate = path.join(folder, "node");
    if (folder.includes("node_modules") || !existsSync(candidate)) continue;
    const version = spawnSync(candidate, ["-p", "process.versions.node"], { encoding: "utf8" }).stdout.trim();
    if (Number(version.split(".")[0]) < 26) return candidate;
  }
  return null;
}

const older = olderNode();
const skip = older === null ? "no Node older than 26 on PATH: `apt-get install nodejs` would bring one" : false;

/** A package folder with the launcher and a program that says what runs it, then waits for a signal if told to. */
function packageFolder(t: TestContext, withPinnedNode: boolean): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "wavetank-launcher-")));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const part of ["bin", "runners", "node_modules/.bin"]) mkdirSync(path.join(folder, part), { recursive: true });
  copyFileSync(launcher, path.join(folder, "bin", "wavetank.js"));
  writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(
    path.join(folder, "runners", "main.ts"),
    `const words: string[] = process.argv.slice(2);
     console.log(process.versions.node, words.join("|"));
     if (words[0] === "wait") {
       process.on("SIGINT", () => process.exit(130));
       process.on("SIGTERM", () => process.exit(143));
       setInterval(() => {}, 1_000);
     } else process.exit(Number(words[0] ?? 0));`,
  );
  if (withPinnedNode) symlinkSync(process.execPath, path.join(folder, "node_modules", ".bin", "node"));
  return path.join(folder, "bin", "wavetank.js");
}

async function outputHas(child: ChildProcess, expected: string): Promise<void> {
  let output = "";
  for await (const part of child.stdout!) if ((output += String(part)).includes(expected)) return;
  assert.fail(`ended without ${expected}: ${output}`);
}

test("an older Node hands over to the pinned one: words go down, the exit code comes up", { skip }, (t) => {
  const { status, stdout } = spawnSync(older!, [packageFolder(t, true), "97", "a b", "--x"], { encoding: "utf8" });
  assert.equal(stdout, `${process.versions.node} 97|a b|--x\n`);
  assert.equal(status, 97);
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${signal} to the launcher reaches the program, whose ${code} comes back`, { skip }, async (t) => {
    const child = spawn(older!, [packageFolder(t, true), "wait"], { stdio: ["ignore", "pipe", "inherit"] });
    await outputHas(child, "wait");
    child.kill(signal);
    assert.equal(await new Promise((resolve) => child.on("exit", resolve)), code);
  });
}

test("without the pinned Node an older one says what is missing and how to get it", { skip }, (t) => {
  const script = packageFolder(t, false);
  const { status, stderr, stdout } = spawnSync(older!, [script, "run"], { encoding: "utf8" });
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^wavetank: no Node that can run it was found\n {2}got: {6}Node \d+\.\S+ at .*\n {2}expected: the pinned Node in .*node_modules, or Node 26 or newer\n {2}fix: {6}run `npm ci` in /,
  );
});

test("without the pinned Node one that is new enough runs the program itself", (t) => {
  const { status, stdout } = spawnSync(process.execPath, [packageFolder(t, false), "3"], { encoding: "utf8" });
  assert.equal(stdout, `${process.versions.node} 3\n`);
  assert.equal(status, 3);
});

test("the real launcher answers --help and refuses a wrong word with 2", () => {
  const node = older ?? process.execPath;
  const help = spawnSync(node, [launcher, "--help"], { encoding: "utf8" });
  assert.equal(help.status, 0, help.stderr);
  assert.match(help.stdout, /^Usage: wavetank/);
  const wrong = spawnSync(node, [launcher, "rnu"], { encoding: "utf8" });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /did you mean run\?/);
});
