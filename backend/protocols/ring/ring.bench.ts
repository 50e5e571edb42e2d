/**
 * Lookups a second on one core: `node backend/protocols/ring/ring.bench.ts`. Sizes are interleaved over the rounds and the median
 * is printed, so that a slow moment of the machine hits all of them alike. Each lookup feeds a sum that is printed at the end, so
 * that the compiler cannot drop it.
 */
import { performance } from "node:perf_hooks";
import { hash32 } from "../../kernel/hash.ts";
import { Random } from "../../kernel/random.ts";
import { Placement } from "./placement.ts";
import { Ring } from "./ring.ts";

const rounds = 15;
const random = new Random(1);
const hashes = Uint32Array.from({ length: 1_048_576 }, () => random.uint32());
const keys = Array.from({ length: 65_536 }, (_, i) => `customer-${i}`);

interface Row {
  readonly title: string;
  readonly lookups: number;
  run(): number;
  readonly perSecond: number[];
}

function ringOf(nodes: number): Ring {
  return new Ring(Array.from({ length: nodes }, (_, id) => ({ id, zone: `z${id % 3}`, weight: 1 })));
}

function ownerRow(nodes: number): Row {
  const ring = ringOf(nodes);
  const run = (): number => {
    let sum = 0;
    for (const hash of hashes) sum += ring.ownerOf(hash);
    return sum;
  };
  return { title: `owner of a hash, ${nodes} nodes x 150 points`, lookups: hashes.length, run, perSecond: [] };
}

function placementRow(): Row {
  const placement = new Placement(ringOf(100), 1_024, 3);
  const run = (): number => {
    let sum = 0;
    for (const key of keys) sum += placement.preference(placement.partitionOf(hash32(key)))[0];
    return sum;
  };
  return { title: "preference list of a 15-byte key, hash included", lookups: keys.length, run, perSecond: [] };
}

const rows = [ownerRow(10), ownerRow(100), ownerRow(1_000), placementRow()];
let sum = 0;
for (let round = 0; round < rounds; round++) {
  for (const row of rows) {
    const start = performance.now();
    sum += row.run();
    row.perSecond.push((row.lookups / (performance.now() - start)) * 1_000);
  }
}
for (const { title, perSecond } of rows) {
  perSecond.sort((a, b) => a - b);
  const [low, median, high] = [perSecond[0], perSecond[rounds >> 1], perSecond[rounds - 1]].map((x) =>
    (x / 1e6).toFixed(1),
  );
  console.log(`${title.padEnd(50)} ${median.padStart(6)} million/s   (${low} to ${high}, ${rounds} rounds)`);
}
console.log(`checksum ${sum}`);
