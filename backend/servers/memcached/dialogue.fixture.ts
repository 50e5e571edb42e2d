/**
 * Conversations with the real memcached, recorded byte for byte (scripts/record-memcached.ts), and how they are played again to another
 * server. A dialogue is a list of steps; each sends bytes on one of its connections and says which bytes come back. Bytes are written as
 * text, one character a byte, and what is long or differs from run to run stands in angle brackets:
 *
 *     <a*250>     250 times "a"
 *     <cas 7>     the number that memcached gave as its 7th: bound when it first comes back, sent again where it stands in `send`, and
 *                 numbers of two names stand in the order of their names
 *     <about 30>  seconds on a clock that ticks once a second: 29, 30 or 31
 *     <any>       digits and letters that say how memcached is built: slab class, item size, version, process, memory
 *
 * Binary packets are written field by field; what is absent is zero or empty.
 */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packetOf, packetsOf } from "./dialogue-packets.fixture.ts";
import type { Packet } from "./dialogue-packets.fixture.ts";

export interface Step {
  /** Which connection, opened when first named; "a" where it is not said. */
  readonly on?: string;
  readonly send?: string;
  readonly receive?: string;
  readonly sendPackets?: readonly Packet[];
  readonly receivePackets?: readonly Packet[];
  /** Compared by name instead of receive: the lines STAT that a client may rely on. */
  readonly receiveStats?: Readonly<Record<string, string>>;
  /** The server closes the connection then. */
  readonly closed?: true;
  /** Nothing is sent: so many seconds pass. */
  readonly passSeconds?: number;
}

export interface Dialogue {
  readonly name: string;
  /** Of lines so long that memcached's own answer depends on where packets end. */
  readonly uncut?: true;
  readonly steps: readonly Step[];
}

export const dialoguesFolder = join(import.meta.dirname, "dialogues");

export function dialogueFiles(): string[] {
  return readdirSync(dialoguesFolder)
    .filter((name) => name.endsWith(".json"))
    .toSorted();
}

export function readDialogues(file: string): Dialogue[] {
  return JSON.parse(readFileSync(join(dialoguesFolder, file), "utf8")) as Dialogue[];
}

/** Values of the names <cas n> in one play of a dialogue. */
export class Bindings {
  private readonly values = new Map<number, bigint>();

  value(name: number): bigint {
    const value = this.values.get(name);
    if (value === undefined) throw new Error(`<cas ${name}> is sent before it was received`);
    return value;
  }

  /** Undefined when `value` fits, else why it does not. */
  bind(name: number, value: bigint): string | undefined {
    const known = this.values.get(name);
    if (known !== undefined) return known === value ? undefined : `<cas ${name}> was ${known} and is now ${value}`;
    for (const [other, otherValue] of this.values) {
      if (other < name === otherValue < value && other !== name) continue;
      return `<cas ${name}> is ${value} although <cas ${other}> is ${otherValue}`;
    }
    this.values.set(name, value);
    return undefined;
  }
}

const token = /<(?:(?<char>[^<>])\*(?<times>\d+)|cas (?<cas>\d+)|about (?<about>\d+)|(?<any>any))>/g;

/** Whether bytes look like one of the tokens, which then could not be written down. */
export function holdsToken(text: string): boolean {
  return text.search(token) !== -1;
}

/** The bytes that a step sends. */
export function sentBytes({ send = "", sendPackets = [] }: Step, bindings: Bindings): Buffer {
  const text = send.replaceAll(token, (found: string, ...others: unknown[]) => {
    const groups = others.at(-1) as Record<string, string | undefined>;
    if (groups.char !== undefined) return groups.char.repeat(Number(groups.times));
    if (groups.cas !== undefined) return bindings.value(Number(groups.cas)).toString();
    throw new Error(`${found} cannot be sent`);
  });
  return Buffer.concat([Buffer.from(text, "latin1"), ...sendPackets.map((each) => packetOf(each, bindings))]);
}

/** What is left of a step's answer when all of it has come: bytes after it, or undefined when more must come first. */
export function takeAnswer(step: Step, answer: Buffer, bindings: Bindings): Buffer | undefined {
  if (step.receivePackets !== undefined) return takePackets(step.receivePackets, answer, bindings);
  const text = answer.toString("latin1");
  if (step.receiveStats !== undefined) {
    const end = text.indexOf("END\r\n");
    if (end === -1) return undefined;
    checkStats(step.receiveStats, text.slice(0, end));
    return answer.subarray(end + 5);
  }
  return takeText(step.receive ?? "", answer, text, bindings);
}

function takeText(expected: string, answer: Buffer, text: string, bindings: Bindings): Buffer | undefined {
  let at = 0;
  let from = 0;
  const literal = (part: string): boolean => {
    const got = text.slice(at, at + part.length);
    if (got !== part.slice(0, got.length)) fail(expected, text);
    at += part.length;
    return got.length === part.length;
  };
  for (const match of expected.matchAll(token)) {
    if (!literal(expected.slice(from, match.index))) return undefined;
    from = match.index + match[0].length;
    const groups = match.groups!;
    if (groups.char !== undefined) {
      if (!literal(groups.char.repeat(Number(groups.times)))) return undefined;
      continue;
    }
    const [found] = /^[\w.+-]*/.exec(text.slice(at, at + 100))!;
    // Its end is only known when something else follows.
    if (at + found.length === text.length) return undefined;
    at += found.length;
    checkToken(groups, found, expected, text, bindings);
  }
  return literal(expected.slice(from)) ? answer.subarray(at) : undefined;
}

function checkToken(
  groups: Record<string, string | undefined>,
  found: string,
  expected: string,
  text: string,
  bindings: Bindings,
): void {
  if (groups.any !== undefined ? found === "" : !/^\d+$/.test(found)) fail(expected, text);
  if (groups.about !== undefined && Math.abs(Number(found) - Number(groups.about)) > 1) fail(expected, text);
  if (groups.cas === undefined) return;
  const wrong = bindings.bind(Number(groups.cas), BigInt(found));
  if (wrong !== undefined) fail(`${expected} (${wrong})`, text);
}

function takePackets(expected: readonly Packet[], answer: Buffer, bindings: Bindings): Buffer | undefined {
  const { packets, rest } = packetsOf(answer, expected.length);
  for (const [index, got] of packets.entries()) {
    const { cas, value, ...others } = expected[index];
    const { cas: gotCas, value: gotValue, ...gotOthers } = got;
    assert.deepEqual(gotOthers, others, `packet ${index + 1}: ${JSON.stringify(got)}`);
    takeText(`${value ?? ""}\n`, Buffer.alloc(0), `${gotValue ?? ""}\n`, bindings);
    const name = /^<cas (\d+)>$/.exec(cas ?? "")?.[1];
    if (name === undefined) assert.equal(gotCas, cas, `cas of packet ${index + 1}: ${JSON.stringify(got)}`);
    else assert.equal(bindings.bind(Number(name), BigInt(gotCas ?? 0)), undefined);
  }
  return packets.length === expected.length ? rest : undefined;
}

function checkStats(expected: Readonly<Record<string, string>>, text: string): void {
  const stats = new Map<string, string>();
  for (const line of text.split("\r\n").slice(0, -1)) {
    const [, name, value] = /^STAT (\S+) (.*)$/.exec(line) ?? assert.fail(`"${line}" is no line of statistics`);
    stats.set(name, value);
  }
  for (const [name, value] of Object.entries(expected)) {
    const got = stats.get(name);
    assert.ok(got !== undefined, `STAT ${name} is missing`);
    if (value !== "<any>") assert.equal(got, value, `STAT ${name}`);
  }
}

function fail(expected: string, got: string): never {
  assert.fail(`expected ${JSON.stringify(shortened(expected))}, got ${JSON.stringify(shortened(got))}`);
}

/** Runs of a byte in the notation of the files. */
export function shortened(text: string): string {
  return text.replaceAll(/([^<>])\1{39,}/gs, (run, character: string) => `<${character}*${run.length}>`);
}
