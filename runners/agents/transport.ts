/**
 * How a coordinator and its agents reach each other: a bus of subjects. What is published is delivered to each subscriber at
 * most once, and in order from one publisher; it may be lost with a connection. The protocol above (messages.ts) needs no more.
 */
import type { Message } from "./messages.ts";

export interface AgentTransport {
  publish(subject: string, message: Message): void;
  /** Every message published on the subject from now on, never during this call; the function returned ends that. */
  subscribe(subject: string, onMessage: (message: Message) => void): () => void;
  /** Resolves when what was published and subscribed so far has reached the bus. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A bus inside one process, for tests and rehearsals: messages cross as JSON, so that only plain data does. */
export class LocalBus {
  private readonly subscribers = new Map<string, Set<(message: Message) => void>>();

  connect(): AgentTransport {
    let open = true;
    return {
      publish: (subject, message) => {
        if (open) this.deliver(subject, JSON.stringify(message));
      },
      subscribe: (subject, onMessage) => {
        const known = this.subscribers.get(subject) ?? new Set();
        const subscriber = (message: Message): void => {
          if (open && known.has(subscriber)) onMessage(message);
        };
        this.subscribers.set(subject, known.add(subscriber));
        return () => known.delete(subscriber);
      },
      flush: () => new Promise((resolve) => setImmediate(resolve)),
      close: () => {
        open = false;
        return Promise.resolve();
      },
    };
  }

  private deliver(subject: string, text: string): void {
    for (const subscriber of this.subscribers.get(subject) ?? []) {
      queueMicrotask(() => subscriber(JSON.parse(text) as Message));
    }
  }
}
