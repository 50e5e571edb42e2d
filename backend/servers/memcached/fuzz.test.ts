/**
 * Clients that send anything: random bytes, damaged commands, commands in pieces and out of order, on connections that share a cache with a
 * client who does everything right. Whatever they send, nothing throws, each of them is answered or closed, what is kept for them is bounded,
 * and the well-behaved client gets exactly the bytes it should. After damage a connection that is still open, and whose last command is
 * ended, answers "mn" with MN.
 *
 *     FUZZ_SEED=4 FUZZ_COUNT=1000000 node --test backend/servers/memcached/fuzz.test.ts      another seed, a million inputs
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../kernel/random.ts";
import { mebibyte } from "../../kernel/units.ts";
import { packetOf } from "./dialogue-packets.fixture.ts";
import { Bindings, dialogueFiles, readDialogues, sentBytes } from "./dialogue.fixture.ts";
import { MemoryBackend, MemoryDoor } from "./memory-door.fixture.ts";
import type { MemoryLine } from "./memory-door.fixture.ts";

const seed = Number(process.env.FUZZ_SEED ?? 1);
const count = Number(process.env.FUZZ_COUNT ?? 20_000);

/** Longer ones are for the tests of limits. */
const mostSampleBytes = 3_000;
const samples = dialogueFiles()
  .flatMap((file) => readDialogues(file))
  .flatMap(({ steps }) => steps)
  .flatMap((step) => {
    const text = step.send?.replaceAll(/<cas (\d+)>/g, "$1").replaceAll(/<(.)\*\d{5,}>/g, "$1");
    try {
      return [sentBytes({ ...step, ...(text !== undefined && { send: text }) }, new Bindings())];
    } catch {
      // Compares with a number that only its dialogue knows.
      return [];
    }
  })
  .filter((bytes) => bytes.length > 0 && bytes.length < mostSampleBytes);

const words = [
  ..."get gets gat gats set add replace append prepend cas incr decr touch delete flush_all stats version verbosity".split(
    " ",
  ),
  ..."quit mg ms md ma me mn noreply reset settings items slabs 0 1 -1 5 250 1048576 4294967295 4294967296".split(" "),
  ..."18446744073709551615 18446744073709551616 99999999999999999999 a b n page key v k t c f s h l q u b I".split(" "),
  ..."Oxyz N30 R30 T30 T-1 T0 F5 C1 MA MP ME MR MS MD D5 J7 S5 Zm9v ==== \0 \xff \t".split(" "),
];

function damaged(random: Random): Buffer {
  const kind = random.below(8);
  if (kind === 0) return Buffer.from(Array.from({ length: 1 + random.below(80) }, () => random.below(256)));
  if (kind === 1) {
    const line = Array.from({ length: 1 + random.below(7) }, () => random.pick(words)).join(" ");
    return Buffer.from(`${line}\r\n${random.chance(0.3) ? "x\r\n" : ""}`, "latin1");
  }
  if (kind === 2) return damagedPacket(random);
  let bytes = Buffer.from(random.pick(samples));
  for (let i = random.below(4); i > 0; i--) bytes = changed(bytes, random);
  return bytes;
}

function changed(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.below(8));
  const [front, back] = [bytes.subarray(0, at), bytes.subarray(to)];
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([front, back]);
    case 1:
      return Buffer.concat([front, Buffer.from([random.below(256)]), back]);
    case 2:
      return Buffer.concat([front, Buffer.from(random.pick(words), "latin1"), back]);
    case 3:
      return Buffer.from(front);
    case 4:
      return Buffer.concat([bytes, random.pick(samples)]);
    default: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[random.below(copy.length)] ^= 1 << random.below(8);
      return copy;
    }
  }
}

function damagedPacket(random: Random): Buffer {
  const packet = packetOf(
    {
      opcode: `0x${random.below(random.chance(0.2) ? 256 : 0x27).toString(16)}`,
      extras: "00".repeat(random.pick([0, 0, 4, 8, 20, 3])),
      key: random.pick(["", "a", "n", "<k*250>", "<k*251>"]),
      value: random.pick(["", "x", "5"]),
      ...(random.chance(0.1) && { keyLength: random.below(65_536) }),
      ...(random.chance(0.1) && { bodyLength: random.below(2 ** 32) }),
      ...(random.chance(0.1) && { extrasLength: random.below(256) }),
    },
    new Bindings(),
  );
  return random.chance(0.7) ? packet : changed(packet, random);
}

/** A client of the cache that does everything right, under keys of its own, and knows what it must get. */
class Neighbour {
  private readonly line: MemoryLine;
  private readonly name: string;
  private turn = 0;
  private expected = "";

  constructor(line: MemoryLine, name: string) {
    this.line = line;
    this.name = name;
  }

  /** In pieces, so that what waits for its end must survive what others send meanwhile. */
  ask(random: Random, between: () => void = () => undefined): void {
    const [key, value] = [`${this.name}-${this.turn % 5}`, `value ${this.turn++}`];
    const [stored, got] = [`set ${key} 3 0 ${value.length}\r\n${value}\r\n`, `get ${key}\r\nmg ${key} v f s\r\n`];
    sendInPieces(this.line, Buffer.from(`${stored}${got}delete ${key}\r\n`), random, between);
    this.expected += `STORED\r\nVALUE ${key} 3 ${value.length}\r\n${value}\r\nEND\r\n`;
    this.expected += `VA ${value.length} f3 s${value.length}\r\n${value}\r\nDELETED\r\n`;
  }

  check(): void {
    assert.equal(this.line.received.toString("latin1"), this.expected);
    this.line.keep(Buffer.alloc(0));
    this.expected = "";
  }
}

/** Sends in pieces; `between` happens after each. */
function sendInPieces(line: MemoryLine, bytes: Buffer, random: Random, between: () => void): void {
  let from = 0;
  for (let pieces = random.below(4); pieces > 0 && from < bytes.length; pieces--) {
    const to = from + random.below(bytes.length - from + 1);
    line.send(bytes.subarray(from, to));
    from = to;
    between();
  }
  line.send(bytes.subarray(from));
}

/** A flush would take the neighbour's items too, which is no wrong answer. */
const isFlush = (bytes: Buffer): boolean => /flush/i.test(bytes.toString("latin1")) || hasFlushPacket(bytes);
const hasFlushPacket = (bytes: Buffer): boolean =>
  bytes.includes(0x80) && (bytes.includes(0x08) || bytes.includes(0x18));

test("whatever others send, a client gets what it should, and nothing is kept for ever", { timeout: 3_600_000 }, () => {
  const random = new Random(seed);
  const backend = new MemoryBackend(4 * mebibyte);
  const door = new MemoryDoor(backend);
  const neighbour = new Neighbour(door.connect(), "neighbour");
  let line = door.connect();
  let [closed, answeredAfter] = [0, 0];
  for (let i = 0; i < count; i++) {
    let bytes = damaged(random);
    while (isFlush(bytes)) bytes = damaged(random);
    const began = performance.now();
    try {
      backend.later = random.chance(0.5);
      sendInPieces(line, bytes, random, () => random.chance(0.3) && backend.settle(random));
      neighbour.ask(random, () => random.chance(0.3) && backend.settle(random));
      backend.settle(random);
      neighbour.check();
      if (!line.closed && random.chance(0.5)) answeredAfter += Number(endsAndAnswers(line, backend));
      if (line.closed) closed++;
      if (line.closed || random.chance(0.05)) {
        line.end();
        line.end();
        backend.settle();
        line = door.connect();
        assert.equal(door.kept, 0, "what was kept for a connection is let go with it");
      }
      line.keep(Buffer.alloc(0));
      assert.ok(door.kept < 4 * mebibyte, `${door.kept} bytes are kept`);
      if (i % 1_000 === 0) backend.store.check();
    } catch (error) {
      assert.fail(
        `input ${i} of FUZZ_SEED=${seed}: ${JSON.stringify(bytes.toString("latin1"))}\n${(error as Error).stack}`,
      );
    }
    const tookMs = performance.now() - began;
    assert.ok(tookMs < 2_000, `input ${i} of FUZZ_SEED=${seed} took ${tookMs} ms`);
  }
  assert.ok(closed > count / 500, `${closed} connections were closed for what they sent`);
  assert.ok(answeredAfter > count / 10, `${answeredAfter} answered after their damage`);
});

/** Ends whatever is open as a text client can, and asks "mn". @returns whether the answer came: it need not where a long value is awaited */
function endsAndAnswers(line: MemoryLine, backend: MemoryBackend): boolean {
  line.keep(Buffer.alloc(0));
  line.send(Buffer.from("\r\n\r\nmn\r\n"));
  backend.settle();
  const text = line.received.toString("latin1");
  if (text === "" || line.closed) return false;
  // Damage may have asked for more than it ended: then the rest is its data. But what comes is lines or packets.
  assert.ok(text.endsWith("\r\n") || text.startsWith("\x81"), JSON.stringify(text.slice(-200)));
  return text.endsWith("MN\r\n");
}

test("a flood of answers that nobody reads stops the reading of requests", () => {
  const backend = new MemoryBackend();
  const door = new MemoryDoor(backend);
  const line = door.connect();
  line.send(Buffer.from(`set big 0 0 500000\r\n${"v".repeat(500_000)}\r\n`));
  line.stalled = true;
  for (let i = 0; i < 5_000; i++) line.send(Buffer.from("get big big\r\n"));
  assert.ok(line.writableLength < 4 * mebibyte, `${line.writableLength} bytes wait for a client that does not read`);
  assert.ok(door.kept < mebibyte, `${door.kept} bytes of its requests are kept`);
  const neighbour = new Neighbour(door.connect(), "neighbour");
  neighbour.ask(new Random(seed));
  neighbour.check();
  line.destroy();
  assert.equal(door.kept, 0);
});

test("lines and values that never end are cut off or bounded", () => {
  const door = new MemoryDoor(new MemoryBackend());
  for (const [start, more] of [
    ["", "a"],
    ["get ", "a"],
    ["get ", "a "],
    ["mg a ", "v"],
    ["set a 0 0 1000000\r\n", "v"],
    ["set a 0 0 2000000\r\n", "v"],
    ["\x80\x01\x00\x01\x08\x00\x00\x00\xff\xff\xff\xff", "v"],
    ["\x80\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x80\x09\x00\x00"],
  ] as const) {
    const line = door.connect();
    line.send(Buffer.from(start, "latin1"));
    for (let i = 0; i < 300 && !line.closed; i++) {
      line.send(Buffer.from(more.repeat(8_192), "latin1"));
      assert.ok(door.kept < 3 * mebibyte, `${JSON.stringify(start)} keeps ${door.kept} bytes`);
      line.keep(Buffer.alloc(0));
    }
    line.destroy();
    assert.equal(door.kept, 0);
  }
});
