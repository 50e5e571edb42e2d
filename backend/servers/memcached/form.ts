/** How one operation, or one command that needs none, is answered on the wire. */
import type { CacheOperation, CacheOutcome } from "../../api-cache.ts";
import type { Output } from "./output.ts";

export interface Form {
  /** There is an operation behind it, whose outcome it writes. */
  readonly awaits: boolean;
  write(out: Output, outcome: CacheOutcome, operation: CacheOperation): void;
}

/** Bytes that are known when the command is read. */
export class Line implements Form {
  readonly awaits = false;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  write(out: Output): void {
    out.text(this.text);
  }
}

/** Of an operation whose outcome is not told, or not what is told. */
export class Regardless implements Form {
  readonly awaits = true;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  write(out: Output): void {
    out.text(this.text);
  }
}

export const silent = new Regardless("");

export const lines = {
  error: new Line("ERROR\r\n"),
  ok: new Line("OK\r\n"),
  end: new Line("END\r\n"),
  badFormat: new Line("CLIENT_ERROR bad command line format\r\n"),
  badChunk: new Line("CLIENT_ERROR bad data chunk\r\n"),
  invalidExptime: new Line("CLIENT_ERROR invalid exptime argument\r\n"),
  invalidDelta: new Line("CLIENT_ERROR invalid numeric delta argument\r\n"),
  deleteUsage: new Line("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"),
} as const;

export const tooLargeText = "SERVER_ERROR object too large for cache\r\n";

/** The line for an outcome that every protocol of lines words alike, or undefined. */
export function failureText(outcome: CacheOutcome): string | undefined {
  switch (outcome.kind) {
    case "not-a-number":
      return "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
    case "too-large":
      return tooLargeText;
    case "failed":
      return `SERVER_ERROR ${outcome.message}\r\n`;
    default:
      return undefined;
  }
}
