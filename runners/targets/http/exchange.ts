/** One exchange over HTTP/1.1: what is sent, what comes back, and what may go wrong. */
import type { RefusalCode, UnknownCode } from "../../../backend/api.ts";

/** A request serialised ahead, so that sending it copies nothing. */
export interface WireRequest {
  readonly bytes: Buffer;
  /** HEAD: the answer says how long its body would be and has none. */
  readonly head: boolean;
}

/** An answer. All of it is a view that is overwritten after the callback that it is given to. */
export interface HttpReply {
  readonly status: number;
  readonly body: Buffer;
  readonly bodyBytes: number;
  /** By name, whatever its case; several of one name are joined by ", ". */
  header(name: string): string | undefined;
  /** Names and values as they came. */
  headers(): [string, string][];
  text(): string;
  /** Throws SyntaxError when the body is no JSON. */
  json(): unknown;
}

/**
 * No answer. *Refused* when nothing of the request left: the connection could not be made. *Unknown* when it may have been carried
 * out: the connection was lost, or what came was no HTTP.
 */
export type HttpFailure =
  | { readonly kind: "refused"; readonly code: Extract<RefusalCode, "unavailable">; readonly message: string }
  | { readonly kind: "unknown"; readonly code: Extract<UnknownCode, "connection-lost">; readonly message: string };

export interface HttpPoolOptions {
  /** At most so many connections; requests beyond what they can take wait in order. */
  readonly connections: number;
  /** Requests under way on one connection, at most; 1 when absent, which every server understands. */
  readonly pipelining?: number;
  /** Takes a certificate that nobody vouches for. */
  readonly insecure?: boolean;
  /** A connection that is not made by then has failed; 10,000 when absent. */
  readonly connectTimeoutMs?: number;
  /** 64 KiB when absent. */
  readonly maxHeadBytes?: number;
  /** 64 MiB when absent. */
  readonly maxBodyBytes?: number;
}
