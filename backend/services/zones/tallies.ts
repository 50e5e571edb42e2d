/** What a coordinator counts. */
import type { CacheOutcome } from "../../api-cache.ts";

export class ReadTally {
  begun = 0;
  hits = 0;
  misses = 0;
  failed = 0;
  /** Hits of a zone that was not the first to be thought of. */
  fallbackHits = 0;
  /** Zones that did not answer in time. */
  errors = 0;
  /** Zones passed over because their owner was not worth asking. */
  avoided = 0;

  onEnd({ kind }: CacheOutcome, fellBack: boolean): void {
    if (kind === "hit") this.hits++;
    else if (kind === "missing") this.misses++;
    else this.failed++;
    if (kind === "hit" && fellBack) this.fallbackHits++;
  }
}

export class WriteTally {
  acknowledged = 0;
  failed = 0;
  /** Answers of zones that nobody waited for any more. */
  afterwards = 0;
  /** Answers that came when the time of their operation was up. */
  late = 0;
  /** Copies that disagreed with what the client was told. */
  dropped = 0;

  onTold({ kind }: CacheOutcome): void {
    if (kind === "failed") this.failed++;
    else this.acknowledged++;
  }
}
