import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../kernel/random.ts";
import { decodeRecords, encodeRecord, recordBytes } from "./log-record.ts";

const segmentBytes = 4_096;

/** A 4 KiB segment of records with random payloads, zeros at the end. */
function segment(seed: number, from = 1): { bytes: Uint8Array; payloads: Uint8Array[]; ends: number[] } {
  const random = Random.stream(seed, "segment");
  const bytes = new Uint8Array(segmentBytes);
  const payloads: Uint8Array[] = [];
  const ends: number[] = [];
  let end = 0;
  for (;;) {
    const payload = Uint8Array.from({ length: random.between(0, 300) }, () => random.below(256));
    if (end + recordBytes(payload.length) > segmentBytes - 200) return { bytes, payloads, ends };
    bytes.set(encodeRecord(from + payloads.length, from - 1, payload), end);
    end += recordBytes(payload.length);
    payloads.push(payload);
    ends.push(end);
  }
}

test("records read back as they were written", () => {
  const { bytes, payloads, ends } = segment(1);
  const decoded = decodeRecords(bytes);
  assert.equal(decoded.verdict, "clean");
  assert.equal(decoded.end, ends.at(-1));
  assert.deepEqual(
    decoded.records.map((record) => record.payload),
    payloads,
  );
});

test("every flip of one byte of a segment is detected or harmless", () => {
  const { bytes, payloads, ends } = segment(2);
  const counts = { clean: 0, torn: 0, corrupt: 0 };
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] ^= 0x5a;
    const decoded = decodeRecords(bytes);
    counts[decoded.verdict]++;
    for (const [r, record] of decoded.records.entries()) assert.deepEqual(record.payload, payloads[r], `byte ${i}`);
    const damaged = ends.findIndex((end) => i < end);
    if (decoded.records.length < payloads.length) {
      assert.equal(decoded.records.length, damaged, `byte ${i}`);
      const expected = damaged === payloads.length - 1 ? "torn" : "corrupt";
      assert.equal(decoded.verdict, expected, `byte ${i} of record ${damaged}`);
    }
    bytes[i] ^= 0x5a;
  }
  assert.ok(counts.corrupt > 3_000, JSON.stringify(counts));
});

test("a segment cut at any offset keeps exactly the records that are whole", () => {
  const { bytes, ends } = segment(3);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const whole = ends.filter((end) => end <= cut).length;
    for (const rest of ["missing", "zero"] as const) {
      const torn = rest === "missing" ? bytes.slice(0, cut) : new Uint8Array(segmentBytes);
      if (rest === "zero") torn.set(bytes.subarray(0, cut));
      const decoded = decodeRecords(torn);
      // A record whose missing last bytes were zeros anyway is whole.
      assert.ok(decoded.records.length === whole || rest === "zero", `cut at ${cut}`);
      assert.ok(decoded.records.length >= whole);
      assert.notEqual(decoded.verdict, "corrupt", `cut at ${cut}`);
    }
  }
});

test("records of the bytes' earlier life are not part of the log", () => {
  const { bytes: old } = segment(4, 1);
  const { bytes: fresh, ends } = segment(5, 1_000);
  old.set(fresh.subarray(0, ends[2]));
  const decoded = decodeRecords(old, 999);
  assert.deepEqual(
    decoded.records.map((record) => record.sequence),
    [1_000, 1_001, 1_002],
  );
  assert.notEqual(decoded.verdict, "corrupt");
});

test("a gap in the sequence is corruption", () => {
  const a = encodeRecord(1, 0, new Uint8Array(8));
  const c = encodeRecord(3, 0, new Uint8Array(8));
  assert.equal(decodeRecords(Uint8Array.from([...a, ...c])).verdict, "corrupt");
  assert.equal(decodeRecords(c, 1).verdict, "corrupt");
});
