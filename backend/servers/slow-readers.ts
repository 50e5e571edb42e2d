/**
 * Clients that ask and do not read. What they leave unread is kept in memory, so a connection whose unread answers stay
 * above a limit for several sweeps in a row is cut off.
 */
import type { Socket } from "node:net";

const maxUnreadBytes = 1_048_576;
const patienceSweeps = 5;

export class SlowReaders {
  private readonly sockets = new Map<Socket, number>();

  watch(socket: Socket): void {
    this.sockets.set(socket, 0);
    socket.once("close", () => this.sockets.delete(socket));
  }

  /** To be called at a fixed interval. */
  sweep(): void {
    for (const [socket, sweeps] of this.sockets) {
      if (socket.writableLength <= maxUnreadBytes) {
        if (sweeps > 0) this.sockets.set(socket, 0);
      } else if (sweeps + 1 >= patienceSweeps) socket.destroy();
      else this.sockets.set(socket, sweeps + 1);
    }
  }
}
