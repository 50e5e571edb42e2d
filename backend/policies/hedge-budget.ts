/**
 * How many hedges a client may send, whatever each single read would like. Hedges are load: where everything waits, everything
 * would be sent twice, and wait longer.
 *
 * - *tokens* (gRPC proposal A6): failed copies take a token, successes give back a part of one, and at half or below nobody hedges;
 * - *share*: a read earns a part of a hedge, nothing is given in advance. It bounds the extra load however the servers answer, which
 *   tokens do not.
 *
 * Both count in whole thousandths or millionths, so that no sequence of roundings can mint a token.
 */
import type { HedgeBudgetSpec } from "../api-tails.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface HedgeBudget {
  onRead(): void;
  /** Pays for one hedge and returns true, or changes nothing and returns false. */
  tryHedge(): boolean;
  onSuccess(): void;
  /** A copy failed, or its server asked not to be hedged. */
  onFailure(): void;
}

export function createHedgeBudget(spec: HedgeBudgetSpec): HedgeBudget {
  return spec.kind === "tokens"
    ? new TokenHedgeBudget(spec.max, spec.ratio)
    : new ShareHedgeBudget(spec.share, spec.burst);
}

class TokenHedgeBudget extends TokenBucket implements HedgeBudget {
  onRead(): void {}

  tryHedge(): boolean {
    return this.allows;
  }
}

const millionths = 1_000_000;

class ShareHedgeBudget implements HedgeBudget {
  private readonly earns: number;
  private readonly most: number;
  private saved: number;

  constructor(share: number, burst: number) {
    this.earns = Math.round(share * millionths);
    this.most = Math.round(burst * millionths);
    this.saved = 0;
  }

  onRead(): void {
    this.saved = Math.min(this.most, this.saved + this.earns);
  }

  tryHedge(): boolean {
    if (this.saved < millionths) return false;
    this.saved -= millionths;
    return true;
  }

  onSuccess(): void {}

  onFailure(): void {}
}
