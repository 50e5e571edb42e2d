/**
 * Plays a recorded dialogue to a server and stops at the first byte that differs. The bytes of a step can be cut into pieces that
 * arrive one by one: what a server answers must not depend on where packets end.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Bindings, sentBytes, takeAnswer } from "./dialogue.fixture.ts";
import type { Dialogue, Step } from "./dialogue.fixture.ts";

const patienceMs = 5_000;

/** One client's connection, and the bytes that came on it and were not compared yet. */
export interface Line {
  /** What came so far; kept until `keep` says what of it is left. */
  readonly received: Buffer;
  readonly closed: boolean;
  keep(rest: Buffer): void;
  send(bytes: Buffer): void;
  /** Resolves to false when nothing happened in time, or nothing can happen any more. */
  change(withinMs: number): Promise<boolean>;
  /** The server's turn to read a piece alone. */
  pieceArrived(): Promise<void>;
  /** The client sends no more. */
  end(): void;
  destroy(): void;
}

export class TcpLine implements Line {
  closed = false;
  private readonly socket: Socket;
  private pieces: Buffer[] = [];
  private awake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.pieces.push(bytes);
      this.awake();
    });
    // A server that closes may reset what we still send.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.closed = true;
      this.awake();
    });
    // Its last bytes first, then the end.
    socket.on("end", () => socket.end());
  }

  static async open(port: number): Promise<TcpLine> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const line = new TcpLine(socket);
    await once(socket, "connect");
    return line;
  }

  get received(): Buffer {
    if (this.pieces.length > 1) this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0] ?? Buffer.alloc(0);
  }

  keep(rest: Buffer): void {
    this.pieces = rest.length === 0 ? [] : [rest];
  }

  send(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  async pieceArrived(): Promise<void> {
    for (let i = 0; i < 3; i++) await turn();
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  async change(withinMs: number): Promise<boolean> {
    if (this.closed) return false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), withinMs);
      this.awake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/** How the bytes of a step are cut: offsets, increasing, where a new piece begins. */
export type Cut = (bytes: Buffer) => readonly number[];

export const whole: Cut = () => [];
export const byteByByte: Cut = (bytes) => Array.from({ length: Math.min(bytes.length, 2_000) }, (_, i) => i + 1);
/** In two, at `offset`; shorter steps at an offset inside them. */
export const cutAt =
  (offset: number): Cut =>
  (bytes) =>
    bytes.length < 2 ? [] : [1 + ((offset + (offset < 0 ? bytes.length - 1 : 0)) % (bytes.length - 1))];

export interface Play {
  readonly open: () => Promise<Line>;
  readonly cut?: Cut;
  /** Lets so many seconds pass for the server. */
  readonly pass: (seconds: number) => Promise<void>;
}

/** @throws AssertionError naming the step whose answer differs */
export async function playDialogue({ name, steps }: Dialogue, { open, cut = whole, pass }: Play): Promise<void> {
  const lines = new Map<string, Line>();
  const bindings = new Bindings();
  try {
    for (const [index, step] of steps.entries()) {
      try {
        if (step.passSeconds !== undefined) await pass(step.passSeconds);
        else await playStep(step, await lineOf(lines, step, open), bindings, cut);
      } catch (error) {
        const sent = (step.send ?? JSON.stringify(step.sendPackets)).slice(0, 200);
        const message = `${name}, step ${index + 1}, ${JSON.stringify(sent)}: ${(error as Error).message}`;
        // A fault of the server in this process is worth its stack; a wrong answer is not.
        if (!(error instanceof assert.AssertionError)) throw new Error(message, { cause: error });
        assert.fail(message);
      }
    }
    for (const line of lines.values()) line.end();
    for (const [on, line] of lines) {
      while (!line.closed) assert.ok(await line.change(patienceMs), `${name}: ${on} stays open after its client ended`);
      assert.equal(line.received.toString("latin1"), "", `${name}: came on ${on} after all that was expected`);
    }
  } finally {
    for (const line of lines.values()) line.destroy();
  }
}

async function lineOf(lines: Map<string, Line>, { on = "a" }: Step, open: Play["open"]): Promise<Line> {
  const line = lines.get(on) ?? (await open());
  lines.set(on, line);
  return line;
}

async function playStep(step: Step, line: Line, bindings: Bindings, cut: Cut): Promise<void> {
  const bytes = sentBytes(step, bindings);
  let from = 0;
  for (const to of [...cut(bytes), bytes.length]) {
    if (line.closed || to === from) continue;
    line.send(bytes.subarray(from, to));
    from = to;
    if (to < bytes.length) await line.pieceArrived();
  }
  let rest = takeAnswer(step, line.received, bindings);
  while (rest === undefined) {
    const more = await line.change(patienceMs);
    rest = takeAnswer(step, line.received, bindings);
    if (!more && rest === undefined) {
      const state = line.closed ? "the connection is closed" : "nothing more comes";
      const got = JSON.stringify(line.received.toString("latin1").slice(0, 300));
      assert.fail(`${state} after ${got}; expected ${JSON.stringify(step.receive ?? step.receivePackets)}`);
    }
  }
  line.keep(rest);
  if (step.closed !== true) return;
  while (!line.closed) assert.ok(await line.change(patienceMs), "the connection stays open; expected it closed");
}
