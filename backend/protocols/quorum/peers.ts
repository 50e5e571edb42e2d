/**
 * Whom this node believes it can reach. Dynamo (section 4.8.3) detects failures locally and only when there is traffic: a peer
 * is suspected once it has owed an answer for longer than `suspectAfterUs`, and trusted again at its next answer. Requests from a
 * peer prove nothing about the way to it, so only answers count; a one-way partition would hide behind them.
 */
import type { Micros, NodeId } from "../../kernel/units.ts";
import { millisecond } from "../../kernel/units.ts";
import type { QuorumEnv } from "./messages.ts";

export const suspectAfterUs: Micros = 250 * millisecond;
const probeEveryUs: Micros = 500 * millisecond;

export class Peers {
  private readonly env: QuorumEnv;
  /** Per peer, when the oldest unanswered request was sent; -1 when nothing is owed. */
  private readonly owedSince: number[];
  private readonly probedAt: number[];
  private owing = 0;

  constructor(env: QuorumEnv, nodes: number) {
    this.env = env;
    this.owedSince = Array.from({ length: nodes }, () => -1);
    this.probedAt = Array.from({ length: nodes }, () => -Infinity);
  }

  /** Something that wants an answer was sent to `peer` this turn. */
  onAsked(peer: NodeId): void {
    if (this.owedSince[peer] >= 0) return;
    this.owedSince[peer] = this.env.now;
    this.owing++;
  }

  onAnswered(peer: NodeId): void {
    if (this.owedSince[peer] < 0) return;
    this.owedSince[peer] = -1;
    this.owing--;
  }

  suspects(peer: NodeId): boolean {
    const since = this.owedSince[peer];
    return since >= 0 && this.env.now - since > this.patienceUs();
  }

  protected patienceUs(): Micros {
    return suspectAfterUs;
  }

  /** Something went to `peer` whose answer may rightly take long: ask for a sign of life beside it, ten times a second at most. */
  probe(peer: NodeId): void {
    if (this.owedSince[peer] >= 0 || this.env.now - this.probedAt[peer] < 100 * millisecond) return;
    this.probedAt[peer] = this.env.now;
    this.onAsked(peer);
    this.env.sendEarly(peer, { kind: "ping" });
  }

  /** Some peer owes an answer: keep ticking. */
  get active(): boolean {
    return this.owing > 0;
  }

  /** Asks suspected peers whether they are back, twice a second each. */
  tick(): void {
    for (let peer = 0; peer < this.owedSince.length; peer++) {
      if (!this.suspects(peer) || this.env.now - this.probedAt[peer] < probeEveryUs) continue;
      this.probedAt[peer] = this.env.now;
      this.env.sendEarly(peer, { kind: "ping" });
    }
  }
}
