/** A process that contends for data folders: told a folder and an instant, it tries once, or again and again, and says what it got. */
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { FolderHeldError, FolderLock } from "./folder-lock.ts";

export type Contest =
  | { readonly kind: "take"; readonly directory: string; readonly atMs: number }
  | { readonly kind: "release" }
  /** Takes it and gives it back until then. */
  | { readonly kind: "churn"; readonly directory: string; readonly untilMs: number };

/** `held` names the process that has the folder. */
export type ContestAnswer =
  | { readonly kind: "ready" | "taken" | "released" }
  | { readonly kind: "held"; readonly holder: number }
  /** How often it had the folder, and how often it was not alone there. */
  | { readonly kind: "churned"; readonly taken: number; readonly met: number };

let lock: FolderLock | undefined;

function take(directory: string, atMs: number): ContestAnswer {
  // Contenders start within microseconds of one another: the contest is what is tested.
  while (Date.now() < atMs);
  try {
    lock = FolderLock.take(directory);
    return { kind: "taken" };
  } catch (error) {
    if (error instanceof FolderHeldError) return { kind: "held", holder: error.holder };
    throw error;
  }
}

function churn(directory: string, untilMs: number): ContestAnswer {
  let taken = 0;
  let met = 0;
  while (Date.now() < untilMs) {
    if (take(directory, 0).kind !== "taken") continue;
    taken++;
    met += alone(join(directory, "inside")) ? 0 : 1;
    lock!.release();
  }
  return { kind: "churned", taken, met };
}

function alone(inside: string): boolean {
  try {
    mkdirSync(inside);
    rmdirSync(inside);
    return true;
  } catch {
    return false;
  }
}

function answer(said: ContestAnswer): void {
  process.send!(said);
}

process.on("message", (contest: Contest) => {
  if (contest.kind === "take") answer(take(contest.directory, contest.atMs));
  else if (contest.kind === "churn") answer(churn(contest.directory, contest.untilMs));
  else {
    lock?.release();
    answer({ kind: "released" });
  }
});
answer({ kind: "ready" });
