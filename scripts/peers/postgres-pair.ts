/**
 * PostgreSQL of Debian as a primary with one synchronous standby, both here as child processes on free ports of 127.0.0.1 with their
 * data in the bench's folder. Durability is as it comes: a commit is answered when its log is flushed on both. Memory and
 * the spacing of checkpoints are set for throughput, in PostgreSQL's favour.
 *
 *     primary ── log stream, answered once flushed ──> standby (from pg_basebackup, its own slot)
 *
 * postgres refuses to run as root: root starts it as the user `postgres`, who comes with the package and owns its data.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Launched, Target } from "./processes.ts";
import { freePorts, launch, ready, run } from "./processes.ts";

/** Debian keeps each major version in a folder of its own. */
const versionsFolder = "/usr/lib/postgresql";
const standbyName = "standby";
const superuser = "postgres";

const settings = {
  listen_addresses: "127.0.0.1",
  // No socket in a folder outside the bench's.
  unix_socket_directories: "",
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  synchronous_standby_names: standbyName,
};

/** The folder of programs of the newest installed version, or undefined. */
export function postgresPrograms(): string | undefined {
  if (!existsSync(versionsFolder)) return undefined;
  const versions = readdirSync(versionsFolder).sort((a, b) => Number(b) - Number(a));
  return versions
    .map((version) => join(versionsFolder, version, "bin"))
    .find((folder) => ["postgres", "pgbench"].every((name) => existsSync(join(folder, name))));
}

/** A running primary, its standby behind it. */
export class PostgresPair implements Target {
  /** What programs of PostgreSQL need to reach the primary over TCP. */
  readonly address: readonly string[];
  /** Of primary and standby. */
  readonly pids: number[] = [];
  readonly url: string;
  private readonly bench: Bench;
  private readonly folder: string;

  constructor(bench: Bench, folder: string, port: number) {
    this.bench = bench;
    this.folder = folder;
    this.address = addressOf(port);
    this.url = `postgres://${superuser}@127.0.0.1:${port}/postgres`;
  }

  /** Path of a program of the same version: psql, pgbench. */
  program(name: string): string {
    return join(this.folder, name);
  }

  /** Rows of one statement, columns between `|`. */
  async query(sql: string): Promise<string[]> {
    const options = ["-d", "postgres", "-AtX", "-v", "ON_ERROR_STOP=1", "-c", sql];
    return (await run(this.bench, [this.program("psql"), ...this.address, ...options])).trim().split("\n");
  }

  /** "15.18". */
  async version(): Promise<string> {
    return (await this.query("select split_part(current_setting('server_version'), ' ', 1)"))[0];
  }

  /** @throws Error when commits of a new session do not wait until the standby has flushed them */
  async assertSynchronous(): Promise<void> {
    const rows = await this.query(`select 'standby ' || sync_state || ', synchronous_commit '
      || current_setting('synchronous_commit') || ', fsync ' || current_setting('fsync') from pg_stat_replication`);
    const expected = "standby sync, synchronous_commit on, fsync on";
    if (rows.join() !== expected)
      throw new Error(`durability of the pair: expected "${expected}", got "${rows.join()}"`);
  }
}

/** @throws Error when a server does not come up, or the standby does not become synchronous */
export async function startPostgres(bench: Bench): Promise<PostgresPair> {
  const folder = postgresPrograms();
  if (folder === undefined) throw new Error(`no postgres and pgbench under ${versionsFolder}: install postgresql`);
  const [port, standbyPort] = await freePorts(2);
  const pair = new PostgresPair(bench, folder, port);
  const as = unprivileged();
  const [data, standbyData] = ["primary", standbyName].map((name) => ownedFolder(bench, name, as));
  const start = async (name: string, directory: string, on: number): Promise<Launched> => {
    // The standby calls itself by the name of its cluster.
    const flags = Object.entries({ ...settings, port: on, cluster_name: name }).flatMap(([key, value]) => [
      "-c",
      `${key}=${value}`,
    ]);
    const command = asUser(as, [pair.program("postgres"), "-D", directory, ...flags]);
    // SIGQUIT: at once, without the last checkpoint of data that is thrown away.
    const server = launch(bench, { name, command, stopSignal: "SIGQUIT" });
    pair.pids.push(server.child.pid!);
    const isReady = [pair.program("pg_isready"), "-q", ...addressOf(on)] as const;
    await ready(bench, server, async () => (await run(bench, isReady), true as const));
    return server;
  };
  const initialize = [pair.program("initdb"), "-D", data, "-U", superuser, "--auth=trust", "-E", "UTF8"] as const;
  await run(bench, asUser(as, initialize));
  const primary = await start("primary", data, port);
  const copy = [pair.program("pg_basebackup"), ...pair.address, "-D", standbyData, "--checkpoint=fast"] as const;
  await run(bench, asUser(as, [...copy, "--write-recovery-conf", "--create-slot", `--slot=${standbyName}`]));
  await start(standbyName, standbyData, standbyPort);
  await ready(bench, primary, async () => (await pair.assertSynchronous(), true as const));
  return pair;
}

function addressOf(port: number): string[] {
  return ["-h", "127.0.0.1", "-p", String(port), "-U", superuser];
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Who the servers run as: null for whoever runs the bench. */
function unprivileged(): User | null {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = ["-u", "-g"].map((flag) => Number(execFileSync("id", [flag, superuser], { encoding: "utf8" })));
  return { name: superuser, uid, gid };
}

/** setpriv becomes the program, so the child's process id is the server's. */
function asUser(user: User | null, command: readonly [string, ...string[]]): [string, ...string[]] {
  if (user === null) return [...command];
  return ["setpriv", `--reuid=${user.name}`, `--regid=${user.gid}`, "--init-groups", ...command];
}

/** A folder that only the server's user may enter, in one that others may pass through. */
function ownedFolder(bench: Bench, name: string, user: User | null): string {
  const folder = join(bench.folder, name);
  mkdirSync(folder, { mode: 0o700 });
  if (user === null) return folder;
  chmodSync(bench.folder, 0o711);
  chownSync(folder, user.uid, user.gid);
  return folder;
}
