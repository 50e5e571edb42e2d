/**
 * Faults aimed at whoever leads at the moment, and at the moment itself. What breaks a wrong Paxos is a rare meeting of three leaders: a
 * value that a few accepted, another one at a higher ballot in the same slot, and a third leader who has to choose. Faults at random times
 * bring that about once in many thousand seeds; a leader that loses its voice as it begins to propose brings it about in most.
 */
import type { SimulatedBackend } from "../../backend/simulated.ts";
import type { Fault, FaultAt } from "../../backend/kernel/fault.ts";
import type { Random } from "../../backend/kernel/random.ts";
import type { Micros, NodeId } from "../../backend/kernel/units.ts";
import { millisecond } from "../../backend/kernel/units.ts";

export type Snare =
  /** Heard by nobody, or by one, but hears everybody. */
  | "mute"
  | "cut-off"
  /** Cut off until another leads, and back as that one dies with what it proposed half told. */
  | "relay"
  | "crash"
  | "pause"
  /** It or one that it rests upon is back at once, with what its disk has. */
  | "blink"
  /** One follower hears nothing, another loses its disk, the leader dies, and the first one hears again. */
  | "amnesia";

export interface HuntSpec {
  readonly snares: readonly Snare[];
  /** Of these kinds of messages most are lost all the time, in half of the seeds. */
  readonly lossy?: readonly string[];
  /** About. */
  readonly snareUs: Micros;
  /** Between two snares, at least. */
  readonly restUs?: Micros;
}

interface Ground {
  readonly simulation: SimulatedBackend;
  readonly random: Random;
  readonly fromUs: Micros;
  readonly toUs: Micros;
  /** Told of each crash before it happens. */
  readonly onCrash: (nodes: readonly NodeId[], wiped: boolean) => void;
}

export class LeaderHunt {
  /** What was done, in order of time. */
  readonly plan: FaultAt[] = [];
  private readonly spec: HuntSpec;
  private readonly ground: Ground;
  private readonly snares: readonly Snare[];
  private readonly loss: number;
  private readonly victim: NodeId;
  private restingUntil: Micros = 0;
  /** Who comes back when another leads; -1: nobody. */
  private relieved: NodeId = -1;

  constructor(spec: HuntSpec, ground: Ground) {
    const { random, simulation, fromUs, toUs } = ground;
    this.spec = spec;
    this.ground = ground;
    const mask = spec.snares.filter(() => random.chance(0.6));
    this.snares = mask.length > 0 ? mask : [random.pick(spec.snares)];
    this.loss = spec.lossy !== undefined && random.chance(0.5) ? 0.3 + random.float() * 0.5 : 0;
    // Only this disk is ever wiped: two lost disks of three are no fault to survive.
    this.victim = random.below(simulation.nodes);
    simulation.at(fromUs, () => this.calm());
    simulation.at(toUs, () => this.inject({ kind: "heal" }));
  }

  /** Somebody is about to lead. */
  onElected(leader: NodeId): void {
    const { random, simulation, toUs } = this.ground;
    if (!this.open) return;
    if (this.relieved >= 0) {
      if (leader !== this.relieved) this.relieve(leader);
      return;
    }
    if (simulation.now < this.restingUntil) return;
    const snareUs = Math.min(Math.round(random.exponential(this.spec.snareUs)) + millisecond, toUs - simulation.now);
    this.restingUntil = simulation.now + Math.round(snareUs * random.float()) + (this.spec.restUs ?? 0);
    const delayUs = random.pick([0, 0, random.below(3 * millisecond), random.below(60 * millisecond)]);
    this.spring(random.pick(this.snares), leader, delayUs, snareUs);
  }

  /** Every so often, when the leader stays. */
  onTime(leader: NodeId): void {
    if (leader >= 0 && this.ground.random.chance(0.5)) this.onElected(leader);
  }

  private spring(snare: Snare, leader: NodeId, delayUs: Micros, snareUs: Micros): void {
    const { random } = this.ground;
    const others = random.shuffle(this.everyNode.filter((node) => node !== leader));
    switch (snare) {
      case "mute": {
        const deaf = random.chance(0.5) ? others : others.slice(1);
        // With no delay, what it is about to propose is lost already, and what it was promised is not.
        this.during(delayUs, snareUs, { kind: "partition", from: [leader], to: deaf, oneWay: true });
        break;
      }
      case "cut-off":
        this.during(delayUs, snareUs, { kind: "partition", from: [leader], to: others });
        break;
      case "relay":
        this.relieved = leader;
        this.later(delayUs + 1, () => this.inject({ kind: "partition", from: [leader], to: others }));
        break;
      case "crash":
        this.crash([leader], delayUs + 1, snareUs);
        break;
      case "pause":
        this.later(delayUs + 1, () => this.inject({ kind: "pause", nodes: [leader], forUs: snareUs }));
        break;
      case "blink":
        this.crash(
          random.pick([[leader], [others[0]], [leader, others[0]], this.everyNode]),
          delayUs + 1,
          random.below(5 * millisecond),
        );
        break;
      case "amnesia":
        this.amnesia(leader, others, snareUs);
        break;
    }
  }

  private relieve(leader: NodeId): void {
    const { random } = this.ground;
    this.relieved = -1;
    const delayUs = random.below(30 * millisecond);
    this.crash([leader], delayUs, random.below(2 * this.spec.snareUs));
    this.later(delayUs, () => this.calm());
  }

  private amnesia(leader: NodeId, others: readonly NodeId[], snareUs: Micros): void {
    const { victim } = this;
    if (victim === leader) {
      this.crash([victim], 1, snareUs, true);
      return;
    }
    const deaf = others.filter((node) => node !== victim);
    this.during(1, snareUs, { kind: "partition", from: [leader], to: deaf, oneWay: true });
    this.crash([victim], snareUs - 2, 1, true);
    this.crash([leader], snareUs - 1, 4 * snareUs);
  }

  private get everyNode(): readonly NodeId[] {
    return Array.from({ length: this.ground.simulation.nodes }, (_, i) => i);
  }

  private get open(): boolean {
    const { simulation, fromUs, toUs } = this.ground;
    return simulation.now >= fromUs && simulation.now < toUs;
  }

  private during(delayUs: Micros, forUs: Micros, fault: Fault): void {
    if (delayUs === 0) this.inject(fault);
    else this.later(delayUs, () => this.inject(fault));
    this.later(delayUs + forUs, () => this.calm());
  }

  private crash(nodes: readonly NodeId[], delayUs: Micros, forUs: Micros, wipe = false): void {
    const { simulation, toUs, onCrash } = this.ground;
    this.later(delayUs, () => {
      onCrash(nodes, wipe);
      this.inject({ kind: "crash", nodes, wipe });
      simulation.at(Math.min(simulation.now + Math.max(1, forUs), toUs), () => this.inject({ kind: "restart", nodes }));
    });
  }

  /** Heals everything, except that some messages are lost more often than others. */
  private calm(): void {
    this.inject({ kind: "heal" });
    const { everyNode, loss } = this;
    const { lossy } = this.spec;
    if (loss > 0) this.inject({ kind: "drop", from: everyNode, to: everyNode, probability: loss, only: lossy });
  }

  private later(delayUs: Micros, act: () => void): void {
    const { simulation } = this.ground;
    simulation.at(simulation.now + delayUs, () => {
      if (this.open) act();
    });
  }

  private inject(fault: Fault): void {
    this.plan.push({ atUs: this.ground.simulation.now, fault });
    this.ground.simulation.inject(fault);
  }
}
