/**
 * The night as JUnit XML, which every CI server reads: a test case for each claim, for each design's check, and for each figure
 * that can fail the night. A claim that is undecided and a run that is invalid are skipped: they prove nothing either way.
 */
import type { ExperimentResult, Results } from "../results.ts";
import type { Findings } from "./findings.ts";

interface TestCase {
  readonly suite: string;
  readonly name: string;
  readonly timeS?: number;
  readonly failure?: string;
  readonly skipped?: string;
}

export function renderJunit(results: Results, findings: Findings): string {
  const suites = [
    ...results.experiments.map(
      (experiment) => [`${experiment.name}.${experiment.tank}`, experimentCases(experiment)] as const,
    ),
    ["nightly.figures", figureCases(findings)] as const,
  ];
  const all = suites.flatMap(([, cases]) => cases);
  const body = suites.map(([name, cases]) => suiteOf(name, cases, results.startedAt)).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="wavetank"${countsOf(all)}>\n${body}</testsuites>\n`;
}

function experimentCases({ name, tank, status, tookS, claims, designs }: ExperimentResult): TestCase[] {
  const suite = `${name}.${tank}`;
  const checks = designs.map((design): TestCase => {
    const broken = design.runs.find((run) => !run.check.held);
    const failure =
      broken === undefined
        ? undefined
        : `seed ${broken.seed}: ${broken.check.violations.join("; ") || broken.check.name}`;
    return { suite, name: `${design.name} keeps what it promises`, failure };
  });
  const judged = claims.map((claim, i): TestCase => ({
    suite,
    name: claim.text,
    timeS: i === 0 ? tookS : 0,
    failure: claim.status === "failed" ? `measured ${claim.measured}, expected ${claim.expected}` : undefined,
    skipped: claim.status === "undecided" ? `undecided: measured ${claim.measured}` : undefined,
  }));
  const health: TestCase = {
    suite,
    name: "the generator kept its schedule",
    skipped:
      status === "invalid" || status === "interrupted"
        ? `the runs are ${status}: their figures prove nothing`
        : undefined,
  };
  return [...judged, ...checks, health];
}

function figureCases({ judged, regressions }: Findings): TestCase[] {
  const failures = new Map(regressions.map(({ series, text }) => [series, text]));
  return judged
    .filter((series) => series.gate !== null)
    .map((series) => ({
      suite: "nightly.figures",
      name: `${series.metric} (${series.plan})`,
      failure: failures.get(series),
    }));
}

function countsOf(cases: readonly TestCase[]): string {
  const failures = cases.filter((one) => one.failure !== undefined).length;
  const skipped = cases.filter((one) => one.failure === undefined && one.skipped !== undefined).length;
  const timeS = cases.reduce((sum, one) => sum + (one.timeS ?? 0), 0);
  return ` tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}" time="${timeS.toFixed(3)}"`;
}

function suiteOf(name: string, cases: readonly TestCase[], startedAt: string): string {
  const timestamp = startedAt.replace(/(?:\.\d+)?Z$/, "");
  const body = cases.map(caseOf).join("");
  return `  <testsuite name="${escapeXml(name)}" timestamp="${escapeXml(timestamp)}"${countsOf(cases)}>\n${body}  </testsuite>\n`;
}

function caseOf({ suite, name, timeS = 0, failure, skipped }: TestCase): string {
  const head = `    <testcase classname="${escapeXml(suite)}" name="${escapeXml(name)}" time="${timeS.toFixed(3)}"`;
  if (failure !== undefined) return `${head}>\n      <failure message="${escapeXml(failure)}"/>\n    </testcase>\n`;
  if (skipped !== undefined) return `${head}>\n      <skipped message="${escapeXml(skipped)}"/>\n    </testcase>\n`;
  return `${head}/>\n`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** Safe in an attribute: also without the control characters and lone surrogates that XML 1.0 has no way to write. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(/[\t\n\r]+/g, " ")
    .replaceAll(/[^\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll(/[&<>"']/g, (character) => entities[character]);
}
