/** placeholder while capacity policies are being written */
import type { CatalogEntry } from "./messages.ts";
import type { DataRequest } from "./operations.ts";

export class Admission {
  constructor(..._args: unknown[]) {}
  get active(): boolean { return false; }
  activate(): boolean { return false; }
  limits(_entry: CatalogEntry): boolean { return false; }
  admit(_entry: CatalogEntry, _partition: number, _body: DataRequest, _bytes: number): number | null { return 0; }
  chargeRead(..._args: unknown[]): number { return 0; }
  report(): void {}
  onReport(..._args: unknown[]): void {}
  onLimits(..._args: unknown[]): void {}
  counters(): Record<string, number> { return {}; }
}
