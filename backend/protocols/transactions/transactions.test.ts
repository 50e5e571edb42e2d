/** Dialogues between leaders: what is said, what is logged, and when. Times in milliseconds; clocks claim an error of 2 ms. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DatabaseWrite } from "../../api-database.ts";
import { ToyGroups } from "./transactions.fixture.ts";

/** Group 1, led by n0, keeps keys up to "m"; group 2, led by n1, the others. */
const halves = ["", "m"];

function add(...keys: readonly string[]): DatabaseWrite[] {
  return keys.map((key) => ({ kind: "add", key, delta: 1 }));
}

function assertTranscript(groups: ToyGroups, expected: string): void {
  assert.equal(groups.lines.join("\n"), expected.split("\n").slice(1, -1).join("\n"));
}

test("one group: commit wait runs while the log works, and lasts 2 epsilon from the arrival", () => {
  const groups = new ToyGroups(halves);
  groups.transact(0, add("a"));
  groups.run(20_000);
  assertTranscript(
    groups,
    `
  0.0  client -> n0 transact a+=1
  1.5        g1 commit T0.1 at 2.0
  4.0  n0 -> client transacted at 2.0
`,
  );
});

test("two groups: the later prepare timestamp is everybody's; a strong read waits for what is prepared below it", () => {
  const groups = new ToyGroups(halves);
  groups.transact(0, add("a", "z"), ["a", "z"]);
  groups.run(3_000);
  groups.read(1, ["z"], { kind: "strong" });
  groups.run(30_000);
  assertTranscript(
    groups,
    `
  0.0  client -> n0 transact a+=1 z+=1
  0.0  n0 -> n1 prepare-part T0.1 z+=1
  2.5        g2 prepare T0.1 at 3.0
  2.5  n1 -> n0 vote T0.1 at 3.0
  3.0  client -> n1 read z strong
  5.0        g1 commit T0.1 at 3.0
  5.0  n0 -> n1 decision T0.1 at 3.0
  5.0  n0 -> client transacted at 3.0 a=null z=null
  7.5        g2 resolve T0.1 at 3.0
  7.5  n1 -> n0 learned T0.1
  7.5  n1 -> client snapshot at 5.0 z=1
 10.0        g1 forget T0.1
`,
  );
});

test("wound-wait: each holds what the other needs; the younger is wounded and comes back with its age", () => {
  const groups = new ToyGroups(halves);
  groups.transact(1, add("z", "a"));
  groups.run(500);
  groups.transact(0, add("a", "z"));
  groups.run(30_000);
  const lines = groups.lines.filter((line) => !/learned|forget|resolve/.test(line));
  assert.deepEqual(lines, [
    "  0.0  client -> n1 transact z+=1 a+=1",
    "  0.0  n1 -> n0 prepare-part T1.1 a+=1",
    "  0.5  client -> n0 transact a+=1 z+=1",
    "  0.5  n0 -> n1 prepare-part T0.1 z+=1",
    "  1.0  n0 -> n1 decision T0.1 aborted",
    "  2.5  n0 -> n1 prepare-part T0.1 attempt 2 z+=1",
    "  2.5        g1 prepare T1.1 at 3.0",
    "  2.5  n0 -> n1 vote T1.1 at 3.0",
    "  5.0        g2 commit T1.1 at 3.0",
    "  5.0  n1 -> n0 decision T1.1 at 3.0",
    "  5.0  n1 -> client transacted at 3.0",
    "  6.5        g2 prepare T0.1 attempt 2 at 5.5",
    "  6.5  n1 -> n0 vote T0.1 attempt 2 at 5.5",
    "  9.0        g1 commit T0.1 attempt 2 at 5.5",
    "  9.0  n0 -> n1 decision T0.1 attempt 2 at 5.5",
    "  9.0  n0 -> client transacted at 5.5",
  ]);
});

test("a participant's next leader finds what is prepared, holds its locks, and asks what was decided", () => {
  const groups = new ToyGroups(halves);
  groups.lost.add("decision");
  groups.transact(0, add("a", "z"));
  groups.run(20_000);
  groups.lost.clear();
  groups.depose(1);
  groups.run(1_600);
  groups.transact(1, add("z"), ["z"]);
  groups.run(30_000);
  assertTranscript(
    groups,
    `
  0.0  client -> n0 transact a+=1 z+=1
  0.0  n0 -> n1 prepare-part T0.1 z+=1
  2.5        g2 prepare T0.1 at 3.0
  2.5  n1 -> n0 vote T0.1 at 3.0
  5.0        g1 commit T0.1 at 3.0
  5.0  n0 -> n1 decision T0.1 at 3.0, lost
  5.0  n0 -> client transacted at 3.0
 20.0  n1 begins another leadership
 21.5        g2 lead
 21.5  n1 -> n0 vote T0.1 at 3.0
 21.6  client -> n1 transact z+=1
 22.5  n0 -> n1 decision T0.1 at 3.0
 25.0        g2 resolve T0.1 at 3.0
 25.0  n1 -> n0 learned T0.1
 26.5        g2 commit T1.1 at 23.6
 26.5  n1 -> client transacted at 23.6 z=1
 27.5        g1 forget T0.1
`,
  );
});

test("the coordinator's next leader knows from its log what was decided, and tells who has not learned it", () => {
  const groups = new ToyGroups(halves);
  groups.lost.add("decision");
  groups.transact(0, add("a", "z"));
  groups.run(20_000);
  groups.lost.clear();
  groups.depose(0);
  groups.run(10_000);
  assert.deepEqual(groups.lines.slice(7), [
    " 20.0  n0 begins another leadership",
    " 21.5        g1 lead",
    " 21.5  n0 -> n1 decision T0.1 at 3.0",
    " 24.0        g2 resolve T0.1 at 3.0",
    " 24.0  n1 -> n0 learned T0.1",
    " 26.5        g1 forget T0.1",
  ]);
});

test("presumed abort: whoever is asked about what it never heard of says so in its log before it answers", () => {
  const groups = new ToyGroups(halves);
  groups.lost.add("coordinate");
  groups.transact(1, add("a", "z"));
  for (let i = 0; i < 3; i++) {
    groups.run(50_000);
    groups.tick();
  }
  groups.run(30_000);
  assertTranscript(
    groups,
    `
  0.0  client -> n1 transact a+=1 z+=1
  0.0  n1 -> n0 prepare-part T1.1 a+=1
  2.5        g1 prepare T1.1 at 3.0
  2.5  n0 -> n1 vote T1.1 at 3.0
 50.0  n1 -> n0 prepare-part T1.1 a+=1
100.0  n0 -> n1 vote T1.1 at 3.0
100.0  n1 -> n0 prepare-part T1.1 a+=1
150.0  n0 -> n1 vote T1.1 at 3.0
150.0  n1 -> n0 prepare-part T1.1 a+=1
152.5        g2 presume-abort T1.1
152.5  n1 -> n0 decision T1.1 aborted
155.0        g1 resolve T1.1 aborted
`,
  );
});

test("a timestamp that was promised to a reader is below all later ones, also when it lay ahead of the clock", () => {
  const groups = new ToyGroups(halves);
  groups.read(0, ["a"], { kind: "strong" });
  groups.transact(0, add("a"));
  groups.run(10_000);
  assertTranscript(
    groups,
    `
  0.0  client -> n0 read a strong
  0.0  client -> n0 transact a+=1
  0.0  n0 -> client snapshot at 2.0 a=null
  1.5        g1 commit T0.1 at 2.0
  4.0  n0 -> client transacted at 2.0
`,
  );
});

test("a key that has left: the group refuses, the driver asks the map again, and a read of two keys is divided", () => {
  const groups = new ToyGroups(halves);
  groups.move(["", "b"]);
  groups.transact(0, add("c"));
  groups.read(0, ["a", "c"], { kind: "strong" });
  groups.run(500);
  groups.learnMap();
  groups.tick();
  groups.run(30_000);
  const answers = groups.lines.filter((line) => line.includes("client") && !line.includes("client -> "));
  assert.equal(answers.length, 2, groups.lines.join("\n"));
  assert.match(answers[0], /snapshot at 2.0 a=null c=null/);
  assert.match(answers[1], /transacted/);
  assert(groups.lines.some((line) => line.includes("g2 commit")));
});

test("keys leave when nothing is prepared about them: who comes meanwhile is sent away, who reads above the cut waits", () => {
  const groups = new ToyGroups(["", "m"]);
  groups.transact(1, add("a", "c", "z"));
  groups.run(2_600);
  groups.leave(0, "c");
  groups.transact(0, add("c"));
  groups.transact(0, add("a"));
  groups.run(1_000);
  groups.tick();
  groups.run(4_200);
  groups.read(0, ["c"], { kind: "strong" });
  groups.read(0, ["a"], { kind: "strong" });
  groups.run(7_000);
  groups.move(["", "c"]);
  groups.learnMap();
  groups.left(0);
  groups.run(30_000);
  const said = groups.lines.filter((line) => !/learned|forget|client ->/.test(line));
  assert.deepEqual(said, [
    "  0.0  n1 -> n0 prepare-part T1.1 a+=1 c+=1",
    "  2.5        g1 prepare T1.1 at 3.0",
    "  2.5  n0 -> n1 vote T1.1 at 3.0",
    '  2.6  n0 lets keys from "c" go',
    "  5.0        g2 commit T1.1 at 3.0",
    "  5.0  n1 -> n0 decision T1.1 at 3.0",
    "  5.0  n1 -> client transacted at 3.0",
    "  7.5        g1 resolve T1.1 at 3.0",
    "  7.5        g1 told: they leave, all above 9.5",
    "  9.0        g1 commit T0.2 at 4.6",
    "  9.0  n0 -> client transacted at 4.6",
    "  9.0  n0 -> client snapshot at 9.8 a=2",
    ' 14.8  groups begin at "" "c"',
    " 14.8  n0 -> n1 read c",
    " 15.8  n1 -> n0 values c=null",
    " 16.8  n0 -> client snapshot at 17.8 c=null",
    " 18.7  n0 -> n1 run T0.1 attempt 4 c+=1",
    " 21.2        g2 commit T0.1 attempt 4 at 21.7",
    " 23.7  n1 -> n0 outcome committed",
    " 24.7  n0 -> client transacted at 21.7",
  ]);
});

test("what waits for a coordinator that is silent keeps keys from leaving, and others from them for a while only", () => {
  const groups = new ToyGroups(halves);
  groups.lost.add("decision");
  groups.transact(1, add("a", "z"));
  groups.run(10_000);
  groups.leave(0, "");
  groups.transact(0, add("b"));
  groups.run(99_000);
  groups.tick();
  assert(!groups.lines.some((line) => /told|T0/.test(line)), groups.lines.join("\n"));
  groups.run(300_000);
  groups.tick();
  groups.run(300_000);
  assert(groups.lines.some((line) => line.includes("g1 commit T0.1")));
  assert(!groups.lines.some((line) => line.includes("told")));
});

test("a group that is to end waits until all have learned what it decided", () => {
  const groups = new ToyGroups(halves);
  groups.lost.add("decision");
  groups.transact(0, add("a", "z"));
  groups.run(20_000);
  groups.leave(0, "", true);
  groups.run(40_000);
  groups.lost.clear();
  groups.tick();
  groups.run(20_000);
  groups.tick();
  const said = groups.lines.slice(7).map((line) => line.slice(7).trim());
  assert.deepEqual(said, [
    'n0 lets keys from "" go',
    "n0 -> n1 decision T0.1 at 3.0",
    "n1 -> n0 vote T0.1 at 3.0",
    "n0 -> n1 decision T0.1 at 3.0",
    "g2 resolve T0.1 at 3.0",
    "n1 -> n0 learned T0.1",
    "g1 forget T0.1",
    "g1 told: they leave, all above 82.0",
  ]);
});
