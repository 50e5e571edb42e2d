/**
 * What keeps a server from starting or going on and is no bug of ours: a port, a disk, what a disk holds. The backend's threads pass errors
 * on as text, so that is what they are known by.
 */
import { UsageError } from "./command-error.ts";

const fullDisk = /\b(ENOSPC|EDQUOT)\b|no space left on device/i;
const closedFolder = /\b(EACCES|EROFS|EPERM)\b|permission denied|read-only file system/i;
const damagedData = /^.*(the log is damaged|the store is older than its log).*$/m;

/** The mistake that an error of a backend comes from; undefined when it is nobody's but ours. */
export function serveFailure(error: Error, port: number, directory: string): UsageError | undefined {
  const text = error.stack ?? error.message;
  const refused = /\blisten (EADDRINUSE|EACCES)\b/.exec(text);
  if (refused !== null) return portFailure(port, refused[1] === "EACCES");
  const full = fullDisk.test(text);
  if (full || closedFolder.test(text)) {
    return new UsageError({
      what: "the data folder cannot be written to, so nothing more can be promised",
      got: `${directory}: ${full ? "the disk is full" : "not permitted"} (${cause(text)})`,
      expected: "room for at least 200 MB a node, and a folder that this user may write to",
      fix: "make room or permit it and start again: what was acknowledged is there; or choose another folder with --data",
    });
  }
  const damaged = damagedData.exec(error.message);
  if (damaged === null) return undefined;
  return new UsageError({
    what: "what the data folder holds is not what was written there",
    got: damaged[0].trim(),
    expected: "the files as the last server left them",
    fix: `put them back, or remove that node's folder in ${directory}: the other nodes make it anew`,
  });
}

function portFailure(port: number, forbidden: boolean): UsageError {
  return new UsageError({
    what: "the port cannot be listened on",
    got: `--port ${port} (${forbidden ? "not permitted" : "another program has it"})`,
    expected: "a port of 127.0.0.1 that is free and above 1023",
    fix: "choose another with --port, or --port 0 for any free one",
  });
}

/** The system's own words. */
function cause(text: string): string {
  return /\bE[A-Z]{3,}: [^\n]*/.exec(text)?.[0] ?? text.split("\n", 1)[0];
}
