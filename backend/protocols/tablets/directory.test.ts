/** The directory's words, one after the other, and what a tablet's own log makes of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import { Directory } from "./directory.ts";
import type { DirectoryCommand, DirectoryEntry, DirectoryResult } from "./directory.ts";
import { nextStep } from "./split.ts";
import type { Step } from "./split.ts";
import { endOfKeys, foundingMeta, Tablet } from "./tablet.ts";
import type { RangeCommand, TabletEntry } from "./tablet.ts";
import { MemoryStore } from "./toy-cluster.fixture.ts";

const thirds: readonly TabletEntry[] = ["", "h", "q"].map((from, i, froms) => ({
  tablet: 2 + i,
  from,
  to: froms[i + 1] ?? endOfKeys,
  version: 1,
  replicas: [0, 1, 2],
}));
const limits = { maxRows: 10, maxBytes: 1_000 };

function told({ tablet, from, version, intent }: DirectoryEntry): string {
  const under = intent === null ? "" : intent.kind === "split" ? ` / ${intent.at} ${intent.child}` : " merging";
  return `${tablet}v${version}["${from}"${under}]`;
}

function said(result: DirectoryResult): string {
  const { kind, version } = result;
  return result.kind === "refused"
    ? `refused: ${result.why}`
    : `${kind} ${version}: ${result.entries.map(told).join(" ")}`;
}

function dialogue(directory: Directory, commands: readonly DirectoryCommand[]): string {
  const lines = commands.map((command) => {
    const { kind, ...rest } = command;
    return `${kind} ${Object.values(rest).join(" ")} -> ${said(directory.apply(command))}`;
  });
  directory.check();
  return lines.join("\n");
}

test("a split: begun once, whoever says it how often, and finished once", () => {
  const directory = new Directory(new MemoryStore(), thirds);
  assert.equal(
    dialogue(directory, [
      { kind: "split-begin", tablet: 3, version: 1, at: "m" },
      { kind: "split-begin", tablet: 3, version: 1, at: "m" },
      { kind: "split-begin", tablet: 3, version: 1, at: "k" },
      { kind: "merge-begin", left: 2, leftVersion: 1, right: 3, rightVersion: 1 },
      { kind: "split-finish", tablet: 3, version: 1 },
      { kind: "split-finish", tablet: 3, version: 1 },
      { kind: "split-begin", tablet: 3, version: 1, at: "j" },
      { kind: "split-begin", tablet: 3, version: 2, at: "m" },
      { kind: "split-begin", tablet: 9, version: 1, at: "m" },
    ]),
    `split-begin 3 1 m -> changed 2: 3v1["h" / m 5]
split-begin 3 1 m -> changed 2: 3v1["h" / m 5]
split-begin 3 1 k -> stale 2: 3v1["h" / m 5]
merge-begin 2 1 3 1 -> stale 2: 2v1[""] 3v1["h" / m 5]
split-finish 3 1 -> changed 3: 3v2["h"] 5v2["m"]
split-finish 3 1 -> stale 3: 3v2["h"]
split-begin 3 1 j -> stale 3: 3v2["h"]
split-begin 3 2 m -> refused: "m" does not lie inside of tablet 3
split-begin 9 1 m -> stale 3: `,
  );
});

test("a merge: one version above both, or called off by the right one's version", () => {
  const directory = new Directory(new MemoryStore(), thirds);
  assert.equal(
    dialogue(directory, [
      { kind: "merge-begin", left: 2, leftVersion: 1, right: 4, rightVersion: 1 },
      { kind: "merge-begin", left: 2, leftVersion: 1, right: 3, rightVersion: 1 },
      { kind: "merge-begin", left: 3, leftVersion: 1, right: 4, rightVersion: 1 },
      { kind: "merge-cancel", right: 3, version: 1 },
      { kind: "merge-cancel", right: 3, version: 1 },
      { kind: "merge-begin", left: 2, leftVersion: 1, right: 3, rightVersion: 1 },
      { kind: "merge-begin", left: 2, leftVersion: 1, right: 3, rightVersion: 2 },
      { kind: "merge-finish", left: 2, version: 1 },
      { kind: "merge-finish", left: 2, version: 1 },
    ]),
    `merge-begin 2 1 4 1 -> refused: tablet 4 does not follow tablet 2
merge-begin 2 1 3 1 -> changed 2: 2v1["" merging] 3v1["h" merging]
merge-begin 3 1 4 1 -> stale 2: 3v1["h" merging] 4v1["q"]
merge-cancel 3 1 -> changed 3: 2v1[""] 3v2["h"]
merge-cancel 3 1 -> stale 3: 3v2["h"]
merge-begin 2 1 3 1 -> stale 3: 2v1[""] 3v2["h"]
merge-begin 2 1 3 2 -> changed 4: 2v1["" merging] 3v2["h" merging]
merge-finish 2 1 -> changed 5: 2v3[""]
merge-finish 2 1 -> stale 5: 2v3[""]`,
  );
});

test("what comes next follows from the directory and the tablet's own state, whoever leads", () => {
  const steps: string[] = [];
  const tell = (step: Step | undefined): Step | undefined => {
    steps.push(step === undefined ? "nothing" : `${step.to}: ${step.command.kind}`);
    return step;
  };
  const directory = new Directory(new MemoryStore(), thirds);
  const host = { onSplit: () => undefined };
  const left = new Tablet(new MemoryStore(), foundingMeta(thirds[0]), host);
  const right = new Tablet(new MemoryStore(), foundingMeta(thirds[1]), host);
  const next = (tablet: Tablet): Step | undefined => {
    const meta = tablet.meta!;
    const entry = directory.find(meta.from);
    const other = { meta: right.meta!, rows: () => ({ keys: ["i"], values: ["1"] }) };
    return tell(nextStep(entry, meta, () => other, limits));
  };
  next(left);
  directory.apply({ kind: "split-begin", tablet: 2, version: 1, at: "c" });
  left.apply(next(left)!.command as RangeCommand, 0);
  assert.deepEqual(
    left.moved().entries.map(({ tablet, from, to }) => [tablet, from, to]),
    [
      [2, "", "c"],
      [5, "c", "h"],
    ],
  );
  directory.apply(next(left)!.command as DirectoryCommand);
  next(left);
  const child = new Tablet(new MemoryStore(), foundingMeta(directory.find("c")), host);
  directory.apply({ kind: "merge-begin", left: 5, leftVersion: 2, right: 3, rightVersion: 1 });
  next(child);
  right.apply(next(right)!.command as RangeCommand, 0);
  next(right);
  assert.equal(right.owns("i"), false);
  child.apply(next(child)!.command as RangeCommand, 0);
  assert.equal(child.owns("i"), true);
  directory.apply(next(child)!.command as DirectoryCommand);
  assert.equal(directory.find("i").tablet, 5);
  assert.deepEqual(steps, [
    "nothing",
    "tablet: split",
    "directory: split-finish",
    "nothing",
    "nothing",
    "tablet: seal",
    "nothing",
    "tablet: absorb",
    "directory: merge-finish",
  ]);
});

test("a directory that starts again over its store is the same, whatever was said", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = Random.stream(seed, "directory");
    const store = new MemoryStore();
    const directory = new Directory(store, thirds);
    for (let i = 0; i < 40; i++) {
      const { entries } = directory.read({ kind: "map", since: 0 });
      const at = random.below(entries.length);
      const { tablet, version, intent } = entries[at];
      if (intent?.kind === "split") directory.apply({ kind: "split-finish", tablet, version });
      else if (intent !== null) {
        const { left, right } = intent;
        if (random.chance(0.8)) directory.apply({ kind: "merge-finish", left, version });
        else directory.apply({ kind: "merge-cancel", right, version });
      } else if (random.chance(0.6)) {
        directory.apply({ kind: "split-begin", tablet, version, at: String.fromCharCode(97 + random.below(26)) });
      } else if (at + 1 < entries.length) {
        const { tablet: right, version: rightVersion } = entries[at + 1];
        directory.apply({ kind: "merge-begin", left: tablet, leftVersion: version, right, rightVersion });
      }
      directory.check();
      const again = new Directory(store, thirds);
      assert.deepEqual(
        again.read({ kind: "map", since: 0 }),
        directory.read({ kind: "map", since: 0 }),
        `seed ${seed}`,
      );
    }
  }
});
