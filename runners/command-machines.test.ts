import assert from "node:assert/strict";
import { test } from "node:test";
import { exitCodes } from "./command-exit.ts";
import { runCommandLine } from "./command-line.ts";
import { recording, resultsOf } from "./command.fixture.ts";
import type { SuiteOptions } from "./suite-types.ts";

const url = "--target dynamodb=http://127.0.0.1:8000";
const nats = "--nats nats://127.0.0.1:4222";

/** What was typed, and what the first and the second of the four lines say. */
const refused: readonly (readonly [string, string, string])[] = [
  ["run --slice 0/3", "--slice is no part of a whole", "0/3"],
  ["run --slice 4/3", "--slice is no part of a whole", "4/3"],
  ["run --slice 1", "--slice is no part of a whole", "1"],
  [
    "run --slice 1/3 --target direct",
    "other machines cannot reach a backend that lives in this process",
    "--target direct",
  ],
  [
    "run --slice 1/3 --target dynamodb",
    "other machines cannot reach a backend that lives in this process",
    "--target dynamodb",
  ],
  [
    "run --slice 1/3 --tank simulation",
    "a load that is spread over machines, or rehearsed, runs in the threads tank",
    "--tank simulation",
  ],
  [
    "run --target rehearsal --tank both",
    "a load that is spread over machines, or rehearsed, runs in the threads tank",
    "--tank both",
  ],
  [
    `run --slice 1/3 --agents 3 ${nats}`,
    "a load is spread by hand or by a coordinator, not both",
    "--slice and --agents",
  ],
  ["run --start-at 2999-01-01T00:00:00Z", "--start-at belongs to a slice", "--start-at without --slice"],
  ["run --slice 1/3 --start-at soon", "--start-at is no instant", "soon"],
  ["run --slice 1/3 --start-at 2020-01-01T00:00:00Z", "--start-at has passed", "2020-01-01T00:00:00Z"],
  ["run --agents 3", "agents and their coordinator meet at a NATS server, and this names none", "no --nats"],
  [
    "run --agents 3 --nats http://x",
    "agents and their coordinator meet at a NATS server, and this names none",
    "--nats http://x",
  ],
  [`run --agents none ${nats}`, "--agents is not a whole number in its range", "none"],
  [`run ${nats}`, "--nats belongs to agents", "--nats without --agents"],
  ["agent", "agents and their coordinator meet at a NATS server, and this names none", "no --nats"],
  [`agent ${nats} --name a/b`, "--name does not fit", "a/b"],
  ["merge", "merge lacks its argument", "nothing"],
];

for (const [typed, what, got] of refused) {
  test(`refused with 2 and without a stack: wavetank ${typed}`, async () => {
    // Where the load goes, unless that is the mistake.
    const words = /--(?:slice|agents)/.test(typed) && !typed.includes("--target") ? `${typed} ${url}` : typed;
    const parts = recording();
    assert.equal(await runCommandLine(words.split(" "), parts), exitCodes.usage);
    const [first, second] = parts.noted.join("").split("\n");
    assert.equal(first, `wavetank: ${what}`);
    assert.equal(second.trim(), `got:      ${got}`);
    assert.equal(parts.noted.join("").trim().split("\n").length, 4);
  });
}

async function optionsOf(typed: string): Promise<SuiteOptions> {
  let seen: SuiteOptions | null = null;
  const parts = recording({
    runSuite: (options) => {
      seen = options;
      return Promise.resolve(resultsOf([]));
    },
  });
  assert.equal(await runCommandLine(typed.split(" "), parts), exitCodes.ok, parts.noted.join(""));
  return seen!;
}

test("a spread load runs on threads unless told otherwise, and its line says how it was spread", async () => {
  const byAgents = await optionsOf(`run --agents 3 ${nats} ${url}`);
  assert.deepEqual(byAgents.agents, { count: 3, natsUrl: "nats://127.0.0.1:4222" });
  assert.deepEqual(byAgents.tanks, ["threads"]);
  assert.match(byAgents.rerun, /--agents 3 --nats nats:\/\/127\.0\.0\.1:4222/);
  const byHand = await optionsOf(`run --slice 2/3 --start-at 2999-01-01T00:00:00Z ${url}`);
  assert.deepEqual(byHand.slice, { index: 1, count: 3, startAtMs: Date.parse("2999-01-01T00:00:00Z") });
  assert.match(byHand.rerun, /--slice 2\/3/);
});

test("one slice, and a rehearsal, are not judged; agents' whole load is", async () => {
  assert.deepEqual((await optionsOf(`run --slice 2/3 ${url}`)).experiments[0].claims, []);
  const [rehearsed] = (await optionsOf("run --target rehearsal")).experiments;
  assert.equal(
    rehearsed.headline.sentence(undefined as never, undefined as never),
    "Not judged: a rehearsal's figures are a script's.",
  );
  const [judged] = (await optionsOf(`run --agents 3 ${nats} ${url}`)).experiments;
  assert.equal("sentence" in judged.headline, false);
});
