import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { exitCodes } from "./command-exit.ts";
import { observers } from "./command-live.ts";
import { runCommandLine } from "./command-line.ts";
import { folderFor, recording } from "./command.fixture.ts";
import type { RunItem } from "./suite-types.ts";

const refused: readonly (readonly [words: string[], got: RegExp])[] = [
  [["--live", "retry-storm"], /no port[\s\S]*got: +retry-storm[\s\S]*name experiments before the options/],
  [["--live", "70000"], /no port[\s\S]*got: +70000/],
  [["--export", "hgrm"], /no export format[\s\S]*got: +hgrm[\s\S]*one of hlog, csv/],
];
for (const [words, expected] of refused) {
  test(`refused before anything runs: ${words.join(" ")}`, async () => {
    const parts = recording({ runSuite: () => assert.fail("it ran") });
    assert.equal(await runCommandLine(["run", ...words], parts), exitCodes.usage);
    assert.match(parts.noted.join(""), expected);
  });
}

test("--live says where, observes the suite, and is closed at the end, whatever the end is", async () => {
  for (const fails of [false, true]) {
    const told: string[] = [];
    const parts = recording({
      openLiveView: (port) => {
        told.push(`port ${port}`);
        const observer = { onNote: (text: string) => void told.push(text) };
        return Promise.resolve({ url: "http://127.0.0.1:9", observer, end: async () => void told.push("end") });
      },
      runSuite: (_options, observer) => {
        observer.onNote!("seen");
        return Promise.reject(new Error("a bug"));
      },
      ...(fails ? {} : { runSuite: seen }),
    });
    await runCommandLine(["run", "retry-storm", "--live"], parts);
    assert.deepEqual(told, ["port 0", "seen", "end"]);
    assert.match(parts.noted.join(""), /live {4}http:\/\/127\.0\.0\.1:9\n/);
  }
});

const seen: ReturnType<typeof recording>["runSuite"] = (options, observer) => {
  observer.onNote!("seen");
  return recording().runSuite(options, observer);
};

test("--export csv leaves its files beside the report and names them", async (t) => {
  const folder = folderFor(t);
  const parts = recording({
    runSuite: async (options, observer) => ({ ...(await recording().runSuite(options, observer)), experiments: [] }),
  });
  await runCommandLine(["run", "retry-storm", "--export", "csv", "--out", folder], parts);
  for (const name of ["metrics.csv", "timeline.csv"]) {
    assert.ok(existsSync(path.join(folder, name)), name);
    assert.ok(parts.printed.join("").includes(path.join(folder, name)), name);
  }
});

test("a run that nobody watches keeps nothing for watchers", () => {
  const plan = { totalS: 1, faults: [] };
  const item = {} as RunItem;
  assert.equal(observers([{}, {}]).watchRun!(item, plan), undefined);
  const logged = observers([{}, { watchRun: () => ({ onRecorded: () => undefined }) }]).watchRun!(item, plan)!;
  assert.ok(!("onNews" in logged));
});
