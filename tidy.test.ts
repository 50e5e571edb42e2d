/**
 * What the linter cannot say: who may import whom, which names are banned, how files are named, sized and opened. The table
 * below is the architecture's import table; a layer that needs a new import gets a line here and a reason, or another design.
 *
 *     kernel <── policies <── protocols <── services <──┐
 *       ^──── runtimes, servers <───────────────────────┴── backend.ts (composition root) <── runners <── main.ts
 *       ^──── workloads <── experiments ────────────────────────────────────────────────────────┘
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { test } from "node:test";

/* ---- the import table --------------------------------------------------------------------------------------------------- */

interface Layer {
  /** Folders (with a slash) and files it is made of. */
  readonly of: readonly string[];
  /**
   * What it may import besides itself: folders (with a slash), files, `folder/*` for the files right in a folder, packages, and
   * node: modules (`node:` for all). Types count: a type-only import is a dependency of whoever reads the code.
   */
  readonly may: readonly string[];
  /** What it must not know, and why. */
  readonly mustNot: string;
}

/** The contract: requests and answers, as types. */
const api = [
  "backend/api.ts",
  "backend/api-coordination.ts",
  "backend/api-charges.ts",
  "backend/api-database.ts",
  "backend/api-members.ts",
  "backend/api-tablets.ts",
  "backend/api-tails.ts",
  "backend/api-cache.ts",
  "backend/api-dispatch.ts",
  "backend/api-zones.ts",
];

/** The first layer that names a file is its layer, so exceptions stand above the rule. */
const layers: readonly Layer[] = [
  { of: api, may: ["backend/kernel/", ...api], mustNot: "name anything but types of the contract" },
  {
    // The composition root: where a topology and a service become a running backend, in either runtime.
    of: ["backend/*"],
    may: ["backend/", "node:", "lmdb", "fastify", "msgpackr"],
    mustNot: "know who asks: no workload, experiment or runner",
  },
  {
    of: ["backend/kernel/"],
    may: ["node:assert", "node:assert/strict"],
    mustNot: "depend on anything: everything depends on it, in both runtimes",
  },
  {
    of: ["backend/policies/"],
    may: ["backend/kernel/", ...api],
    mustNot: "act: no node: module, no runtime; a policy decides, its caller acts",
  },
  {
    of: ["backend/protocols/"],
    may: ["backend/kernel/", "backend/policies/", ...api],
    mustNot: "reach a clock, a disk, a network or another protocol: the simulation could not hold it",
  },
  {
    of: ["backend/services/items/"],
    may: ["backend/kernel/", "backend/policies/", ...api],
    mustNot: "know where items are kept: it is pure arithmetic on items",
  },
  {
    // h3-js: cells of the map are pure arithmetic, the same in both runtimes.
    of: ["backend/services/dispatch/"],
    may: ["backend/kernel/", "backend/protocols/", "backend/services/", ...api, "h3-js"],
    mustNot: "know what runs it: no runtime, no server, no node: module",
  },
  {
    of: ["backend/services/"],
    may: ["backend/kernel/", "backend/policies/", "backend/protocols/", "backend/services/", ...api],
    mustNot: "know what runs it: no runtime, no server, no node: module",
  },
  {
    of: ["backend/runtimes/"],
    may: ["backend/kernel/", "backend/runtimes/*", "node:", "lmdb", "msgpackr"],
    mustNot: "know what it runs: no protocol, no service; and no other runtime",
  },
  {
    of: ["backend/servers/"],
    may: ["backend/kernel/", ...api, "backend/servers/*", "fastify", "typebox", "node:"],
    mustNot: "know how an answer is made: no protocol, no runtime",
  },
  {
    of: ["workloads/"],
    may: [...api, "backend/kernel/"],
    mustNot: "know who drives it or against what: no runner, no service",
  },
  {
    of: ["experiments/"],
    may: [
      "workloads/",
      ...api,
      "backend/kernel/",
      "backend/policies/",
      "runners/experiment.ts",
      "runners/results.ts",
      "runners/compare/",
      // Charts and claims read what was measured.
      "runners/measure/histogram.ts",
      "runners/bands.ts",
    ],
    mustNot: "reach into what it compares: designs are data",
  },
  {
    of: ["runners/"],
    may: [
      "backend/*",
      "backend/kernel/",
      "backend/policies/",
      "workloads/",
      "experiments/",
      "reports/report.ts",
      "reports/trend/trend-page.ts",
      "node:",
      "autocannon",
      "commander",
      // The live view: a page and a stream of events.
      "fastify",
      "@nats-io/jetstream",
      "@nats-io/transport-node",
      "hdr-histogram-js",
      "piscina",
      "pino",
      "typebox",
    ],
    mustNot: "see inside a backend or a report: it would measure what it knows instead of what it is told",
  },
  {
    of: ["reports/"],
    may: ["runners/results.ts", "runners/history.ts", "node:", "hdr-histogram-js", "typebox", "vega", "vega-lite"],
    mustNot: "know how figures came about: all it knows is the results file and the history of nights",
  },
  {
    of: ["scripts/", "bin/", "tidy.test.ts"],
    // playwright-core: the picture of a report; autocannon: a generator that ours is compared with.
    may: ["backend/", "workloads/", "experiments/", "runners/", "reports/", "node:", "autocannon", "playwright-core"],
    mustNot: "be imported: tools stand outside",
  },
];

/**
 * A test, a benchmark or what only they share may import more than its folder: all of node:, whatever package is installed, and
 * any file but those that sit above it (a backend's test knows no runner).
 */
const isTest = (file: string): boolean => /\.(test|bench|fixture)\.ts$/.test(file) || testSupport.includes(file);

/** Shared by tests without the name of it: procedures and loads that children and threads import by URL. */
const testSupport = [
  "backend/kill-child.ts",
  "backend/kill-harness.ts",
  "backend/servers/dynamodb/session.ts",
  "backend/servers/stripe/session.ts",
  "backend/toy-load.ts",
  "backend/toy-requests.ts",
];

/** What a folder shows to others, from one file. */
const doors = ["reports/report.ts"];
const testsMay: Readonly<Record<string, readonly string[]>> = {
  backend: ["backend/"],
  workloads: ["workloads/", "backend/"],
  experiments: ["experiments/", "workloads/", "runners/", "backend/"],
  runners: ["runners/", "workloads/", "experiments/", "backend/", "reports/", "scripts/system-packages.ts"],
  reports: ["reports/", "runners/", "experiments/", "scripts/system-packages.ts"],
  scripts: ["scripts/", "runners/", "backend/", "workloads/", "experiments/", "reports/"],
};

const files = globSync("**/*.ts", { exclude: (name) => ["node_modules", ".wavetank", ".git"].includes(name) })
  .map((file) => file.replaceAll(path.sep, "/"))
  .toSorted();
const sources = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));

function layerOf(file: string): Layer | undefined {
  return layers.find((layer) => layer.of.some((entry) => allows(entry, file)));
}

/** A folder of its own: what stands together may import each other. */
function ownFolder(file: string): string {
  const depth = /^backend\/(protocols|services|runtimes|servers)\//.test(file)
    ? 3
    : file.startsWith("backend/")
      ? 2
      : 1;
  return `${file.split("/").slice(0, depth).join("/")}/`;
}

/** Every module a file names: static, type-only, dynamic and `new URL(..., import.meta.url)` imports alike. */
function importsOf(file: string, text: string): string[] {
  const pattern = /(?:^|[\s;}])(?:from|import)\s*\(?\s*"([^"]+)"|new URL\("([^"]+\.ts)", import\.meta\.url\)/g;
  const code = withoutComments(text).replaceAll(/`(?:[^`\\]|\\.)*`/g, "``");
  return [...code.matchAll(pattern)].map(([, imported, url]) => {
    const name = imported ?? `./${url}`.replace("././", "./");
    if (!name.startsWith(".")) return packageOf(name);
    return path.posix.normalize(path.posix.join(path.posix.dirname(file), name));
  });
}

function packageOf(name: string): string {
  if (name.startsWith("node:")) return name;
  if (builtinModules.includes(name)) return `node:${name} (written without node:)`;
  return name.split("/", name.startsWith("@") ? 2 : 1).join("/");
}

function allows(entry: string, imported: string): boolean {
  if (entry === "node:") return imported.startsWith("node:") && !imported.includes(" ");
  if (entry.endsWith("/*")) return path.posix.dirname(imported) === entry.slice(0, -2);
  return entry.endsWith("/") ? imported.startsWith(entry) : imported === entry;
}

function mayImport(file: string, imported: string, layer: Layer): boolean {
  if ([...layer.may, ...layer.of.filter((entry) => !entry.endsWith("/"))].some((entry) => allows(entry, imported)))
    return true;
  if (file.includes("/") && imported.startsWith(ownFolder(file))) return true;
  if (!isTest(file)) return false;
  if (!imported.endsWith(".ts")) return !imported.includes(" ");
  return (testsMay[file.split("/")[0]] ?? []).some((entry) => allows(entry, imported));
}

test("every file has a layer, and imports only what its layer may", () => {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    const layer = layerOf(file);
    if (layer === undefined) wrong.push(`${file} belongs to no layer; expected one of the folders in the table`);
    for (const imported of layer === undefined ? [] : importsOf(file, text)) {
      if (!mayImport(file, imported, layer!)) wrong.push(`${file} imports ${imported}, but must not ${layer!.mustNot}`);
    }
  }
  assertNone(wrong);
});

test("the table's entries exist", () => {
  const named = [...layers.flatMap((layer) => [...layer.of, ...layer.may]), ...testSupport, ...doors].filter((entry) =>
    entry.endsWith(".ts"),
  );
  assertNone(
    [...new Set(named)]
      .filter((entry) => !sources.has(entry))
      .map((entry) => `the table names ${entry}, which is gone`),
  );
});

/* ---- names -------------------------------------------------------------------------------------------------------------- */

const bannedWords = ["util", "utils", "helper", "helpers", "manager", "impl"];

const reExport = /(?<![\w.])export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*(?:as\s+\w+\s*)?from\b/;

/** Constructs by what they look like once comments and strings are gone, and what to write instead. */
const bannedCode: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w.])enum\s+\w+\s*\{/, "an enum; write a union of strings"],
  [/(?<![\w.])namespace\s+\w+\s*\{/, "a namespace; a file is one"],
  [/(?<![\w.])export\s+default\b/, "a default export; name it"],
  [reExport, "a re-export; import from where it is"],
  [/(?<![\w.])interface\s+I[A-Z][a-z]/, "an I prefix; name it for what it is"],
  [/(?:[.\s;{]|^)#[A-Za-z_]\w*\s*[(=:;!?]/m, "a # member; write private"],
];

test("no banned construct and no banned name", () => {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    const code = withoutStrings(withoutComments(text));
    for (const [pattern, what] of bannedCode) {
      if (pattern.test(code) && !(pattern === reExport && doors.includes(file))) wrong.push(`${file} has ${what}`);
    }
    const declared = [...code.matchAll(/(?<![\w.])(?:class|interface|type|function)\s+(\w+)/g)].map(
      (match) => match[1],
    );
    for (const name of [...declared, path.basename(file, ".ts")]) {
      const words = name.split(/[-_.]|(?=[A-Z])/).map((word) => word.toLowerCase());
      if (words.some((word) => bannedWords.includes(word)))
        wrong.push(`${file}: ${name} says nothing; name it for what it does`);
    }
  }
  assertNone(wrong);
});

test("file names are kebab-case, files have at most 500 lines, and all but tests open with a comment", () => {
  const wrong: string[] = [];
  for (const [file, text] of sources) {
    if (
      !/^[a-z\d]+(?:-[a-z\d]+)*(?:\.integration)?(?:\.(?:test|bench|fixture|workload))?\.ts$/.test(path.basename(file))
    )
      wrong.push(`${file} is not kebab-case`);
    const lines = text.split("\n").length - 1;
    if (lines > 500) wrong.push(`${file} has ${lines} lines; split it where a second role or state appears`);
    if (!isTest(file) && !/^\/\*\*|^\/\//.test(text)) wrong.push(`${file} does not open with its idea`);
  }
  assertNone(wrong);
});

/* ---- the project stands alone ------------------------------------------------------------------------------------------- */

/** Written in pieces, so that this file does not find itself. */
const strangers: readonly (readonly [RegExp, string])[] = [
  [new RegExp(["\\.\\.", "shared\\b"].join("/")), "a folder beside the project"],
  [new RegExp(["(?:^|[\\s\"'`(])", "(?:work|home|root|Users)", "[\\w.-]+"].join("/"), "m"), "a path of one machine"],
  [
    new RegExp(`\\b(?:${["DESIGN", "FACTS", "RELIABILITY", "ECOSYSTEM", "PEERS"].join("|")})\\.md\\b`),
    "a document that is not here",
  ],
  [new RegExp(`\\b(?:${["issue", "ticket"].join("|")}) #?\\d+\\b`, "i"), "an issue by its number"],
  [
    new RegExp(
      ["(?:registry|deb|pypi|proxy)", "(?:npmjs|yarnpkg|debian|ubuntu|golang)?\\.?(?:org|com)\\b"].join("\\."),
      "i",
    ),
    "a registry",
  ],
  [new RegExp(["\\bT", "ODO\\b|\\bFIX", "ME\\b|\\bX", "XX\\b"].join("")), "an unfinished thought"],
];

const textFiles = globSync(
  "{*,bin/**/*,docs/**/*,scripts/**/*,backend/**/*,workloads/**/*,experiments/**/*,runners/**/*,reports/**/*,.ci/*,.npmrc,.*.json}",
  {
    exclude: (name) => ["node_modules", ".wavetank", ".git", "package-lock.json", "LICENSE"].includes(name),
  },
).filter((file) => /(?:\.(?:ts|js|json|md|css|yml)|\/run|\.npmrc)$/.test(file));

test("nothing names what is not part of the project", () => {
  const wrong: string[] = [];
  for (const file of textFiles) {
    for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
      for (const [pattern, what] of strangers) {
        if (pattern.test(line)) wrong.push(`${file}:${index + 1} names ${what}: ${line.trim().slice(0, 100)}`);
      }
    }
  }
  assertNone(wrong);
});

test("package versions are pinned exactly", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as Record<
    string,
    Record<string, string> | undefined
  >;
  const wrong: string[] = [];
  for (const group of ["dependencies", "devDependencies", "optionalDependencies"]) {
    for (const [name, version] of Object.entries(manifest[group] ?? {})) {
      if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
        wrong.push(`${name} is "${version}"; expected one exact version`);
    }
  }
  assertNone(wrong);
});

/* ---- reading code ------------------------------------------------------------------------------------------------------- */

/** A string or a regular expression is kept as it is, so that what looks like a comment inside one stays. */
const tokens =
  /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|(?<=[(,=:[!&|?{};\n]\s*)\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;

const isComment = (token: string): boolean => token.startsWith("/*") || token.startsWith("//");

function withoutComments(text: string): string {
  return text.replaceAll(tokens, (token) => (isComment(token) ? token.replaceAll(/[^\n]/g, " ") : token));
}

/** Strings, templates and regular expressions emptied; expects no comments. */
function withoutStrings(code: string): string {
  return code.replaceAll(tokens, (token) => `""${token.replaceAll(/[^\n]/g, "")}`);
}

function assertNone(wrong: readonly string[]): void {
  assert.equal(wrong.length, 0, `\n${wrong.join("\n")}\n`);
}

test("the scanner sees code as code", () => {
  const text = 'const a = "// not"; // #gone\nconst b = /["#]/.test(x); /* enum X { */ import(Q./y.tsQ);'.replaceAll(
    "Q",
    '"',
  );
  assert.deepEqual(importsOf("runners/x.ts", text), ["runners/y.ts"]);
  assert.ok(!bannedCode.some(([pattern]) => pattern.test(withoutStrings(withoutComments(text)))));
  for (const bad of [
    "enum A { B }",
    "class A { #b = 1; }",
    "export * from somewhere",
    "interface IThing {}",
    "export default 1;",
  ])
    assert.ok(
      bannedCode.some(([pattern]) => pattern.test(withoutStrings(withoutComments(bad)))),
      bad,
    );
});
