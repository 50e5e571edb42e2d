/** A node through its lives: boot, crash, restart. Between lives it hears nothing. */
import { rm } from "node:fs/promises";
import type { Fault } from "../../kernel/fault.ts";
import { none } from "../../kernel/topology.ts";
import type { Delay } from "../../kernel/topology.ts";
import type { NodeId } from "../../kernel/units.ts";
import { NodeLoop } from "./node-loop.ts";
import type { Done } from "./node-loop.ts";
import type { NodeSetting } from "./node-setting.ts";

export class HostedNode {
  /** The present life; undefined while the node is down. */
  loop: NodeLoop | undefined;
  readonly setting: NodeSetting;
  private lives = 0;
  private slowFactor = 1;
  private diskDelay: Delay = none;
  private changing: Promise<void> = Promise.resolve();

  constructor(setting: NodeSetting) {
    this.setting = setting;
  }

  /** Boots it; nothing happens if it is up. Rejects when its log is damaged. */
  start(): Promise<void> {
    return this.change(async () => {
      if (this.loop !== undefined) return;
      this.loop = await NodeLoop.open(this.setting, this.lives++);
      this.loop.slowFactor = this.slowFactor;
      this.loop.diskDelay = this.diskDelay;
      this.loop.start();
      this.setting.schedule();
    });
  }

  /** Kills it at once; resolves when its files are closed and, with `wipe`, gone. */
  crash(wipe: boolean): Promise<void> {
    const closed = this.kill();
    return this.change(async () => {
      await closed;
      // It may have been booting when the crash came.
      await this.kill();
      if (wipe) await rm(this.setting.directory, { recursive: true, force: true });
    });
  }

  /** Applies a fault that names this node; resolves when it is in force. */
  inject(fault: Fault): Promise<void> {
    if (fault.kind === "crash") return this.crash(fault.wipe === true);
    if (fault.kind === "restart") return this.start();
    if (fault.kind === "pause") this.loop?.block(this.setting.clock.now() + fault.forUs);
    // These two last until their opposite, also through a crash.
    if (fault.kind === "slow") this.slowFactor = fault.factor;
    if (fault.kind === "disk") this.diskDelay = fault.delay;
    if (this.loop !== undefined) {
      this.loop.slowFactor = this.slowFactor;
      this.loop.diskDelay = this.diskDelay;
    }
    return Promise.resolve();
  }

  request(body: unknown, done: Done): void {
    if (this.loop === undefined) {
      done(this.setting.downReply(this.setting.self));
      return;
    }
    this.loop.request(body, done);
    this.setting.schedule();
  }

  receive(from: NodeId, message: unknown): void {
    if (this.loop === undefined) return;
    this.loop.receive(from, message);
    this.setting.schedule();
  }

  private kill(): Promise<void> | undefined {
    const { loop } = this;
    this.loop = undefined;
    return loop?.abandon();
  }

  private change(step: () => Promise<void>): Promise<void> {
    const next = this.changing.then(step);
    this.changing = next.catch(() => undefined);
    return next;
  }
}
