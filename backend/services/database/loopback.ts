/**
 * What a node says to itself goes by no network and takes no turn of its own: it is heard when the input of the turn has been dealt with, in
 * the order in which it was said. Nobody is called back in the middle of what it is doing. What is held until it is durable is not heard
 * here: it takes the long way, since that is what holds it.
 */
import type { NodeId } from "../../kernel/units.ts";
import type { TransactionEnv, TransactionMessage } from "../../protocols/transactions/messages.ts";

export class Loopback {
  readonly env: TransactionEnv;
  private said: TransactionMessage[] = [];

  constructor(env: TransactionEnv) {
    const { self } = env;
    this.env = {
      self,
      random: env.random,
      store: env.store,
      get now() {
        return env.now;
      },
      get wall() {
        return env.wall;
      },
      send: (to, message) => env.send(to, message),
      sendEarly: (to, message) => {
        if (to === self) this.said.push(message);
        else env.sendEarly(to, message);
      },
      after: (delayUs, timer, key) => env.after(delayUs, timer, key),
      cancel: (timer) => env.cancel(timer),
    };
  }

  /** To be called at the end of every turn. */
  hear(onMessage: (from: NodeId, message: TransactionMessage) => void): void {
    while (this.said.length > 0) {
      const { said } = this;
      this.said = [];
      for (const message of said) onMessage(this.env.self, message);
    }
  }
}
