/** All clocks of one simulation: one plan, one set of masters, a clock for each node. */
import type { MastersChange } from "../../kernel/fault.ts";
import type { PolledTime } from "../../kernel/time-spec.ts";
import type { Micros, NodeId } from "../../kernel/units.ts";
import { PolledClock } from "./polled-clock.ts";
import { TimeMasters } from "./time-masters.ts";
import type { TimePlan } from "./time-plan.ts";
import { planTime } from "./time-plan.ts";

export class TrueTime {
  private readonly plan: TimePlan;
  private readonly masters: TimeMasters;
  private readonly seed: number;

  /** @throws RangeError when the spec breaks a rule or mixes treatments of the leap second */
  constructor(spec: PolledTime, seed: number) {
    this.plan = planTime(spec);
    this.masters = new TimeMasters(this.plan);
    this.seed = seed;
  }

  createClock(node: NodeId): PolledClock {
    return new PolledClock(this.plan, this.masters, this.seed, node);
  }

  disturbMasters(trueUs: Micros, change: MastersChange): void {
    this.masters.disturb(trueUs, change);
  }
}
