/** `wavetank list`: what can be run, each experiment with its question and designs; as JSON with every plan, whole. */
import type { Parts } from "./command-parts.ts";
import { wrap } from "./command-summary.ts";
import type { Experiment } from "./experiment.ts";
import { painter } from "./progress.ts";

export async function listCommand(flags: { readonly json?: boolean }, parts: Parts): Promise<number> {
  const { terminal } = parts;
  const catalog = await parts.catalog();
  if (flags.json === true) terminal.print(`${JSON.stringify(catalog.map(asData), null, 2)}\n`);
  else terminal.print(catalog.flatMap((e) => [...lines(e, parts), ""]).join("\n"));
  return 0;
}

function lines(experiment: Experiment, parts: Parts): string[] {
  const { terminal } = parts;
  const paint = painter(terminal.colour);
  const columns = Math.min(terminal.columns(), 110);
  const names = Object.entries(experiment.designs);
  const width = Math.max(...names.map(([name]) => name.length));
  return [
    `${paint("bold", experiment.name)}  ${experiment.title}`,
    ...wrap(experiment.question, columns - 2).map((line) => `  ${line}`),
    ...wrap(`(${experiment.source})`, columns - 2).map((line) => paint("dim", `  ${line}`)),
    ...names.flatMap(([name, design]) => {
      const [first, ...rest] = wrap(design.description, columns - width - 6);
      return [`    ${name.padEnd(width)}  ${first ?? ""}`, ...rest.map((line) => `    ${"".padEnd(width)}  ${line}`)];
    }),
  ];
}

/** All of an experiment but its functions: every path that `--set` takes is in here. */
function asData({ name, title, question, source, designs, tanks, headline, claims }: Experiment): object {
  const { metric, baseline, candidate, better } = headline;
  return {
    name,
    title,
    question,
    source,
    tanks,
    designs,
    headline: { metric, baseline, candidate, better },
    claims: claims.map(({ text, expected }) => ({ text, expected })),
  };
}
