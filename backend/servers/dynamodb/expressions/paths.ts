/** Document paths against one another: an update may not touch one place twice, nor a place and what lies inside it. */
import type { Binding } from "./binding.ts";
import type { Path } from "../../../api.ts";

/** Notes the first two paths that overlap (one begins with the other) or conflict (one step is a name and an index). */
export function checkPaths(paths: readonly Path[], binding: Binding): void {
  for (let i = 1; i < paths.length; i++) {
    for (let j = 0; j < i; j++) checkPair(paths[j], paths[i], binding);
  }
}

function checkPair(one: Path, two: Path, binding: Binding): void {
  const shared = Math.min(one.length, two.length);
  for (let i = 0; i < shared; i++) {
    if (typeof one[i] !== typeof two[i]) return binding.fault("conflict", pairMessage("conflict", one, two));
    if (one[i] !== two[i]) return undefined;
  }
  return binding.fault("overlap", pairMessage("overlap", one, two));
}

function pairMessage(how: string, one: Path, two: Path): string {
  const paths = `path one: ${pathText(one)}, path two: ${pathText(two)}`;
  return `Two document paths ${how} with each other; must remove or rewrite one of these paths; ${paths}`;
}

function pathText(path: Path): string {
  return `[${path.map((step) => (typeof step === "number" ? `[${step}]` : step)).join(", ")}]`;
}
