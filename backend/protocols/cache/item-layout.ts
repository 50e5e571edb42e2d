/**
 * How an item lies in the arena: a header of 11 words at the start of its first block, then the key, then the value, on through its blocks. An item's
 * name inside the store is the number of its first block.
 *
 *     words   0 hash   1 next in its bucket   2 newer   3 older   4 flags   5 expires   6 accessed   7 and 10 cas   8 marks   9 value bytes
 *     marks   0-7 key bytes   8 fetched   9 stale   10 won   11-12 queue   13-14 uses   15 in one piece
 *             16 key encoded   17-31 flush epoch
 *
 * Bookkeeping lives with the bytes that it is about, as in memcached, and not in arrays of its own: then many small items and few large ones draw on
 * one budget, and a lookup finds header and key in the same line or two of the processor's cache.
 */

export const headerBytes = 44;

/** Blocks are 64 bytes, 16 words: `item << wordShift` is where an item's header begins in the arena's words. */
export const wordShift = 4;
export const blockShift = 6;
export const blockBytes = 1 << blockShift;

export const hashWord = 0;
export const bucketWord = 1;
export const newerWord = 2;
export const olderWord = 3;
export const flagsWord = 4;
export const expiresWord = 5;
export const accessedWord = 6;
export const casLowWord = 7;
export const marksWord = 8;
export const valueBytesWord = 9;
export const casHighWord = 10;

export const keyBytesMask = 0xff;
export const fetchedMark = 1 << 8;
export const staleMark = 1 << 9;
export const wonMark = 1 << 10;
export const queueShift = 11;
export const queueMask = 3 << queueShift;
export const usesShift = 13;
export const usesMask = 3 << usesShift;
/** Its blocks follow each other in memory, so that the chain need not be asked. */
export const wholeMark = 1 << 15;
/** Its client writes the key in base64. */
export const keyEncodedMark = 1 << 16;
export const epochShift = 17;
export const lastEpoch = 0x7fff;

/** In `expiresWord`: no expiry. As an unsigned number later than any time that fits. */
export const neverExpires = 0xffff_ffff;

/** Blocks of an item with so long a key and value. */
export function blocksFor(keyBytes: number, valueBytes: number): number {
  return (headerBytes + keyBytes + valueBytes + blockBytes - 1) >>> blockShift;
}
