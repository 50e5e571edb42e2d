/** The thread that serves the live view: whatever the measuring thread does, the page answers. Started by live-view.ts. */
import { parentPort, workerData } from "node:worker_threads";
import type { LiveMessage } from "./live-frame.ts";
import { LiveServer } from "./live-server.ts";

const port = parentPort!;
const server = new LiveServer();
port.on("message", (message: LiveMessage) => {
  server.take(message);
  if (message.kind === "end") void server.close().then(() => port.close());
});
const { port: tcpPort } = workerData as { readonly port: number };
try {
  port.postMessage({ url: await server.listen(tcpPort) });
} catch (error) {
  port.postMessage({ code: String(Reflect.get(Object(error), "code")), message: String(error) });
  port.close();
}
