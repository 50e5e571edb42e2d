/**
 * A seeded hash of byte strings: HalfSipHash-1-3 (Aumasson and Bernstein, INDOCRYPT 2012; the variant that Linux uses for its hash tables). Whoever does
 * not know the seed cannot make keys that share a bucket, which a plain multiplicative hash would let a client do from outside.
 */
import type { Random } from "../../kernel/random.ts";

export class KeyHash {
  private readonly k0: number;
  private readonly k1: number;

  constructor(random: Random) {
    this.k0 = random.uint32() | 0;
    this.k1 = random.uint32() | 0;
  }

  /** Of a byte string, one character a byte; a signed 32-bit integer. */
  of(key: string): number {
    const { length } = key;
    let v0 = this.k0;
    let v1 = this.k1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    // One round for each four bytes and one for the rest with the length; then three more: each turn of the loop is a round.
    const words = (length >>> 2) + 1;
    let at = 0;
    for (let round = 1; round <= words + 3; round++) {
      let m = 0;
      if (round < words) {
        m =
          key.charCodeAt(at) |
          (key.charCodeAt(at + 1) << 8) |
          (key.charCodeAt(at + 2) << 16) |
          (key.charCodeAt(at + 3) << 24);
        at += 4;
      } else if (round === words) {
        m = length << 24;
        for (let shift = 0; at < length; shift += 8) m |= key.charCodeAt(at++) << shift;
      } else if (round === words + 1) {
        v2 ^= 0xff;
      }
      v3 ^= m;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= m;
    }
    return v1 ^ v3;
  }
}
