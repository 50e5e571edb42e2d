/** `wavetank report`: makes the report again from a results file, for instance one that another machine wrote. */
import { statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Parts } from "./command-parts.ts";
import { prepareFolder } from "./command-run.ts";

/** `file` may be the folder of a run as well. */
export async function reportCommand(
  file: string,
  flags: { readonly out?: string; readonly svg?: boolean },
  parts: Parts,
): Promise<number> {
  const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
  const results = await parts.readResults(isFolder ? path.join(file, "results.json") : file);
  const directory = flags.out ?? (isFolder ? file : path.dirname(file));
  prepareFolder(directory);
  const [page, ...others] = (await parts.writeReport(results, directory)).map((written) => path.resolve(written));
  for (const other of others) parts.terminal.print(`file    ${other}\n`);
  if (flags.svg === true) {
    const { folder, files } = await parts.writeCharts(results, directory);
    parts.terminal.print(`charts  ${files} SVG files in ${path.resolve(folder)}\n`);
  }
  parts.terminal.print(`report  ${page}\n        ${pathToFileURL(page).href}\n`);
  return 0;
}
