/** Trace files for tests, in a folder of their own that is gone afterwards. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Writes `text` to a file, gives its path to `use`, and removes it. */
export function withTrace<T>(text: string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "wavetank-trace-"));
  try {
    const path = join(folder, "arrivals");
    writeFileSync(path, text);
    return use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
