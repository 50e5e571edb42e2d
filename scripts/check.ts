/**
 * `npm run check`: types, lint, format and the tidy test, side by side, since none needs another. Prints what failed in full and
 * what passed in one line.
 */
import { spawn } from "node:child_process";

interface Check {
  readonly name: string;
  readonly command: readonly string[];
}

const checks: readonly Check[] = [
  { name: "types", command: ["tsc", "-p", "."] },
  { name: "lint", command: ["oxlint", "--type-aware"] },
  { name: "format", command: ["oxfmt", "--check"] },
  { name: "tidy", command: [process.execPath, "--test", "--test-isolation=none", "tidy.test.ts"] },
];

async function passes({ name, command }: Check): Promise<boolean> {
  const startedMs = performance.now();
  let output = "";
  const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", (part: Buffer) => (output += part.toString()));
  child.stderr.on("data", (part: Buffer) => (output += part.toString()));
  const failure = await new Promise<string | null>((resolve) => {
    child.on("error", (error) => resolve(`${error.message}; run it as \`npm run check\`, after \`npm ci\``));
    child.on("close", (code) => resolve(code === 0 ? null : `exit code ${code}`));
  });
  const took = `${((performance.now() - startedMs) / 1_000).toFixed(1)} s`;
  console.log(failure === null ? `ok    ${name}  ${took}` : `${output}\nFAIL  ${name}  ${took}  ${failure}`);
  return failure === null;
}

const outcomes = await Promise.all(checks.map(passes));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;
