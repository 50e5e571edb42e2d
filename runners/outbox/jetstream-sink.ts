/**
 * NATS JetStream as the sink of an outbox: each event a message of one stream, under `<stream>.<type>`, with the event's id as its Nats-Msg-Id. The
 * stream refuses an id that it has seen in the last two minutes, so that what a relay publishes again after a failover is stored once.
 */
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ChargeEvent } from "../../backend/api-charges.ts";
import type { ThreadsBackend } from "../../backend/backend.ts";
import { OutboxBridge } from "../../backend/outbox-bridge.ts";
import type { EventSink } from "../../backend/outbox-bridge.ts";
import { UsageError } from "../command-error.ts";
import { openNats } from "../agents/nats-transport.ts";

const duplicateWindowNs = 120e9;
const publishTimeoutMs = 5_000;

export class JetStreamSink implements EventSink {
  /** Events that the stream had already. */
  duplicates = 0;
  private readonly connection: NatsConnection;
  private readonly stream: string;
  private readonly client: JetStreamClient;

  constructor(connection: NatsConnection, stream: string) {
    this.connection = connection;
    this.stream = stream;
    this.client = jetstream(connection);
  }

  async publish(event: ChargeEvent): Promise<void> {
    const options = { msgID: event.id, timeout: publishTimeoutMs };
    const acknowledged = await this.client.publish(`${this.stream}.${event.type}`, JSON.stringify(event), options);
    if (acknowledged.duplicate) this.duplicates++;
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

/**
 * Connects, and makes the stream if there is none of this name.
 *
 * @throws UsageError when no server with JetStream answers at `url`
 */
export async function openJetStreamSink(url: string, stream: string): Promise<JetStreamSink> {
  const connection = await openNats(url, `wavetank outbox ${stream}`, "--outbox");
  try {
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name: stream, subjects: [`${stream}.>`], duplicate_window: duplicateWindowNs });
  } catch (error) {
    await connection.close();
    throw new UsageError({
      what: "the NATS server keeps no streams",
      got: error instanceof Error ? error.message : String(error),
      expected: `a server with JetStream, which has or can make the stream ${stream}`,
      fix: "start it with `nats-server -js`",
    });
  }
  return new JetStreamSink(connection, stream);
}

/**
 * Publishes a backend's events to the stream `charges` until the returned function is called.
 *
 * @throws UsageError when no server with JetStream answers at `url`; the backend is closed then
 */
export async function bridgeToJetStream(backend: ThreadsBackend, url: string): Promise<() => Promise<void>> {
  try {
    const sink = await openJetStreamSink(url, "charges");
    const bridge = new OutboxBridge((request) => backend.request(request), sink);
    return async () => {
      await bridge.stop();
      await sink.close();
    };
  } catch (error) {
    await backend.close();
    throw error;
  }
}
