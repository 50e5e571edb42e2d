/**
 * The transport over NATS: plain subjects, no stream and no storage, so that any server since 2.0 will do. A message is JSON.
 * The client reconnects by itself; what was under way meanwhile is lost, which the protocol sees as silence.
 */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { UsageError } from "../command-error.ts";
import type { Message } from "./messages.ts";
import type { AgentTransport } from "./transport.ts";

const connectTimeoutMs = 5_000;

/** `url`: nats://[user:password@]host[:port] or tls://... @throws UsageError when no server answers there */
export async function openNats(url: string, name: string, option = "--nats"): Promise<NatsConnection> {
  const { hostname, port, username, password, protocol } = new URL(url);
  try {
    return await connect({
      servers: `${hostname}:${port === "" ? "4222" : port}`,
      name,
      timeout: connectTimeoutMs,
      maxReconnectAttempts: -1,
      ...(username === "" ? {} : { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
      ...(protocol === "tls:" ? { tls: {} } : {}),
    });
  } catch (error) {
    throw new UsageError({
      what: "the NATS server cannot be reached",
      got: `${hostname}:${port === "" ? "4222" : port} (${error instanceof Error ? error.message : String(error)})`,
      expected: "a nats-server that listens there and lets this machine in",
      fix: `start one with \`nats-server -a 0.0.0.0 -p 4222\`, or correct ${option}`,
    });
  }
}

export async function connectNats(url: string, name: string): Promise<AgentTransport> {
  const connection = await openNats(url, name);
  return {
    publish: (subject, message) => {
      if (!connection.isClosed()) connection.publish(subject, JSON.stringify(message));
    },
    subscribe: (subject, onMessage) => {
      const subscription = connection.subscribe(subject, {
        callback: (error, { data }) => {
          const message = error === null ? parsed(data) : null;
          if (message !== null) onMessage(message);
        },
      });
      return () => subscription.unsubscribe();
    },
    flush: async () => {
      // Without a server there is nobody to flush to; the run learns that by silence.
      const patience = new Promise<void>((resolve) => setTimeout(resolve, connectTimeoutMs).unref());
      await Promise.race([connection.flush().catch(() => undefined), patience]);
    },
    close: () => connection.close(),
  };
}

/** Null for what is no message of ours. */
function parsed(data: Uint8Array): Message | null {
  try {
    const message: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    return typeof message === "object" && message !== null && "kind" in message ? (message as Message) : null;
  } catch {
    return null;
  }
}
