import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommandLine } from "./command-line.ts";
import { recording } from "./command.fixture.ts";

const seedRange = "a whole number from 0 to 9007199254740991";
const keysForms =
  "uniform[:n], zipf:THETA[:n] or latest:THETA[:n] with THETA in (0, 1), hotspot:SHARE:HOT[:n] with SHARE in [0, 1] and " +
  "HOT below n, sequential[:n], or exponential:PERCENT:FRACTION[:n] with PERCENT in (0, 100) and FRACTION in (0, 1]";
const keysFix = "write uniform:1000, zipf:0.99, hotspot:0.8:1, latest:0.99, sequential or exponential:95:0.857";
const quorumForm = "N,R,W with 1 <= N <= 3 (the nodes there are), 1 <= R <= N and 1 <= W <= N";

/** What is typed, and the four parts of the answer. */
const refused: readonly (readonly [string, string, string, string, string])[] = [
  [
    "",
    "no command was given",
    "nothing",
    "one of list, run, nightly, trend, report, load, compare, capacity, calibrate, agent, merge, serve, peak, simulate",
    "`wavetank run --quick` runs everything briefly; `wavetank --help` explains the rest",
  ],
  [
    "rnu",
    "there is no command of that name",
    "rnu",
    "one of list, run, nightly, trend, report, load, compare, capacity, calibrate, agent, merge, serve, peak, simulate",
    "did you mean run? `wavetank --help` shows all",
  ],
  [
    "list --jsno",
    "there is no option of that name",
    "--jsno",
    "one of --json, --help",
    "did you mean --json? `wavetank list --help` explains the rest",
  ],
  [
    "run --rate",
    "an option has no value",
    "--rate and nothing after it",
    "--rate <n>",
    "`wavetank run --help` explains the rest",
  ],
  [
    "report",
    "report lacks its argument",
    "nothing",
    "wavetank report <results>",
    "`wavetank report --help` explains the rest",
  ],
  [
    "report a b",
    "too many arguments for 'report'",
    "report a b",
    "wavetank report [options] <results>",
    "`wavetank report --help` explains the rest",
  ],
  [
    "run retry-strom",
    "there is no experiment of that name",
    "retry-strom",
    "one of adaptive-capacity, retry-storm",
    "did you mean retry-storm? `wavetank list` shows all",
  ],
  [
    "run xyz",
    "there is no experiment of that name",
    "xyz",
    "one of adaptive-capacity, retry-storm",
    "`wavetank list` shows all",
  ],
  [
    "run --design fixd",
    "there is no design of that name",
    "fixd",
    "one of fixed, adaptive, none, full-jitter",
    "did you mean fixed? `wavetank list` shows all",
  ],
  [
    "run --design fixed retry-storm",
    "there is no design of that name",
    "retry-storm",
    "one of fixed, adaptive, none, full-jitter",
    "retry-storm is an experiment: name it before the options",
  ],
  [
    "run --tank boat",
    "there is no tank of that name",
    "boat",
    "one of simulation, threads, both",
    "write --tank simulation, --tank threads or --tank both",
  ],
  ["run --seed 1.5", "--seed is not a whole number in its range", "1.5", seedRange, "for instance --seed 42"],
  ["run --seed -1", "--seed is not a whole number in its range", "-1", seedRange, "for instance --seed 42"],
  [
    "run --seed 9007199254740993",
    "--seed is not a whole number in its range",
    "9007199254740993",
    seedRange,
    "for instance --seed 42",
  ],
  [
    "run --rounds 0",
    "--rounds is not a whole number in its range",
    "0",
    "a whole number from 1 to 1000",
    "for instance --rounds 5",
  ],
  [
    "run --slices 0",
    "--slices is not a whole number in its range",
    "0",
    "a whole number from 1 to 256",
    "for instance --slices 2",
  ],
  [
    "run --rate 0",
    "--rate is not a rate",
    "0",
    "arrivals a second, a number above 0",
    "for instance --rate 500 or --rate 20k",
  ],
  [
    "run --rate fast",
    "--rate is not a rate",
    "fast",
    "arrivals a second, a number above 0",
    "for instance --rate 500 or --rate 20k",
  ],
  [
    "run --for 10",
    "--for is not a duration",
    "10",
    "a number above 0 with a unit: ms, s, m or h",
    "did you mean --for 10s?",
  ],
  [
    "run --for 0s",
    "--for is not a duration",
    "0s",
    "a number above 0 with a unit: ms, s, m or h",
    "for instance --for 10s or --for 2m",
  ],
  [
    "run --keys zpif",
    "there is no key distribution of that name",
    "zpif",
    "one of uniform, zipf, hotspot, latest, sequential, exponential",
    "did you mean zipf? write --keys zipf:0.99",
  ],
  ["run --keys zipf:0", "keys are no distribution of keys", "zipf:0", keysForms, keysFix],
  ["run --keys hotspot:2", "keys are no distribution of keys", "hotspot:2", keysForms, keysFix],
  ["run --keys uniform:0", "keys are no distribution of keys", "uniform:0", keysForms, keysFix],
  [
    "run --target mysql",
    "there is no target of that name",
    "mysql",
    "one of direct, dynamodb, dynamodb=URL, rehearsal",
    "write --target dynamodb=http://127.0.0.1:8000",
  ],
  [
    "run --target dynamodb=localhost:80",
    "the address of --target dynamodb is not an HTTP URL",
    "localhost:80",
    "http://HOST:PORT or https://HOST",
    "for instance --target dynamodb=http://127.0.0.1:8000",
  ],
  [
    "run --set load",
    "--set has no path and value",
    "load",
    "path=value, where the path is names joined by dots (* stands for every design)",
    "for instance --set load.perSecond=500; `wavetank list --json` prints every path",
  ],
  [
    "peak localhost",
    "the service to probe is no URL",
    "localhost",
    "an http or https URL of a service that speaks DynamoDB's JSON",
    "write http://127.0.0.1:8000, or leave it out to probe the reference",
  ],
  [
    "serve --port 70000",
    "--port is not a whole number in its range",
    "70000",
    "a whole number from 0 to 65535",
    "for instance --port 8000 (0 picks a free one)",
  ],
  [
    "serve --nodes 0",
    "--nodes is not a whole number in its range",
    "0",
    "a whole number from 1 to 1000",
    "for instance --nodes 3",
  ],
  [
    "serve --threads x",
    "--threads is not a whole number in its range",
    "x",
    "a whole number from 1 to 256",
    "for instance --threads 2",
  ],
  [
    "serve --service redis",
    "no such service",
    "--service redis",
    "dispatch, dynamodb, etcd, memcached, stripe",
    "name the interface that your client speaks, for instance --service stripe",
  ],
  [
    "serve --outbox nats://127.0.0.1:4222",
    "this service has no outbox",
    "--outbox with --service dynamodb",
    "--service stripe, whose charges are events for others",
    "add --service stripe, or leave out --outbox",
  ],
  [
    "serve --service stripe --outbox localhost",
    "--outbox names no NATS server",
    "localhost",
    "nats://HOST:PORT or tls://HOST:PORT",
    "for instance --outbox nats://127.0.0.1:4222, with `nats-server -js` running there",
  ],
  ["serve --quorum 3,2", "--quorum does not fit", "3,2", quorumForm, "for instance --quorum 3,2,2"],
  ["serve --quorum 5,3,3", "--quorum does not fit", "5,3,3", quorumForm, "ask for --nodes 5, or for fewer replicas"],
  [
    "simulate --seeds 0",
    "--seeds is not a whole number in its range",
    "0",
    "a whole number from 1 to 1000000000",
    "for instance --seeds 1000",
  ],
  ["simulate --from x", "--from is not a whole number in its range", "x", seedRange, "for instance --from 1"],
  [
    "simulate --from 9007199254740991",
    "--from and --seeds reach beyond the largest seed",
    "9007199254740991 + 100",
    "a sum of at most 9007199254740991",
    "start from a smaller seed",
  ],
];

for (const [typed, what, got, expected, fix] of refused) {
  test(`refused with 2 and without a stack: wavetank ${typed}`, async () => {
    const parts = recording();
    assert.equal(await runCommandLine(typed === "" ? [] : typed.split(" "), parts), 2);
    const message = `wavetank: ${what}\n  got:      ${got}\n  expected: ${expected}\n  fix:      ${fix}\n`;
    assert.equal(parts.noted.join(""), message);
    assert.equal(parts.printed.join(""), "");
  });
}

test("an output folder that cannot be written is refused before the suite runs", async () => {
  const parts = recording({ runSuite: () => assert.fail("it ran") });
  assert.equal(await runCommandLine(["run", "--out", "/dev/null/x"], parts), 2);
  assert.match(parts.noted.join(""), /the folder of --out cannot be written\n {2}got: {6}\/dev\/null\/x \(/);
});

test("an error of another layer with a WAVETANK_ code is the user's; any other is a bug with its stack", async () => {
  const theirs = Object.assign(new Error("cannot read x; got ENOENT; expected a file; fix: check the path"), {
    code: "WAVETANK_RESULTS_FILE",
  });
  const parts = recording({ readResults: () => Promise.reject(theirs) });
  assert.equal(await runCommandLine(["report", "x.json"], parts), 2);
  assert.equal(
    parts.noted.join(""),
    "wavetank: cannot read x\n  got:      ENOENT\n  expected: a file\n  fix:      check the path\n",
  );
  const ours = recording({ readResults: () => Promise.reject(new TypeError("oops")) });
  assert.equal(await runCommandLine(["report", "x.json"], ours), 1);
  assert.match(ours.noted.join(""), /a bug in wavetank.*\nTypeError: oops\n {4}at /);
});

test("a taken port is the user's to change", async () => {
  const parts = recording({ startBackend: () => Promise.reject(new Error("listen EADDRINUSE: 127.0.0.1:8000")) });
  assert.equal(await runCommandLine(["serve"], parts), 2);
  assert.match(
    parts.noted.join(""),
    /the port cannot be listened on\n {2}got: {6}--port 8000 \(another program has it\)/,
  );
});
