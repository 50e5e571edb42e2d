/**
 * The time masters of a simulation: what each says when a daemon asks it, and what faults do to them. Polls are evaluated long
 * after they fell due (see `PolledClock`), so a master's changes are kept with the instants from which they hold.
 */
import type { MastersChange } from "../../kernel/fault.ts";
import type { Random } from "../../kernel/random.ts";
import { drawDelay } from "../../kernel/topology.ts";
import type { Micros } from "../../kernel/units.ts";
import type { Interval } from "./marzullo.ts";
import type { TimePlan } from "./time-plan.ts";
import { referenceUs } from "./timescale.ts";

interface MasterState {
  readonly fromUs: number;
  readonly offsetUs: Micros;
  readonly reachable: boolean;
}

export class TimeMasters {
  private readonly plan: TimePlan;
  /** By master, oldest first; never empty. */
  private readonly states: MasterState[][];

  constructor(plan: TimePlan) {
    this.plan = plan;
    this.states = plan.masters.map(({ offsetUs }) => [{ fromUs: -Infinity, offsetUs, reachable: true }]);
  }

  get count(): number {
    return this.states.length;
  }

  /** @throws RangeError when there is no such master. True times must not decrease. */
  disturb(trueUs: Micros, { masters, offsetUs, reachable }: MastersChange): void {
    for (const master of masters) {
      const states = this.states[master];
      if (states === undefined) {
        throw new RangeError(
          `the fault "masters" names master ${master}; this deployment has masters 0 to ${this.count - 1}`,
        );
      }
      const last = states.at(-1)!;
      states.push({ fromUs: trueUs, offsetUs: offsetUs ?? last.offsetUs, reachable: reachable ?? last.reachable });
    }
  }

  /**
   * What the answers of those who answer, all heard at `trueUs`, say about the reference at that instant. `rate`: seconds that the
   * asker's quartz counts a true second.
   */
  ask(trueUs: number, rate: number, random: Random): Interval[] {
    const heard: Interval[] = [];
    this.plan.masters.forEach(({ errorUs, roundTrip }, master) => {
      const roundTripUs = drawDelay(roundTrip, random);
      const ageUs = roundTripUs * random.float();
      const wrongUs = (2 * random.float() - 1) * errorUs;
      const { offsetUs, reachable } = this.states[master].findLast(({ fromUs }) => fromUs <= trueUs)!;
      if (!reachable) return;
      const said = this.servedAt(trueUs - ageUs) + wrongUs + offsetUs;
      // The asker measured the round trip with its quartz, and only knows that the master spoke during it.
      const oldestUs = roundTripUs * rate * (1 + this.plan.claimedDrift);
      heard.push({ low: said - errorUs, high: said + errorUs + oldestUs });
    });
    return heard;
  }

  /** A master's clock at a true time. Masters smear; they do not step but announce the step, and each node carries it out. */
  servedAt(trueUs: number): number {
    return this.plan.scale.kind === "step" ? trueUs : referenceUs(this.plan.scale, trueUs);
  }
}
