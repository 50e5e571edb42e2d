import assert from "node:assert/strict";
import test from "node:test";
import * as fc from "fast-check";
import { MalformedReply, ReplyParser } from "./reply-parser.ts";

interface Got {
  readonly status: number;
  readonly body: string;
  readonly type: string | undefined;
  readonly keepAlive: boolean;
}

/** Feeds `pieces` as reads of a connection with `asked` requests under way; `ended`: the server closes it then. */
function parse(pieces: readonly Buffer[], { asked = 1, head = false, ended = false } = {}): Got[] {
  const got: Got[] = [];
  const sink = {
    underWay: asked,
    expectsHead: head,
    onReply(reply: { status: number; text(): string; header(name: string): string | undefined }, keepAlive: boolean) {
      sink.underWay--;
      got.push({ status: reply.status, body: reply.text(), type: reply.header("Content-Type"), keepAlive });
    },
  };
  const parser = new ReplyParser({ maxHeadBytes: 300, maxBodyBytes: 1_000 });
  for (const piece of pieces) {
    // The buffer of a read is used again for the next: what was kept must have been copied.
    const read = Buffer.alloc(4_096, "x");
    piece.copy(read);
    parser.feed(read, piece.length, sink);
    read.fill("y");
  }
  if (ended) parser.end(sink);
  return got;
}

const text = (...lines: string[]): string => lines.join("\r\n");

const answers: readonly {
  readonly name: string;
  readonly bytes: string;
  readonly expected: Partial<Got>;
  head?: true;
  ended?: true;
}[] = [
  {
    name: "a body of stated length",
    bytes: text("HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 5", "", "hello"),
    expected: { status: 200, body: "hello", type: "text/plain", keepAlive: true },
  },
  {
    name: "headers in any case and with odd spaces",
    bytes: text("HTTP/1.1 201 Created", "CONTENT-LENGTH:  2\t", "content-type:x", "", "ok"),
    expected: { status: 201, body: "ok", type: "x" },
  },
  {
    name: "no reason phrase",
    bytes: text("HTTP/1.1 200", "Content-Length: 0", "", ""),
    expected: { status: 200, body: "" },
  },
  {
    name: "chunks with extensions and trailers",
    bytes: text(
      "HTTP/1.1 200 OK",
      "Transfer-Encoding: chunked",
      "",
      "4;x=1",
      "wiki",
      "A",
      "pedia in c",
      "0",
      "Expires: never",
      "",
      "",
    ),
    expected: { status: 200, body: "wikipedia in c", keepAlive: true },
  },
  {
    name: "chunked outweighs a length",
    bytes: text(
      "HTTP/1.1 200 OK",
      "Content-Length: 99",
      "Transfer-Encoding: gzip, chunked",
      "",
      "2",
      "ok",
      "0",
      "",
      "",
    ),
    expected: { body: "ok" },
  },
  {
    name: "204 without a body",
    bytes: text("HTTP/1.1 204 No Content", "Content-Type: x", "", ""),
    expected: { status: 204, body: "" },
  },
  {
    name: "304 that names a length",
    bytes: text("HTTP/1.1 304 Not Modified", "Content-Length: 10", "", ""),
    expected: { status: 304, body: "" },
  },
  {
    name: "an answer to HEAD that names a length",
    head: true,
    bytes: text("HTTP/1.1 200 OK", "Content-Length: 10", "", ""),
    expected: { status: 200, body: "" },
  },
  {
    name: "interim answers first",
    bytes: text(
      "HTTP/1.1 100 Continue",
      "",
      "HTTP/1.1 103 Early Hints",
      "Link: x",
      "",
      "HTTP/1.1 200 OK",
      "Content-Length: 2",
      "",
      "ok",
    ),
    expected: { status: 200, body: "ok" },
  },
  {
    name: "a body to the end of the connection",
    ended: true,
    bytes: text("HTTP/1.1 200 OK", "", "all of it"),
    expected: { body: "all of it", keepAlive: false },
  },
  {
    name: "a connection that is closed afterwards",
    bytes: text("HTTP/1.1 200 OK", "Connection: close", "Content-Length: 1", "", "x"),
    expected: { body: "x", keepAlive: false },
  },
  {
    name: "HTTP/1.0 closes unless it says otherwise",
    bytes: text("HTTP/1.0 200 OK", "Content-Length: 1", "", "x"),
    expected: { keepAlive: false },
  },
  {
    name: "HTTP/1.0 that keeps the connection",
    bytes: text("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 1", "", "x"),
    expected: { body: "x", keepAlive: true },
  },
];

for (const { name, bytes, expected, head, ended } of answers) {
  test(`${name}, in one piece, byte by byte, and cut anywhere`, () => {
    const whole = Buffer.from(bytes);
    const cuts = [[whole], [...whole].map((byte) => Buffer.from([byte]))];
    for (let at = 1; at < whole.length; at++) cuts.push([whole.subarray(0, at), whole.subarray(at)]);
    for (const pieces of cuts) {
      const [got, ...more] = parse(pieces, { head, ended });
      assert.deepEqual({ ...got, ...expected }, got, `${pieces.length} pieces, the first of ${pieces[0].length} bytes`);
      assert.equal(more.length, 0);
    }
  });
}

test("answers in a row, however the stream is cut, are the same answers", () => {
  const kept = answers.filter(
    ({ head, ended, name }) => head === undefined && ended === undefined && !name.includes("clos"),
  );
  fc.assert(
    fc.property(
      fc.array(fc.nat(kept.length - 1), { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (which, at) => {
        const stream = Buffer.from(which.map((i) => kept[i].bytes).join(""));
        const cuts = [0, ...at.map((each) => each % stream.length), stream.length].sort((a, b) => a - b);
        const pieces = cuts.slice(1).map((cut, i) => stream.subarray(cuts[i], cut));
        const got = parse(
          pieces.filter((piece) => piece.length > 0),
          { asked: which.length },
        );
        assert.deepEqual(
          got.map(({ body }) => body),
          which.map((i) => kept[i].expected.body),
        );
      },
    ),
    { seed: 1 },
  );
});

const lies: readonly [string, string, RegExp, boolean?][] = [
  ["garbage", "SSH-2.0-OpenSSH_9.6\r\n", /no HTTP\/1.1 answer/],
  ["another protocol's version", "HTTP/2.0 200 OK\r\n\r\n", /no HTTP/],
  ["a length that is no number", text("HTTP/1.1 200 OK", "Content-Length: many", "", ""), /Content-Length is "many"/],
  [
    "two lengths that differ",
    text("HTTP/1.1 200 OK", "Content-Length: 1", "Content-Length: 2", "", "xx"),
    /Content-Length/,
  ],
  ["a body longer than it says", text("HTTP/1.1 200 OK", "Content-Length: 2", "", "okay"), /longer than the 2 bytes/],
  [
    "a body shorter than it says",
    text("HTTP/1.1 200 OK", "Content-Length: 9", "", "ok"),
    /cut short: 2 of the 9 bytes/,
    true,
  ],
  ["an end inside the head", "HTTP/1.1 200 OK\r\nContent-", /cut short/, true],
  ["an end inside the chunks", text("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "4", "wi"), /cut short/, true],
  [
    "a chunk size that is none",
    text("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "zz", ""),
    /chunk's size is "zz/,
  ],
  [
    "a chunk longer than it says",
    text("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "2", "okay", ""),
    /chunk is longer/,
  ],
  ["a head without end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(400)}`, /head is longer than 300/],
  ["a body beyond the limit", text("HTTP/1.1 200 OK", "Content-Length: 1001", "", ""), /longer than 1000/],
  ["an endless body", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(1_100)}`, /longer than 1000/],
];

for (const [name, bytes, expected, ended] of lies) {
  test(`${name} is told, in one piece and byte by byte`, () => {
    const whole = Buffer.from(bytes);
    for (const pieces of [[whole], [...whole].map((byte) => Buffer.from([byte]))]) {
      // A byte too many is only seen to be one once it comes, and then no request is under way.
      const both = pieces.length > 1 ? new RegExp(`${expected.source}|no request asked for`) : expected;
      assert.throws(
        () => parse(pieces, { ended }),
        (error) => error instanceof MalformedReply && both.test(error.message),
      );
    }
  });
}

test("bytes that no request asked for are told", () => {
  assert.throws(() => parse([Buffer.from("HTTP/1.1 200 OK\r\n\r\n")], { asked: 0 }), /no request asked for/);
});
