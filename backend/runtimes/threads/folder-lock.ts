/**
 * One backend at a time has a data folder: two over the same logs would each write over what the other acknowledged. Node offers no flock,
 * so the lock is a file that says who took it, and it dies with its holder by what /proc says of that process.
 *
 *     lock/7   "4711 <boot> <start> <folder>"     its holder was killed: nobody has to clean up
 *     lock/8   "4802 ..."                         of all who saw that, the one whose link came first
 *     lock/8   ""                                 given back
 *
 * Whoever is alive in the file with the highest number holds the folder, and only who has seen its holder dead links the next one, whole or
 * not at all. The highest is never removed, so no number comes again for somebody who was slow to count. Not seen: processes in other
 * containers or on other machines that share the folder.
 */
import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

/** Its message has the four parts of a usage error in one line. */
export class FolderHeldError extends Error {
  readonly code = "WAVETANK_FOLDER_HELD";
  /** The process that has the folder. */
  readonly holder: number;

  constructor(directory: string, holder: number) {
    const who = holder === process.pid ? `this process, ${holder},` : `process ${holder}`;
    super(
      `the data folder is in use; got: ${directory}, which ${who} has open; expected: a folder that no other backend has open; ` +
        `fix: stop process ${holder} first, or choose another folder`,
    );
    this.name = "FolderHeldError";
    this.holder = holder;
  }
}

export class FolderLock {
  private readonly file: string;

  private constructor(file: string) {
    this.file = file;
  }

  /**
   * Makes the folder if it is not there.
   *
   * @throws FolderHeldError when a live process, this one included, has it; Error of the file system when it cannot be written
   */
  static take(directory: string): FolderLock {
    const folder = join(directory, "lock");
    mkdirSync(folder, { recursive: true });
    for (;;) {
      const last = highest(folder);
      const holder = liveHolder(folder, last);
      if (holder !== undefined) throw new FolderHeldError(directory, holder);
      const file = join(folder, String(last + 1));
      if (!linkWhole(folder, file)) continue;
      // Who counted long ago may have linked a number that has been given, and removed, since.
      if (highest(folder) === last + 1) {
        removeBelow(folder, last + 1);
        return new FolderLock(file);
      }
      rmSync(file, { force: true });
    }
  }

  /** Gives it back. Harmless when the folder is gone. */
  release(): void {
    try {
      truncateSync(this.file);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

function highest(folder: string): number {
  return Math.max(0, ...readdirSync(folder).map(numberOf));
}

/** 0: not a lock, but a draft of one. */
function numberOf(name: string): number {
  return /^[1-9]\d{0,14}$/.test(name) ? Number(name) : 0;
}

/** Returns false when others were faster: one has that number, or has removed the draft with everything else that was of the past. */
function linkWhole(folder: string, file: string): boolean {
  const draft = join(folder, `draft-${process.pid}-${threadId}`);
  writeFileSync(draft, [process.pid, ...identityOf(process.pid), identityOfFolder(folder)].join(" "));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (!["EEXIST", "ENOENT"].includes(codeOf(error))) throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

function removeBelow(folder: string, number: number): void {
  for (const name of readdirSync(folder)) if (numberOf(name) < number) rmSync(join(folder, name), { force: true });
}

/** The process that the lock of that number names, if it is alive and the lock is this folder's. */
function liveHolder(folder: string, number: number): number | undefined {
  const text = number === 0 ? "" : readIfThere(join(folder, String(number)));
  // Empty was given back; anything else without four words a power cut left behind.
  const [pid, boot, start, ofFolder] = text.split(" ");
  const holder = Number(pid);
  if (ofFolder !== identityOfFolder(folder) || !Number.isSafeInteger(holder) || holder <= 0) return undefined;
  const [bootNow, startNow] = identityOf(holder);
  const same = boot === bootNow && (start === startNow || startNow === "unknown");
  return same ? holder : undefined;
}

/** A copy of a data folder is not held by whoever has the original. */
function identityOfFolder(folder: string): string {
  const { dev, ino } = statSync(folder);
  return `${dev}:${ino}`;
}

/**
 * Which boot of the machine, and when in it a process began: a process id comes again, the three together do not. "unknown" where /proc
 * does not tell, and "gone" when there is no such process, or it and all its threads are dead and not yet waited for.
 */
function identityOf(pid: number): readonly [boot: string, start: string] {
  const boot = readIfThere("/proc/sys/kernel/random/boot_id").trim() || "unknown";
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === "") return [boot, signalable(pid) ? "unknown" : "gone"];
  // proc(5): the name, the second field, may hold spaces and brackets. A thread may be writing still when the first one is dead.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, start] = [fields[0], fields[17], fields[19]];
  return [boot, "ZX".includes(state) && Number(threads) <= 1 ? "gone" : start];
}

function signalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    // The kernel says ESRCH of a process that ends while its file is read.
    if (["ENOENT", "ESRCH", "ENOTDIR"].includes(codeOf(error))) return "";
    throw error;
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
