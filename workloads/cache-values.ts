/** Keys and values of a cache's load: names of the sizes that were asked for, values that say which write they come from, and what an answer shows. */
import type { Answer } from "../backend/api.ts";
import type { CacheOutcome } from "../backend/api-cache.ts";
import { Random } from "../backend/kernel/random.ts";
import type { Distribution } from "./distribution.ts";
import { draw } from "./distribution.ts";

/** A key's size is its number's own: the same in every run and slice. */
export class KeyNames {
  private readonly bytes: Distribution;
  private readonly names: string[] = [];

  constructor(bytes: Distribution) {
    this.bytes = bytes;
  }

  of(index: number): string {
    return (this.names[index] ??= `item-${index}`.padEnd(draw(this.bytes, Random.stream(index, "key")), "-"));
  }
}

const space = 0x20;

/** The id, and dots up to `bytes`; longer where the id is. */
export function valueOf(id: string, bytes: number): Uint8Array {
  const value = new Uint8Array(Math.max(bytes, id.length + 1)).fill(0x2e);
  for (let i = 0; i < id.length; i++) value[i] = id.charCodeAt(i);
  value[id.length] = space;
  return value;
}

export function idIn(value: Uint8Array): string {
  const end = value.indexOf(space);
  return String.fromCharCode(...value.subarray(0, Math.max(0, Math.min(end, 64))));
}

/** Of a request's only operation, or its first. Undefined: the answer says nothing of it. */
export function outcomeOf(answer: Answer): CacheOutcome | undefined {
  if (answer.kind !== "ok" || answer.result.kind !== "cached") return undefined;
  const [outcome] = answer.result.outcomes;
  return outcome.kind === "failed" ? undefined : outcome;
}
