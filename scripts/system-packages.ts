/**
 * Programs that npm cannot bring: the browser that opens the report, load generators that ours is compared with. A test that
 * needs one calls `ensureSystemPackages`: as root on Debian or Ubuntu the missing packages are installed; elsewhere the caller is
 * told what is missing and how to get it. A missing program may skip a test on someone's laptop but never in CI, where it is
 * an error: a comparison that passes because nothing was compared is worse than none.
 *
 * From a shell: `node scripts/system-packages.ts chromium fonts-dejavu-core wrk`
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Lists older than this name versions that mirrors may have dropped. */
const listsStaleAfterMs = 24 * 3600 * 1000;

const installTimeoutMs = 300_000;

const chromiumNames = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

export class SystemPackagesError extends Error {
  readonly code = "WAVETANK_SYSTEM_PACKAGES";
  override readonly name = "SystemPackagesError";
}

/** Full path of an executable found on PATH, or undefined. */
export function findProgram(names: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

/** The browser's path: `WAVETANK_CHROMIUM` when set, else the first Chromium or Chrome on PATH; undefined where there is none. */
export function chromiumPath(): string | undefined {
  const configured = process.env["WAVETANK_CHROMIUM"];
  if (configured === undefined || configured === "") return findProgram(chromiumNames);
  if (isExecutable(configured)) return configured;
  throw new SystemPackagesError(
    `WAVETANK_CHROMIUM does not name an executable file; got "${configured}"; expected a Chromium or Chrome binary; ` +
      "fix the path or unset the variable",
  );
}

/**
 * Installs those of the named Debian packages that are missing. Where it cannot (no apt, not root, no network) it prints what is
 * missing and returns; the caller then skips or fails for want of the program itself.
 * @throws SystemPackagesError when CI is set and a package is still missing
 */
export function ensureSystemPackages(names: readonly string[]): void {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const reason = install(missing);
  const still = missing.filter((name) => !isInstalled(name));
  if (still.length === 0) return;
  const message =
    `missing system packages: ${still.join(", ")} (${reason ?? "apt-get left them out"}); ` +
    `fix: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${still.join(" ")}, ` +
    "or install the same programs another way and put them on PATH";
  if (inCi()) throw new SystemPackagesError(message);
  console.error(`wavetank: ${message}`);
}

/** CI=1, CI=true and the like; CI=false and CI=0 are a person at a desk. */
export function inCi(): boolean {
  const value = process.env["CI"] ?? "";
  return value !== "" && value !== "0" && value.toLowerCase() !== "false";
}

/** Why nothing was installed, or undefined when apt-get succeeded. */
function install(names: readonly string[]): string | undefined {
  const apt = findProgram(["apt-get"]);
  if (apt === undefined) return "no apt-get on this system";
  if (process.getuid?.() !== 0) return "not root";
  if (listsAreStale()) {
    const updated = runApt(apt, ["update"]);
    if (updated !== undefined) return updated;
  }
  return runApt(apt, ["install", "-y", "--no-install-recommends", ...names]);
}

function runApt(apt: string, parameters: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(apt, ["-qq", ...parameters], {
    encoding: "utf8",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    timeout: installTimeoutMs,
  });
  if (status === 0) return undefined;
  const lastLine = (error?.message ?? stderr).trim().split("\n").at(-1) ?? "";
  return `apt-get ${parameters[0]} failed: ${lastLine}`;
}

function listsAreStale(): boolean {
  try {
    const updated = Math.max(...aptStamps.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0));
    return Date.now() - updated > listsStaleAfterMs;
  } catch {
    return true;
  }
}

/** The first exists on Ubuntu, the second is rewritten by every update that changed something. */
const aptStamps = ["/var/lib/apt/periodic/update-success-stamp", "/var/lib/apt/lists"];

/** A package counts as installed when dpkg says so, or when a program of its name is on PATH without dpkg's knowledge. */
function isInstalled(name: string): boolean {
  if (findProgram([name]) !== undefined) return true;
  if (name === "chromium" && findProgram(chromiumNames) !== undefined) return true;
  const { status, stdout } = spawnSync("dpkg-query", ["-W", "-f=${db:Status-Status}", name], { encoding: "utf8" });
  return status === 0 && stdout.trim() === "installed";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

if (import.meta.main) {
  ensureSystemPackages(process.argv.slice(2));
}
