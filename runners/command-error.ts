/**
 * A mistake of whoever typed the command: says what is wrong, what was got, what was expected and how to fix it, without a
 * stack, and ends with exit code 2. Anything else that reaches the top is a bug of ours and ends with 1, stack and all.
 */

export class UsageError extends Error {
  readonly what: string;
  readonly got: string;
  readonly expected: string;
  readonly fix: string;

  constructor(mistake: { what: string; got: string; expected: string; fix: string }) {
    super(mistake.what);
    this.name = "UsageError";
    this.what = mistake.what;
    this.got = mistake.got;
    this.expected = mistake.expected;
    this.fix = mistake.fix;
  }
}

/**
 * The usage error in `error`, if it is one. Layers below the command line have classes of their own: their code starts with
 * WAVETANK_ and their message has the four parts in one line, "what; got ...; expected ...; fix: ...".
 */
export function usageErrorIn(error: unknown): UsageError | null {
  if (error instanceof UsageError) return error;
  if (!(error instanceof Error) || !String(Reflect.get(error, "code")).startsWith("WAVETANK_")) return null;
  const parts = /^(?<what>.*?); got:? (?<got>.*?); expected:? (?<expected>.*?); fix:? (?<fix>.*)$/s.exec(
    error.message,
  )?.groups;
  if (parts === undefined) return new UsageError({ what: error.message, got: "", expected: "", fix: "" });
  return new UsageError({ what: parts.what, got: parts.got, expected: parts.expected, fix: parts.fix });
}

/** Four lines; a part that is not known has none. */
export function formatUsageError(error: UsageError): string {
  const line = (label: string, text: string): string => (text === "" ? "" : `  ${label.padEnd(9)} ${text}\n`);
  return (
    `wavetank: ${error.what}\n` + line("got:", error.got) + line("expected:", error.expected) + line("fix:", error.fix)
  );
}

/** The nearest of `names`, when it is near enough to be what was meant: at most a third of its letters away. */
export function nearest(typed: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const name of names) {
    const distance = name.startsWith(typed) && typed.length >= 3 ? 1 : editDistance(typed, name);
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best !== null && bestDistance <= Math.max(1, Math.floor(best.length / 3)) ? best : null;
}

/** An unknown name among known ones. `kind` is singular: "experiment". */
export function unknownName(kind: string, typed: string, names: readonly string[], lookUp: string): UsageError {
  const meant = nearest(typed, names);
  return new UsageError({
    what: `there is no ${kind} of that name`,
    got: typed === "" ? "an empty name" : typed,
    expected: names.length === 0 ? `nothing: there is no ${kind} at all` : `one of ${names.join(", ")}`,
    fix: meant === null ? lookUp : `did you mean ${meant}? ${lookUp}`,
  });
}

/** Insertions, deletions, substitutions and swaps of neighbours (Damerau 1964, the restricted form), one row at a time. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}
