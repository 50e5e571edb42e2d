/**
 * Sockets that read into a buffer that is there already. Node takes 64 KiB for every piece that arrives and gives most of it back, which costs as much as
 * the system call; `onread` avoids that, but Node only lets sockets have it that it did not accept itself. So the connection is moved, before anything was
 * read, from the socket that the server made to one of ours. Where Node has no such handle to give, pieces are taken as they come.
 */
import { Socket } from "node:net";
import type { OnReadOpts } from "node:net";

interface Inner {
  _handle?: unknown;
}

/**
 * @param accepted not read from yet ("pauseOnConnect")
 * @param onPiece what was read is in the first `length` bytes of `buffer` until it returns
 */
export function readInto(buffer: Buffer, accepted: Socket, onPiece: (length: number) => void): Socket {
  const inner = accepted as Socket & Inner;
  const handle = inner._handle;
  if (handle === undefined || handle === null) {
    accepted.on("data", (piece: Buffer) => {
      for (let at = 0; at < piece.length; at += buffer.length) onPiece(piece.copy(buffer, 0, at));
    });
    return accepted;
  }
  inner._handle = null;
  // Without a handle it closes nothing; the server stops to count it, and can close.
  accepted.destroy();
  const onread: OnReadOpts = {
    buffer,
    callback: (length) => {
      onPiece(length);
      return true;
    },
  };
  return new Socket({ handle, onread, allowHalfOpen: true } as ConstructorParameters<typeof Socket>[0]);
}
