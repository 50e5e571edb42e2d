/**
 * News that ride on the protocol's own messages (SWIM, section 4.1): a claim leaves with lambda log n messages and is then old. Those that
 * were sent least often go first; a message carries a bounded number, so its size does not depend on how much there is to tell.
 */
import type { NodeId } from "../../kernel/units.ts";
import type { Version } from "./claims.ts";
import { claimWidth } from "./claims.ts";

interface News {
  readonly member: NodeId;
  readonly version: Version;
  readonly by: NodeId;
  sent: number;
}

export class Dissemination {
  /** At most one entry a member and accuser in a row: a newer claim about a member takes the place of the older ones. */
  private news: News[] = [];
  private readonly lambda: number;
  private readonly limit: number;

  /**
   * @param lambda a claim is sent lambda ln(n + 1) times
   * @param limit claims in one message
   */
  constructor(lambda: number, limit: number) {
    this.lambda = lambda;
    this.limit = limit;
  }

  get size(): number {
    return this.news.length;
  }

  add(member: NodeId, version: Version, by: NodeId): void {
    this.news = this.news.filter((item) => item.member !== member || item.version >= version);
    this.news.push({ member, version, by, sent: 0 });
  }

  /** Appends to `claims` what goes with the next message, and counts it as sent. `members`: n. */
  take(claims: number[], members: number): void {
    const { news, limit } = this;
    if (news.length === 0) return;
    const room = limit - claims.length / claimWidth;
    const most = retransmissions(this.lambda, members);
    // Stable: of those sent equally often, the older first.
    if (news.length > room) news.sort((a, b) => a.sent - b.sent);
    let spent = false;
    for (let i = 0; i < room && i < news.length; i++) {
      const item = news[i];
      claims.push(item.member, item.version, item.by);
      if (++item.sent >= most) spent = true;
    }
    if (spent) this.news = news.filter(({ sent }) => sent < most);
  }
}

/** How often one member passes one claim on. */
export function retransmissions(lambda: number, members: number): number {
  return Math.ceil(lambda * Math.log(members + 1));
}
