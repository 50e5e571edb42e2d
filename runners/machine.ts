/** Where figures were made: enough of a fingerprint to know when two files must not be compared. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";
import { versions } from "node:process";
import type { Results } from "./results.ts";

export function machineFingerprint(): Results["machine"] {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    os: `${type()} ${release()} ${arch()}`,
    node: versions.node,
    disk: rootDisk(),
  };
}

/** The commit the work tree is at, and whether it has changes that the commit does not name. */
export function workTree(): { commit: string; dirty: boolean } {
  const commit = git("rev-parse", "HEAD");
  if (commit === null) return { commit: "unknown", dirty: true };
  return { commit, dirty: git("status", "--porcelain") !== "" };
}

/** Whether git knows a revision of this name here. */
export function isRevision(name: string): boolean {
  return !name.startsWith("-") && git("rev-parse", "--verify", "--quiet", `${name}^{commit}`) !== null;
}

function git(...parameters: string[]): string | null {
  try {
    return execFileSync("git", parameters, {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}

/** "ext4 on /dev/vda1" where /proc/mounts tells, the longest mount point that holds the working directory. */
function rootDisk(): string {
  try {
    const here = process.cwd();
    const mounts = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .filter(
        ([, point]) => point !== undefined && (here === point || here.startsWith(point === "/" ? "/" : `${point}/`)),
      );
    const [device, , system] = mounts.toSorted((a, b) => b[1].length - a[1].length)[0];
    return `${system} on ${device}`;
  } catch {
    return "unknown";
  }
}
