/** One node of a ring by itself: what it sends and arms is written down, and time stands still until it is told to pass. */
import { Random } from "../../kernel/random.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import type { RingpopMessage } from "./messages.ts";
import type { RingpopTimer } from "./ringpop.ts";
import type { BuildRing, MembersView, Standing } from "./view.ts";

export type TestMessage = RingpopMessage<string, string, string>;

export class TestEnv {
  now: Micros = 0;
  readonly self: NodeId = 0;
  readonly random = new Random(1);
  readonly sent: { readonly to: NodeId; readonly message: TestMessage }[] = [];
  private armed: { readonly at: Micros; readonly id: number; readonly timer: RingpopTimer; readonly key: number }[] =
    [];
  private nextTimer = 1;

  send(to: NodeId, message: TestMessage): void {
    this.sent.push({ to, message });
  }

  after(delayUs: Micros, timer: RingpopTimer, key: number): number {
    this.armed.push({ at: this.now + delayUs, id: this.nextTimer, timer, key });
    return this.nextTimer++;
  }

  cancel(timer: number): void {
    this.armed = this.armed.filter(({ id }) => id !== timer);
  }

  /** Fires what is due until `untilUs`, in order. */
  pass(untilUs: Micros, fire: (timer: RingpopTimer, key: number) => void): void {
    for (;;) {
      const [next] = this.armed.toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > untilUs) break;
      this.cancel(next.id);
      this.now = next.at;
      fire(next.timer, next.key);
    }
    this.now = untilUs;
  }
}

export class TestView implements MembersView {
  readonly standings = new Map<NodeId, Standing>();
  readonly incarnations = new Map<NodeId, number>();

  constructor(...members: readonly NodeId[]) {
    for (const member of members) this.standings.set(member, "alive");
  }

  standingOf(node: NodeId): Standing {
    return this.standings.get(node) ?? "unknown";
  }

  incarnationOf(node: NodeId): number {
    return this.incarnations.get(node) ?? 1;
  }

  present(): readonly NodeId[] {
    return [...this.standings.keys()]
      .filter((node) => ["alive", "suspect"].includes(this.standingOf(node)))
      .sort((a, b) => a - b);
  }
}

/** The last member owns everything. */
export const lastOwns: BuildRing = (members) => ({ ownerOf: () => members.at(-1)! });
