/**
 * The tokens of gRPC proposal A6, for retries and for hedges: a failure takes one, a success gives back a part of one, and at half of
 * all or below nothing is sent that was not asked for.
 *
 * gRPC gives `tokenRatio` three decimals, so tokens are counted in thousandths: no sequence of roundings can mint one.
 */
const thousandths = 1_000;

export class TokenBucket {
  private readonly max: number;
  private readonly refund: number;
  private left: number;

  constructor(maxTokens: number, ratio: number) {
    this.max = Math.round(maxTokens * thousandths);
    this.refund = Math.round(ratio * thousandths);
    this.left = this.max;
  }

  /** More than half is left. */
  get allows(): boolean {
    return this.left > this.max / 2;
  }

  onSuccess(): void {
    this.left = Math.min(this.max, this.left + this.refund);
  }

  onFailure(): void {
    this.left = Math.max(0, this.left - thousandths);
  }

  /** Tokens left. */
  available(): number {
    return this.left / thousandths;
  }

  /** Tokens at most. */
  capacity(): number {
    return this.max / thousandths;
  }
}
