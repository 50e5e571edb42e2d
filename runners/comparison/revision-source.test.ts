import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { UsageError } from "../command-error.ts";
import { folderFor } from "../command.fixture.ts";
import { Interrupted } from "../run-order.ts";
import { revisionFacts } from "./compared-result.ts";
import { RevisionSource } from "./revision-source.ts";
import { tinyRepository, type TinyRepository } from "./revisions.fixture.ts";

const never = new AbortController().signal;
const words = ["quorum-price", "--tank", "threads"];
const names = { baseline: "slow", candidate: "fast" };

function entries({ root }: TinyRepository): readonly string[] {
  const folder = path.join(root, ".git", "worktrees");
  return existsSync(folder) ? readdirSync(folder) : [];
}

test("each side runs its own code, with the experiment and the pair's seed, and nothing is left", async (t) => {
  const repository = tinyRepository(folderFor(t));
  const source = await RevisionSource.open({ root: repository.root, names, words }, never);
  const trees = repository.worktrees();
  assert.equal(trees.length, 2);
  assert.ok(trees.every((tree) => existsSync(path.join(tree, "node_modules"))));
  const slow = await source.run("baseline", 7, never);
  const fast = await source.run("candidate", 8, never);
  assert.deepEqual([slow.metrics.p50Ms, fast.metrics.p50Ms], [20, 10.1]);
  const runs = repository.runs();
  assert.deepEqual(
    runs.map(({ word }) => word),
    ["slow", "fast"],
  );
  assert.deepEqual(runs[0].words.slice(0, 9), ["run", ...words, "--rounds", "1", "--seed", "7", "--json"]);
  assert.deepEqual(readdirSync(path.dirname(trees[0])).sort(), trees.map((tree) => path.basename(tree)).sort());
  await source.close();
  assert.deepEqual([repository.worktrees(), entries(repository), existsSync(path.dirname(trees[0]))], [[], [], false]);
  assert.equal(
    repository.git("status", "--porcelain", "--untracked-files=no"),
    "",
    "the repository itself is untouched",
  );
});

test("a revision that is none is refused, and the one that was checked out already goes", async (t) => {
  const repository = tinyRepository(folderFor(t));
  const refused = { root: repository.root, names: { baseline: "slow", candidate: "swift" }, words };
  await assert.rejects(
    RevisionSource.open(refused, never),
    (error: unknown) =>
      error instanceof UsageError && /^slow and swift \(fatal: invalid reference: swift\)$/.test(error.got),
  );
  assert.deepEqual([repository.worktrees(), entries(repository)], [[], []]);
});

test("a run that breaks says which side, what was run, and what it said", async (t) => {
  const repository = tinyRepository(folderFor(t));
  repository.behave({ fails: true });
  const source = await RevisionSource.open({ root: repository.root, names, words }, never);
  t.after(() => source.close());
  await assert.rejects(
    source.run("candidate", 1, never),
    /^Error: candidate: wavetank run quorum-price --tank threads .* ended with code 1: it broke$/,
  );
});

test("a signal ends the run that is under way, and before it the check-out", async (t) => {
  const repository = tinyRepository(folderFor(t));
  repository.behave({ hangFrom: 1 });
  const source = await RevisionSource.open({ root: repository.root, names, words }, never);
  const controller = new AbortController();
  const run = source.run("baseline", 1, controller.signal);
  controller.abort();
  await assert.rejects(run, Interrupted);
  await assert.rejects(source.run("candidate", 1, controller.signal), Interrupted);
  await source.close();
  await assert.rejects(RevisionSource.open({ root: repository.root, names, words }, controller.signal), Interrupted);
  assert.deepEqual([repository.worktrees(), entries(repository)], [[], []]);
});

test("an entry that git has locked goes too", async (t) => {
  const repository = tinyRepository(folderFor(t));
  const source = await RevisionSource.open({ root: repository.root, names, words }, never);
  for (const tree of repository.worktrees()) repository.git("worktree", "lock", tree);
  await source.close();
  assert.deepEqual(entries(repository), []);
});

test("worktrees of somebody else stay", async (t) => {
  const folder = folderFor(t);
  const repository = tinyRepository(folder);
  const other = path.join(folder, "other");
  mkdirSync(other);
  repository.git("worktree", "add", "--quiet", "--detach", path.join(other, "tree"), "slow");
  const source = await RevisionSource.open({ root: repository.root, names, words }, never);
  assert.equal(repository.worktrees().length, 3);
  await source.close();
  assert.equal(repository.worktrees().length, 1);
});

test("what is known of a revision: its commit and that commit's first line", (t) => {
  const repository = tinyRepository(folderFor(t));
  const { commit, subject, committed } = revisionFacts(repository.root, "fast");
  assert.equal(commit, repository.git("rev-parse", "fast").trim());
  assert.equal(subject, "fast it is");
  assert.match(committed, /^\d{4}-\d\d-\d\dT/);
});
