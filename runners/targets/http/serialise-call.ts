/** A call as the bytes of an HTTP/1.1 request. */
import type { HttpCall } from "../../../workloads/http.ts";
import type { WireRequest } from "./exchange.ts";

const token = /^[!#$%&'*+.^_`|~\w-]+$/;
/** What would end a line and begin another header. */
const breaksLine = /[\r\n\0]/;

/**
 * Adds Host, Content-Length and, for a body that is neither text nor bytes, Content-Type, unless the call names them.
 *
 * @throws TypeError on a method, path or header that would not be one request
 */
export function serialiseCall(origin: URL, call: HttpCall): WireRequest {
  const body = bytesOf(call.body);
  const method = call.method ?? (body === null ? "GET" : "POST");
  const { path, headers = {} } = call;
  if (!token.test(method))
    throw new TypeError(`an HTTP call has the method ${JSON.stringify(method)}: expected a token such as GET`);
  if (!/^(?:\/|\*$)/.test(path) || /[\s\0]/.test(path))
    throw new TypeError(
      `an HTTP call has the path ${JSON.stringify(path)}: expected one that begins with / and has no space`,
    );
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  let head = `${method} ${path} HTTP/1.1\r\n`;
  if (!given.has("host")) head += `Host: ${origin.host}\r\n`;
  if (!given.has("user-agent")) head += "User-Agent: wavetank\r\n";
  for (const [name, value] of Object.entries(headers)) {
    if (!token.test(name) || breaksLine.test(value))
      throw new TypeError(
        `an HTTP call has the header ${JSON.stringify(`${name}: ${value}`)}: expected a name and one line`,
      );
    head += `${name}: ${value}\r\n`;
  }
  if (isData(call.body) && !given.has("content-type")) head += "Content-Type: application/json\r\n";
  if (body !== null && !given.has("content-length")) head += `Content-Length: ${body.length}\r\n`;
  else if (body === null && /^(?:POST|PUT|PATCH)$/i.test(method)) head += "Content-Length: 0\r\n";
  head += "\r\n";
  const start = Buffer.from(head, "latin1");
  return { bytes: body === null ? start : Buffer.concat([start, body]), head: method === "HEAD" };
}

function bytesOf(body: unknown): Buffer | null {
  if (body === undefined || body === null) return null;
  if (typeof body === "string") return Buffer.from(body, "utf8");
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return Buffer.from(JSON.stringify(body), "utf8");
}

function isData(body: unknown): boolean {
  return body !== undefined && body !== null && typeof body !== "string" && !(body instanceof Uint8Array);
}
