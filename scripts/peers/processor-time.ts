/**
 * What servers cost while they are measured: the processor time of processes and of all that they started, as Linux counts it. On a
 * machine that others use too, time for each answer says more than answers a second.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Ticks a second of /proc/<pid>/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Its own, and of children that have ended and were waited for. */
  readonly ticks: number;
}

/** Seconds used so far by these processes and all below them; NaN where there is no /proc. */
export function processorSeconds(roots: readonly number[]): number {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return NaN;
  }
  const stats = names.filter((name) => /^\d+$/.test(name)).flatMap(readStat);
  return below(roots, stats).reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond;
}

function readStat(name: string): Stat[] {
  try {
    return [parseStat(readFileSync(`/proc/${name}/stat`, "utf8"))];
  } catch {
    // It has just ended; its parent has its time, or will.
    return [];
  }
}

/** "pid (name) state ppid ...": a name may hold spaces and parentheses. utime, stime, cutime and cstime are the 14th to 17th. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { pid: Number.parseInt(text, 10), parent: Number(fields[1]), ticks };
}

/** The roots and their descendants. */
export function below(roots: readonly number[], stats: readonly Stat[]): Stat[] {
  const found = stats.filter(({ pid }) => roots.includes(pid));
  // Grows while it is walked: children of children.
  for (const { pid } of found) found.push(...stats.filter(({ parent }) => parent === pid));
  return found;
}
