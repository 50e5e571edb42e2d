/**
 * Our door says what memcached 1.6.18 said, byte for byte: every recorded dialogue, its bytes in one piece, one by one, and cut at every
 * offset. DIALOGUE chooses those whose name holds it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mebibyte } from "../../kernel/units.ts";
import { byteByByte, cutAt, playDialogue, TcpLine, whole } from "./dialogue-play.fixture.ts";
import type { Cut } from "./dialogue-play.fixture.ts";
import { dialogueFiles, readDialogues } from "./dialogue.fixture.ts";
import type { Dialogue } from "./dialogue.fixture.ts";
import { createMemcachedDoor } from "./door.ts";
import { MemoryBackend, MemoryDoor } from "./memory-door.fixture.ts";

const named = process.env.DIALOGUE ?? "";
/** Of a long step: its first and last offsets, and some between. DIALOGUE_CUTS=all: every one. */
const firstCuts = 16;
const lastCuts = 4;
const cutsBetween = 8;

function offsetsOf({ steps }: Dialogue): number[] {
  const longest = Math.max(...steps.map((step) => (step.send ?? JSON.stringify(step.sendPackets ?? [])).length));
  const all = process.env.DIALOGUE_CUTS === "all" || longest <= firstCuts + lastCuts + cutsBetween;
  if (all) return [...Array(longest).keys()];
  const between = Array.from({ length: cutsBetween }, (_, i) =>
    Math.floor(firstCuts + ((longest - firstCuts - lastCuts) * (i + 0.5)) / cutsBetween),
  );
  return [...Array(firstCuts).keys(), ...between, ...Array.from({ length: lastCuts }, (_, i) => -i - 1)];
}

async function playInMemory(dialogue: Dialogue, cut: Cut, memoryBytes = 64 * mebibyte): Promise<void> {
  const backend = new MemoryBackend(memoryBytes);
  const door = new MemoryDoor(backend);
  await playDialogue(dialogue, {
    open: () => Promise.resolve(door.connect()),
    cut,
    pass: (seconds) => Promise.resolve(void (backend.nowS += seconds)),
  });
  assert.equal(door.kept, 0, "all input that was kept was let go");
}

for (const file of dialogueFiles()) {
  for (const dialogue of readDialogues(file)) {
    if (!dialogue.name.includes(named)) continue;
    test(`${file}: ${dialogue.name}`, async () => {
      await playInMemory(dialogue, whole);
      if (dialogue.uncut === true) return;
      await playInMemory(dialogue, byteByByte);
      if (file === "limits.json") return;
      // A small cache is made in a fraction of the time; only statistics tell the size.
      const memoryBytes = file === "stats.json" ? undefined : 16 * mebibyte;
      for (const offset of offsetsOf(dialogue)) await playInMemory(dialogue, cutAt(offset), memoryBytes);
    });
  }
}

test("over TCP too", { timeout: 60_000 }, async () => {
  for (const file of dialogueFiles()) {
    for (const dialogue of readDialogues(file)) {
      const backend = new MemoryBackend();
      const door = await createMemcachedDoor({ host: "127.0.0.1", port: 0, backend });
      const port = Number(new URL(door.url).port);
      try {
        await playDialogue(dialogue, {
          open: () => TcpLine.open(port),
          pass: (seconds) => Promise.resolve(void (backend.nowS += seconds)),
        });
      } finally {
        await door.close();
      }
    }
  }
});
