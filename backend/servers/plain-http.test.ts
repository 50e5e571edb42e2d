/** Requests of the common form pass Node by; all others reach it whole, whatever pieces they come in; what a connection may do is counted. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Random } from "../kernel/random.ts";
import { PlainHttp, readHead } from "./plain-http.ts";
import type { PlainReply } from "./plain-http.ts";

let server: Server;
let plain: PlainHttp;
let taken = 0;
let late: (() => void)[] = [];

const echo = (method: string, url: string, body: string): string => `${method} ${url} ${body.length} ${body}\n`;

before(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (piece: string) => (body += piece));
    request.on("end", () => response.end(echo(request.method!, request.url!, body)));
  });
  plain = new PlainHttp(
    server,
    ({ method, url, body }, reply) => {
      if (url === "/node") return false;
      taken++;
      const answer = (): ReturnType<PlainReply> => reply(200, "X-Plain: 1\r\n", echo(method, url, body), false);
      if (url === "/late") late.push(answer);
      else answer();
      return true;
    },
    { maxBodyBytes: 100, maxHeaders: 10, maxRequests: 5, idleMs: 1_500 },
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
});

after(() => server.close());

/**
 * What comes back until there are `answers` of them or the server closes.
 *
 * @param polite writes each piece only when there is an answer to the one before
 */
function exchange(pieces: readonly string[], answers: number, polite = false): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.setNoDelay(true);
    let text = "";
    let next = 0;
    const write = (): void => {
      if (next < pieces.length) socket.write(pieces[next++], () => polite || setImmediate(write));
    };
    socket.on("data", (data) => {
      text += data.toString();
      if (answersIn(text).length === answers) socket.end();
      else if (polite) write();
    });
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
    socket.on("connect", write);
  });
}

const post = (url: string, body: string, more = ""): string =>
  `POST ${url} HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const answersIn = (text: string): string[] => text.match(/^[A-Z]+ \/\w* \d+ .*$/gm) ?? [];

test("a plain request is answered without Node, again and again on one connection", async () => {
  taken = 0;
  const asked = [post("/a", "one"), post("/b", "zwei \u00e4\u2603"), "GET /c HTTP/1.1\r\nHost: a\r\n\r\n"];
  const text = await exchange(asked, 3, true);
  assert.equal(taken, 3);
  assert.deepEqual(answersIn(text), ["POST /a 3 one", "POST /b 7 zwei \u00e4\u2603", "GET /c 0 "]);
  assert.match(
    text,
    /^HTTP\/1\.1 200 OK\r\nX-Plain: 1\r\nContent-Length: 14\r\nDate: .* GMT\r\nConnection: keep-alive/,
  );
});

test("what is not of the common form is no plain request", () => {
  const lines = (...more: string[]): string => ["POST / HTTP/1.1", "Host: a", ...more].join("\r\n");
  assert.equal(readHead(lines("Content-Length: 7", "connection: Keep-Alive"), 10)?.bodyBytes, 7);
  const strange = [
    lines("Transfer-Encoding: chunked"),
    lines("Content-Length: 7", "Transfer-Encoding: chunked"),
    lines("Content-Length: 7", "content-length: 7"),
    lines("Content-Length: +7"),
    lines("Content-Length: 7, 7"),
    lines("Content-Length:"),
    lines("Content-Length : 7"),
    lines("Connection: close"),
    lines("Connection: upgrade"),
    lines("Upgrade: h2c"),
    lines("Expect: 100-continue"),
    lines("Host: b"),
    lines("A: b", " folded"),
    lines("A: b\nContent-Length: 7"),
    lines("A: \u0001"),
    lines("A: \u00e9"),
    lines(": nameless"),
    lines("no colon"),
    lines(...Array.from({ length: 10 }, (_, i) => `H${i}: 1`)),
    "POST / HTTP/1.1",
    "POST / HTTP/1.0\r\nHost: a",
    "POST /a b HTTP/1.1\r\nHost: a",
    "POST http://a/ HTTP/1.1\r\nHost: a",
    "post / HTTP/1.1\r\nHost: a",
    "\r\nPOST / HTTP/1.1\r\nHost: a",
    "",
  ];
  for (const head of strange) assert.equal(readHead(head, 10), undefined, JSON.stringify(head));
});

test("in whatever pieces requests come, each is answered once and in order", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed);
    const asked = Array.from({ length: 1 + random.below(4) }, (_, i) => {
      const body = "x".repeat(random.below(200));
      const chunked = `POST /r${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
      return random.pick([
        post(`/r${i}`, body),
        post("/node", body),
        chunked,
        `GET /r${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
      ]);
    });
    const bytes = asked.join("");
    const whole = random.chance(0.3);
    const pieces: string[] = whole ? asked : [];
    for (let at = whole ? bytes.length : 0; at < bytes.length; at += pieces.at(-1)!.length) {
      pieces.push(bytes.slice(at, at + 1 + random.below(random.chance(0.5) ? 400 : 30)));
    }
    const expected = asked.map((text) => {
      const [method, url] = text.split(" ");
      const body = text.includes("chunked") ? "abc" : text.slice(text.indexOf("\r\n\r\n") + 4);
      return echo(method, url, body).trimEnd();
    });
    const got = answersIn(await exchange(pieces, asked.length)).map((line) => line.trimEnd());
    assert.deepEqual(got, expected, `seed ${seed}`);
  }
});

test("a request that comes before the last answer waits for it", async () => {
  late = [];
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.write(post("/late", "first"));
  while (late.length === 0) await new Promise(setImmediate);
  await new Promise((resolve) => socket.write(post("/b", "second"), resolve));
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  late[0]();
  let text = "";
  for await (const data of socket) {
    text += String(data);
    if (answersIn(text).length === 2) break;
  }
  assert.deepEqual(answersIn(text), ["POST /late 5 first", "POST /b 6 second"]);
});

test("a connection ends with the last request it may carry, when it is idle, and when the door closes", async () => {
  const many = await exchange(
    Array.from({ length: 6 }, () => post("/a", "x")),
    Infinity,
    true,
  );
  assert.equal(answersIn(many).length, 5);
  assert.match(many, /Connection: close\r\n\r\nPOST \/a 1 x\n$/);
  const idle = exchange([post("/a", "x")], Infinity);
  const silent = exchange([], Infinity);
  const sweep = setInterval(() => plain.sweep(500), 5);
  assert.equal(answersIn(await idle).length, 1);
  assert.equal(await silent, "");
  clearInterval(sweep);
  late = [];
  const open = exchange([post("/late", "x")], Infinity);
  while (late.length === 0) await new Promise(setImmediate);
  plain.close();
  late[0]();
  assert.match(await open, /Connection: close/);
});
