/**
 * Hashes that place keys and sign traces. Both are ours because both are part of what a seed means: a library that changed a
 * constant would move every key and break every replay line ever printed.
 */

/** MurmurHash3 x86 32-bit (Appleby) over the UTF-16 code units of `text`, low byte first. Uniform in [0, 2^32). */
export function hash32(text: string, seed = 0): number {
  let h = seed | 0;
  const pairs = text.length & ~1;
  for (let i = 0; i < pairs; i += 2) {
    let k = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  if (text.length & 1) {
    let k = text.charCodeAt(pairs);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  return finish(h ^ (text.length * 2));
}

/** Murmur's finaliser: a bijection of 32 bits in which every input bit flips every output bit with probability 1/2. */
export function finish(word: number): number {
  let h = word | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

/**
 * A running 64-bit digest kept as two independent 32-bit halves: order matters, and so does every word. It signs a
 * simulation's trace: equal digests mean that the same events ran in the same order.
 */
export class RunningHash {
  private high = 0x243f6a88;
  private low = 0x85a308d3;

  add(word: number): void {
    const w = word | 0;
    this.high = Math.imul(((this.high << 13) | (this.high >>> 19)) ^ w, 0x9e3779b1);
    this.low = Math.imul(((this.low << 15) | (this.low >>> 17)) + w, 0x85ebca77) ^ (this.high >>> 7);
  }

  /** Time and other integers past 32 bits. */
  addWide(value: number): void {
    this.add(value);
    this.add(value / 4_294_967_296);
  }

  addText(text: string): void {
    this.add(hash32(text));
  }

  /** Sixteen hexadecimal digits. */
  digest(): string {
    const hex = (word: number): string => finish(word).toString(16).padStart(8, "0");
    return hex(this.high) + hex(this.low);
  }
}
