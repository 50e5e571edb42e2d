/** What tests of agents run in processes: a NATS server on a free port, and our own command line. All end with the test. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import { ensureSystemPackages, findProgram } from "../../scripts/system-packages.ts";

export interface Test {
  after(undo: () => void): void;
}

/** A child whose words can be waited for. */
export class Child {
  output = "";
  readonly process: ChildProcess;
  private readonly closed: Promise<number | null>;

  constructor(t: Test, program: string, parameters: readonly string[]) {
    this.process = spawn(program, parameters, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    for (const stream of [this.process.stdout!, this.process.stderr!]) {
      stream.on("data", (part: Buffer) => {
        this.output += part.toString();
        this.process.emit("output");
      });
    }
    this.closed = new Promise((resolve) => this.process.on("close", resolve));
    t.after(() => void this.process.kill("SIGKILL"));
  }

  async says(expected: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = expected.exec(this.output);
      if (found !== null) return found;
      if (this.process.exitCode !== null) assert.fail(`ended without ${expected}:\n${this.output}`);
      await new Promise((resolve) => {
        this.process.once("output", resolve);
        this.process.once("exit", resolve);
      });
    }
  }

  /** The exit code, null when it was killed. */
  ended(): Promise<number | null> {
    return this.closed;
  }
}

const main = path.resolve(import.meta.dirname, "../main.ts");

export function wavetank(t: Test, ...words: readonly string[]): Child {
  return new Child(t, process.execPath, [main, ...words]);
}

/** Null where there is no nats-server and none can be installed; in CI that is an error. `flags`: of the server, besides. */
export async function startNats(t: Test, ...flags: readonly string[]): Promise<string | null> {
  ensureSystemPackages(["nats-server"]);
  const program = findProgram(["nats-server"]) ?? sbin();
  if (program === undefined) return null;
  const server = new Child(t, program, ["-a", "127.0.0.1", "-p", "-1", ...flags]);
  const [, port] = await server.says(/Listening for client connections on 127\.0\.0\.1:(\d+)/);
  await server.says(/Server is ready/);
  return `nats://127.0.0.1:${port}`;
}

/** Debian keeps it where only root's path looks. */
function sbin(): string | undefined {
  const before = process.env["PATH"];
  process.env["PATH"] = "/usr/sbin:/usr/local/sbin";
  try {
    return findProgram(["nats-server"]);
  } finally {
    process.env["PATH"] = before;
  }
}
