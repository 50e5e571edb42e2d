/** Runs as the first file of the covered lane: loads every file whose lines are counted, so that one no test touches counts as bare. */
import { globSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

for (const file of globSync("backend/{protocols,policies}/**/*.ts")) {
  if (!/\.(test|bench|fixture)\.ts$/.test(file)) await import(pathToFileURL(path.resolve(file)).href);
}
