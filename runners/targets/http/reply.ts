/** An answer as offsets into the bytes that it came in: what nobody asks for is never made. One object serves a connection. */
import type { HttpReply } from "./exchange.ts";

const empty = Buffer.alloc(0);

export class Reply implements HttpReply {
  status = 0;
  /** Status line and headers. */
  headData: Buffer = empty;
  headStart = 0;
  headEnd = 0;
  bodyData: Buffer = empty;
  bodyStart = 0;
  bodyEnd = 0;

  get body(): Buffer {
    return this.bodyData.subarray(this.bodyStart, this.bodyEnd);
  }

  get bodyBytes(): number {
    return this.bodyEnd - this.bodyStart;
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    let found: string | undefined;
    for (const [key, value] of this.headers()) {
      if (key.toLowerCase() === wanted) found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }

  headers(): [string, string][] {
    const lines = this.headData.toString("latin1", this.headStart, this.headEnd).split("\r\n");
    return lines
      .slice(1)
      .filter((line) => line !== "")
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()];
      });
  }

  text(): string {
    return this.bodyData.toString("utf8", this.bodyStart, this.bodyEnd);
  }

  json(): unknown {
    return JSON.parse(this.text()) as unknown;
  }
}
