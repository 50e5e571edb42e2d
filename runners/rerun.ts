/** The command line that repeats one experiment in one tank with everything that was set. */
import type { Tank } from "./experiment.ts";
import type { SuiteOptions } from "./suite-types.ts";

export function rerunLine(experiment: string, tank: Tank, options: SuiteOptions): string {
  const words = [experiment, "--tank", tank, "--seed", String(options.seed)];
  if (options.quick) words.push("--quick");
  for (const design of options.designs ?? []) words.push("--design", design);
  for (const { path, value } of options.overrides) {
    words.push("--set", `${path}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
  if (options.arrivals !== undefined) words.push("--arrivals", options.arrivals);
  if (options.rate !== undefined) words.push("--rate", String(options.rate));
  if (options.forS !== undefined) words.push("--for", String(options.forS));
  if (options.keys !== undefined) words.push("--keys", options.keys);
  if (options.sizes !== undefined) words.push("--sizes", options.sizes);
  if (options.target.kind === "rehearsal") words.push("--target", "rehearsal");
  if (options.target.kind === "dynamodb") {
    words.push("--target", options.target.url === undefined ? "dynamodb" : `dynamodb=${options.target.url}`);
  }
  if (options.slices !== undefined) words.push("--slices", String(options.slices));
  if (options.slice !== undefined) words.push("--slice", `${options.slice.index + 1}/${options.slice.count}`);
  if (options.agents !== undefined) {
    words.push("--agents", String(options.agents.count), "--nats", options.agents.natsUrl);
  }
  return ["npm run bench --", ...words.map(quote)].join(" ");
}

/** As a POSIX shell reads it back. */
function quote(word: string): string {
  return /^[\w.,:=/@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
