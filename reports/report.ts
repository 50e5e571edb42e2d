/** The report's door: results in, one HTML file, Markdown and the results themselves out. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "../runners/results.ts";
import { renderMarkdown } from "./markdown.ts";
import { renderPage } from "./page.ts";
import { renderSvgFiles } from "./svg-files.ts";

export { readResults, ResultsFileError } from "./read-results.ts";

export interface Report {
  readonly html: string;
  readonly markdown: string;
}

export interface ReportPaths {
  readonly htmlPath: string;
  readonly markdownPath: string;
  readonly resultsPath: string;
}

export async function renderReport(results: Results): Promise<Report> {
  return { html: await renderPage(results), markdown: renderMarkdown(results) };
}

/**
 * Writes report.html, report.md and results.json into the directory, making it if need be. Each appears whole or not at all, the
 * results first: if drawing fails, the figures are not lost.
 */
export async function writeReport(results: Results, directory: string): Promise<ReportPaths> {
  const paths: ReportPaths = {
    htmlPath: join(directory, "report.html"),
    markdownPath: join(directory, "report.md"),
    resultsPath: join(directory, "results.json"),
  };
  mkdirSync(directory, { recursive: true });
  writeWhole(paths.resultsPath, `${JSON.stringify(results)}\n`);
  const report = await renderReport(results);
  writeWhole(paths.markdownPath, report.markdown);
  writeWhole(paths.htmlPath, report.html);
  return paths;
}

/** Writes every chart as `charts/*.svg` into the directory, which must exist; returns the folder and how many files it got. */
export async function writeCharts(results: Results, directory: string): Promise<{ folder: string; files: number }> {
  const folder = join(directory, "charts");
  mkdirSync(folder, { recursive: true });
  const files = await renderSvgFiles(results);
  for (const { name, svg } of files) writeWhole(join(folder, name), svg);
  return { folder, files: files.length };
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
