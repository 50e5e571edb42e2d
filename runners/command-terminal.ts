/**
 * Where words go and where signals come from, as an interface, so that a test can be the terminal. Answers go to stdout, and
 * everything that only accompanies them (progress, notes, errors) to stderr: `--json` then leaves nothing but JSON on stdout.
 */
import type { EventEmitter } from "node:events";
import { exitCodes } from "./command-exit.ts";

export interface Terminal {
  /** stderr is a terminal whose lines can be drawn again. */
  readonly interactive: boolean;
  readonly colour: boolean;
  /** Of stderr, asked each time because windows are resized. */
  columns(): number;
  rows(): number;
  /** To stdout. */
  print(text: string): void;
  /** To stderr. */
  note(text: string): void;
}

export function processTerminal(): Terminal {
  const { CI, NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const interactive = process.stderr.isTTY && !isSet(CI) && TERM !== "dumb";
  return {
    interactive,
    colour: !isSet(NO_COLOR) && (interactive || (isSet(FORCE_COLOR) && FORCE_COLOR !== "0")),
    columns: () => process.stderr.columns ?? 100,
    rows: () => process.stderr.rows ?? 24,
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
  };
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== "" && value !== "false";

const codeOf: Readonly<Record<string, number>> = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.hungUp,
};

/** npm passes on a Ctrl-C that the terminal has already sent to everyone: the two come together and are one. */
const echoMs = 300;

/** Turns the first signal into an abort and the second into an exit. */
export class Interruption {
  readonly signal: AbortSignal;
  /** Null until a signal came. */
  exitCode: number | null = null;
  private readonly controller = new AbortController();
  private readonly source: EventEmitter;
  private readonly listeners: readonly (readonly [string, () => void])[];
  private firstAtMs = 0;

  constructor(source: EventEmitter, onFirst: (name: string) => void, leave: (code: number) => void, nowMs = Date.now) {
    this.source = source;
    this.signal = this.controller.signal;
    this.listeners = Object.keys(codeOf).map(
      (name) => [name, () => this.onSignal(name, onFirst, leave, nowMs())] as const,
    );
    for (const [name, listener] of this.listeners) source.on(name, listener);
  }

  /** Signals do what they did before. */
  end(): void {
    for (const [name, listener] of this.listeners) this.source.off(name, listener);
  }

  private onSignal(name: string, onFirst: (name: string) => void, leave: (code: number) => void, nowMs: number): void {
    if (this.exitCode === null) {
      this.exitCode = codeOf[name];
      this.firstAtMs = nowMs;
      onFirst(name);
      this.controller.abort();
    } else if (nowMs - this.firstAtMs >= echoMs) {
      leave(codeOf[name]);
    }
  }
}
