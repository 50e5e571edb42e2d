/**
 * Records what Debian's memcached answers: reads the dialogues beside our door, plays what each sends to a memcached of its own, writes
 * the answers into the same files and plays all of them again, whole and byte by byte, to further ones.
 *
 *     node scripts/record-memcached.ts                all files of backend/servers/memcached/dialogues
 *     node scripts/record-memcached.ts meta-get.json  this one
 *     node scripts/record-memcached.ts --check        records nothing: plays what is recorded
 *
 * A new dialogue is written by hand with what it sends; the answers come from here. What differs from run to run is replaced by the
 * tokens that dialogue.fixture.ts explains: numbers of cas, seconds, and how this build of memcached calls itself and lays out memory.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { packetsOf } from "../backend/servers/memcached/dialogue-packets.fixture.ts";
import type { Packet } from "../backend/servers/memcached/dialogue-packets.fixture.ts";
import { TcpLine, byteByByte, playDialogue, whole } from "../backend/servers/memcached/dialogue-play.fixture.ts";
import {
  Bindings,
  dialogueFiles,
  dialoguesFolder,
  holdsToken,
  readDialogues,
  sentBytes,
  shortened,
} from "../backend/servers/memcached/dialogue.fixture.ts";
import type { Dialogue, Step } from "../backend/servers/memcached/dialogue.fixture.ts";
import { startMemcached } from "./peers/memcached-server.ts";
import type { Bench } from "./peers/processes.ts";
import { hasPrograms, stop, withBench } from "./peers/processes.ts";

/** An answer is whole when nothing comes for so long. */
const quietMs = 60;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
  if (!hasPrograms(["memcached"], ["memcached"])) return;
  const files = positionals.length > 0 ? positionals : dialogueFiles();
  await withBench("dialogues", async (bench) => {
    for (const file of files) {
      const dialogues = readDialogues(file);
      if (values.check !== true) {
        const recorded: Dialogue[] = [];
        for (const each of dialogues) recorded.push(await withMemcached(bench, (port) => record(each, port)));
        writeFileSync(join(dialoguesFolder, file), fileText(recorded));
      }
      for (const each of readDialogues(file)) await check(bench, each);
      process.stdout.write(`${file}: ${dialogues.length} dialogues\n`);
    }
  });
  if (values.check !== true) spawnSync("oxfmt", [dialoguesFolder], { stdio: "inherit" });
}

async function check(bench: Bench, dialogue: Dialogue): Promise<void> {
  const pass = (seconds: number): Promise<void> => delay(seconds * 1_000);
  for (const cut of dialogue.uncut === true ? [whole] : [whole, byteByByte]) {
    await withMemcached(bench, (port) => playDialogue(dialogue, { open: () => TcpLine.open(port), cut, pass }));
  }
}

async function withMemcached<T>(bench: Bench, body: (port: number) => Promise<T>): Promise<T> {
  const server = await startMemcached(bench, { threads: 1 });
  try {
    return await body(server.port);
  } finally {
    await stop(server.child);
  }
}

async function record({ name, steps, uncut }: Dialogue, port: number): Promise<Dialogue> {
  const lines = new Map<string, TcpLine>();
  // Bound to the numbers that came, which are their own names on a new server.
  const bindings = new Bindings();
  const recorded: Step[] = [];
  for (const step of steps) {
    if (step.passSeconds !== undefined) {
      await delay(step.passSeconds * 1_000);
      recorded.push(step);
      continue;
    }
    const { on = "a" } = step;
    const line = lines.get(on) ?? (await TcpLine.open(port));
    lines.set(on, line);
    line.send(sentBytes(step, bindings));
    while (await line.change(quietMs));
    recorded.push({ ...withoutAnswer(step), ...answerOf(step, line, bindings) });
    line.keep(Buffer.alloc(0));
  }
  for (const line of lines.values()) line.destroy();
  return { name, ...(uncut && { uncut }), steps: recorded };
}

function withoutAnswer({ on, send, sendPackets }: Step): Step {
  return { ...(on && { on }), ...(send !== undefined && { send }), ...(sendPackets && { sendPackets }) };
}

function answerOf(step: Step, line: TcpLine, bindings: Bindings): Step {
  const closed = line.closed ? { closed: true as const } : {};
  const text = line.received.toString("latin1");
  if (step.sendPackets !== undefined && (text.startsWith("\x81") || text === "")) {
    const { packets, rest } = packetsOf(line.received, Infinity);
    if (rest.length > 0) throw new Error(`not whole packets: ${line.received.toString("hex")}`);
    return { receivePackets: packets.map((each) => maskedPacket(each, bindings)), ...closed };
  }
  if (step.receiveStats !== undefined) {
    return { receiveStats: statsOf(text, step.receiveStats), ...closed };
  }
  if (holdsToken(text)) throw new Error(`"${text}" holds what is written for other bytes`);
  return { receive: masked(shortened(text), bindings), ...closed };
}

function statsOf(text: string, wanted: Readonly<Record<string, string>>): Record<string, string> {
  const stats = new Map([...text.matchAll(/^STAT (\S+) (.*)\r$/gm)].map(([, name, value]) => [name, value]));
  const known = Object.entries(wanted).map(([name, value]) => {
    const got = stats.get(name);
    if (got === undefined) throw new Error(`memcached has no STAT ${name}`);
    return [name, value === "<any>" ? value : got];
  });
  return Object.fromEntries(known) as Record<string, string>;
}

function maskedPacket(packet: Packet, bindings: Bindings): Packet {
  const value =
    packet.opcode === "version" && packet.status === undefined ? "<any>" : packet.value && shortened(packet.value);
  const cas = packet.cas === undefined ? {} : { cas: casName(packet.cas, bindings) };
  return { ...packet, ...(value !== undefined && { value }), ...cas };
}

function casName(digits: string, bindings: Bindings): string {
  bindings.bind(Number(digits), BigInt(digits));
  return `<cas ${digits}>`;
}

/** An answer with tokens for what differs from run to run. */
function masked(text: string, bindings: Bindings): string {
  return text
    .replaceAll(
      /^(VALUE \S+ \d+ \d+) (\d+)(?=\r$)/gm,
      (_, head: string, cas: string) => `${head} ${casName(cas, bindings)}`,
    )
    .replaceAll(/^(?:HD|VA \d+) .*(?=\r$)/gm, (line) => maskedFlags(line, bindings))
    .replaceAll(/^ME .*(?=\r$)/gm, (line) => maskedDebug(line, bindings))
    .replaceAll(/^VERSION .*(?=\r$)/gm, "VERSION <any>");
}

function maskedFlags(line: string, bindings: Bindings): string {
  return line
    .replaceAll(/ c([1-9]\d*)(?= |$)/g, (_, cas: string) => ` c${casName(cas, bindings)}`)
    .replaceAll(/ ([tl])(\d+)(?= |$)/g, " $1<about $2>");
}

function maskedDebug(line: string, bindings: Bindings): string {
  return line
    .replaceAll(/ cas=(\d+)/g, (_, cas: string) => ` cas=${casName(cas, bindings)}`)
    .replaceAll(/ (exp|la)=(\d+)/g, " $1=<about $2>")
    .replaceAll(/ (cls|size)=(\d+)/g, " $1=<any>");
}

/** A step a line where it fits. */
function fileText(dialogues: readonly Dialogue[]): string {
  const texts = dialogues.map(({ steps, ...head }) => {
    const lines = steps.map((step) => `{ ${JSON.stringify(step).slice(1, -1)} }`);
    return `{ ${JSON.stringify(head).slice(1, -1)}, "steps": [\n${lines.join(",\n")}\n] }`;
  });
  return `[\n${texts.join(",\n")}\n]\n`;
}

await main();
