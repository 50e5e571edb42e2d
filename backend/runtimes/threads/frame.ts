/**
 * Many values in one transferable buffer: what crosses between threads in one turn of the event loop. One post costs about 4 us whatever
 * it carries; packing costs about 1 us a message. Records (msgpackr's inline structures) make frames a third smaller but were slower
 * below some thirty messages a frame, and most frames are smaller than that.
 */
import { Packr } from "msgpackr";

const codec = new Packr({ useRecords: false, copyBuffers: true });

/** The frame owns its buffer, so it can be transferred: a view of the packer's pool would be copied whole. */
export function encodeFrame(values: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const packed = codec.pack(values);
  const frame = new Uint8Array(packed.length);
  frame.set(packed);
  return frame;
}

export function decodeFrame(frame: Uint8Array): unknown[] {
  return codec.unpack(frame) as unknown[];
}
