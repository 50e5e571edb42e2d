/**
 * Where the answers of one turn are written before they go to a socket, as bytes in one buffer that all connections of a door share: an answer is complete
 * within the turn that wrote it. The kernel takes most of them whole; a buffer of which it did not is left to the socket, and the next answer has a new one.
 */
const firstBytes = 65_536;

export class Output {
  /** Why a command as a whole failed, until its last line is written. */
  failure: string | undefined;
  length = 0;
  private bytes = Buffer.allocUnsafeSlow(firstBytes);

  /** Latin-1, one byte a character. */
  text(text: string): void {
    const { length } = text;
    this.reserve(length);
    const { bytes } = this;
    let at = this.length;
    if (length > 64) bytes.write(text, at, "latin1");
    else for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.length += length;
  }

  /** A whole number from 0 to 2^53, in decimal. */
  number(value: number): void {
    if (value > 4_294_967_295) {
      this.text(String(value));
      return;
    }
    this.reserve(10);
    const { bytes } = this;
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    let rest = value;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const tenth = Math.floor(rest / 10);
      bytes[at] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    this.length += digits;
  }

  value(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.length = this.bytes.writeUInt16BE(value, this.length);
  }

  uint32(value: number): void {
    this.reserve(4);
    this.length = this.bytes.writeUInt32BE(value, this.length);
  }

  uint64(value: bigint): void {
    this.reserve(8);
    this.length = this.bytes.writeBigUInt64BE(value, this.length);
  }

  /** What has been written; good until the next write. Begins anew. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.length = 0;
    return taken;
  }

  /** What was taken last is still being sent. */
  leave(): void {
    this.bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + more));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}
