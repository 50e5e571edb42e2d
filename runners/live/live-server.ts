/**
 * The live view's server: one page, one stream of events, one text for scrapers, on this machine only.
 *
 *     GET /         the page; it holds everything it needs
 *     GET /events   server-sent events: state, then every frame that is kept, then what comes. A viewer that comes back
 *                   (Last-Event-ID) gets what it missed
 *     GET /metrics  OpenMetrics
 *
 * A viewer that does not read is dropped when more than a megabyte waits for it; it may come back and gets what it missed. So no
 * viewer costs more than that, and nobody who measures ever waits for one.
 */
import type { ServerResponse } from "node:http";
import Fastify, { type FastifyInstance } from "fastify";
import type { LiveFrame, LiveMessage, LiveSeries, LiveState } from "./live-frame.ts";
import { livePage, livePagePolicy } from "./live-page.ts";
import { openMetrics, openMetricsType } from "./open-metrics.ts";

/** An hour at a frame a second. */
const framesKept = 3_600;
const viewersAtMost = 64;
const waitingAtMost = 1_048_576;
const heartbeatMs = 15_000;

interface Kept {
  readonly id: number;
  readonly frame: LiveFrame;
}

export class LiveServer {
  private readonly app: FastifyInstance;
  private readonly viewers = new Set<ServerResponse>();
  private frames: Kept[] = [];
  private lastId = 0;
  private state: LiveState | null = null;
  private readonly series = new Map<string, LiveSeries>();
  private readonly heartbeat: NodeJS.Timeout;
  /** Names this server to viewers that come back: the ids of another one are no ids of this. */
  private readonly era = Date.now().toString(36);

  constructor() {
    this.app = Fastify({ logger: false, forceCloseConnections: true });
    this.app.addHook("onRequest", async (request, reply) => {
      // A name that resolves here from elsewhere (DNS rebinding) is refused: the figures are for this machine.
      const host = request.headers.host?.replace(/:\d+$/, "") ?? "";
      if (!["127.0.0.1", "localhost"].includes(host)) await reply.code(403).send("only for this machine\n");
    });
    this.app.get("/", (_request, reply) =>
      reply
        .type("text/html; charset=utf-8")
        .header("content-security-policy", livePagePolicy)
        .header("x-content-type-options", "nosniff")
        .header("cache-control", "no-store")
        .send(livePage),
    );
    this.app.get("/metrics", (_request, reply) => {
      const frame = this.frames.at(-1)?.frame ?? null;
      const text = openMetrics({ state: this.state, frame, series: [...this.series.values()] });
      return reply.header("content-type", openMetricsType).send(text);
    });
    this.app.get("/events", (request, reply) => {
      reply.hijack();
      this.welcome(reply.raw, request.headers["last-event-id"]);
    });
    this.heartbeat = setInterval(() => this.toAll(": still here\n\n"), heartbeatMs);
    this.heartbeat.unref();
  }

  /** Resolves with the page's address; rejects with EADDRINUSE or EACCES. Port 0 picks a free one. */
  async listen(port: number): Promise<string> {
    return this.app.listen({ port, host: "127.0.0.1" });
  }

  get viewerCount(): number {
    return this.viewers.size;
  }

  take(message: LiveMessage): void {
    if (message.kind === "state") {
      this.state = message.state;
      this.toAll(event("state", message.state));
    } else if (message.kind === "frame") {
      const kept = { id: ++this.lastId, frame: message.frame };
      this.frames.push(kept);
      if (this.frames.length > framesKept + 600) this.frames = this.frames.slice(-framesKept);
      for (const one of message.series) this.series.set(nameOf(one), one);
      this.toAll(this.frameEvent(kept));
    } else {
      this.toAll("event: end\ndata: {}\n\n");
    }
  }

  /** What was written last still reaches those who read. */
  async close(): Promise<void> {
    clearInterval(this.heartbeat);
    for (const viewer of this.viewers) viewer.end();
    await this.app.close();
  }

  private welcome(viewer: ServerResponse, lastEventId: string | string[] | undefined): void {
    if (this.viewers.size >= viewersAtMost) {
      viewer.writeHead(503, { "content-type": "text/plain" }).end("too many viewers\n");
      return;
    }
    viewer.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    this.viewers.add(viewer);
    viewer.on("close", () => this.viewers.delete(viewer));
    viewer.on("error", () => this.viewers.delete(viewer));
    const [era, seen] = String(lastEventId ?? "").split("-");
    const after = era === this.era ? Number(seen) : 0;
    const missed = this.frames.filter(({ id }) => id > after).map((kept) => this.frameEvent(kept));
    if (after === 0) missed.unshift("event: fresh\ndata: {}\n\n");
    if (this.state !== null) missed.push(event("state", this.state));
    viewer.write(`retry: 1000\n\n${missed.join("")}`);
  }

  private toAll(text: string): void {
    for (const viewer of this.viewers) {
      if (viewer.writableLength > waitingAtMost) {
        this.viewers.delete(viewer);
        viewer.destroy();
      } else viewer.write(text);
    }
  }

  private frameEvent({ id, frame }: Kept): string {
    return `id: ${this.era}-${id}\n${event("frame", frame)}`;
  }
}

const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const nameOf = ({ experiment, tank, design, operation, outcome, code }: LiveSeries): string =>
  JSON.stringify([experiment, tank, design, operation, outcome, code]);
