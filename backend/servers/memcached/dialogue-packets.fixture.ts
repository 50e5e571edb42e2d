/**
 * Packets of memcached's binary protocol, written field by field so that a recorded dialogue can be read: 24 bytes of header, extras, key,
 * value (doc/protocol-binary.txt). Magic 0x80 asks and 0x81 answers.
 */
export interface Packet {
  /** Name, or 0x and two digits for one that has none. */
  readonly opcode: string;
  /** Of an answer: present when it is not 0. */
  readonly status?: number;
  /** Hexadecimal; spaces are for the reader. */
  readonly extras?: string;
  readonly key?: string;
  readonly value?: string;
  /** Hexadecimal, 4 bytes, as it stands in the packet. */
  readonly opaque?: string;
  /** Decimal or <cas n>. */
  readonly cas?: string;
  /** What the header claims where it lies. */
  readonly magic?: number;
  readonly keyLength?: number;
  readonly extrasLength?: number;
  readonly bodyLength?: number;
  readonly dataType?: number;
}

/** What stands for the names <cas n>. */
interface Known {
  value(name: number): bigint;
}

const headerBytes = 24;

const opcodes: readonly string[] =
  "get set add replace delete incr decr quit flush getq noop version getk getkq append prepend stat setq addq replaceq deleteq incrq decrq quitq flushq appendq prependq verbosity touch gat gatq".split(
    " ",
  );

function codeOf(name: string): number {
  const code = opcodes.indexOf(name);
  return code === -1 ? Number(name) : code;
}

/** A request. */
export function packetOf(packet: Packet, bindings: Known): Buffer {
  const extras = Buffer.from((packet.extras ?? "").replaceAll(" ", ""), "hex");
  const runs = /<([^<>])\*(\d+)>/g;
  const expand = (text = ""): Buffer =>
    Buffer.from(
      text.replaceAll(runs, (_, character: string, times: string) => character.repeat(Number(times))),
      "latin1",
    );
  const [key, value] = [expand(packet.key), expand(packet.value)];
  const header = Buffer.alloc(headerBytes);
  header[0] = packet.magic ?? 0x80;
  header[1] = codeOf(packet.opcode);
  header.writeUInt16BE(packet.keyLength ?? key.length, 2);
  header[4] = packet.extrasLength ?? extras.length;
  header[5] = packet.dataType ?? 0;
  header.writeUInt16BE(packet.status ?? 0, 6);
  header.writeUInt32BE(packet.bodyLength ?? extras.length + key.length + value.length, 8);
  header.write(packet.opaque ?? "", 12, "hex");
  const name = /^<cas (\d+)>$/.exec(packet.cas ?? "")?.[1];
  header.writeBigUInt64BE(name === undefined ? BigInt(packet.cas ?? 0) : bindings.value(Number(name)), 16);
  return Buffer.concat([header, extras, key, value]);
}

/** Up to `limit` whole answers at the front, and what follows them. */
export function packetsOf(bytes: Buffer, limit: number): { readonly packets: Packet[]; readonly rest: Buffer } {
  const packets: Packet[] = [];
  let rest = bytes;
  while (packets.length < limit && rest.length >= headerBytes) {
    const end = headerBytes + rest.readUInt32BE(8);
    if (rest.length < end) break;
    packets.push(readPacket(rest.subarray(0, end)));
    rest = rest.subarray(end);
  }
  return { packets, rest };
}

function readPacket(bytes: Buffer): Packet {
  const keyFrom = headerBytes + bytes[4];
  const valueFrom = keyFrom + bytes.readUInt16BE(2);
  const fields: [string, string | number, string | number][] = [
    ["opcode", opcodes[bytes[1]] ?? `0x${bytes[1].toString(16).padStart(2, "0")}`, ""],
    ["magic", bytes[0], 0x81],
    ["status", bytes.readUInt16BE(6), 0],
    ["dataType", bytes[5], 0],
    ["extras", bytes.toString("hex", headerBytes, keyFrom), ""],
    ["key", bytes.toString("latin1", keyFrom, valueFrom), ""],
    ["value", bytes.toString("latin1", valueFrom), ""],
    ["opaque", bytes.toString("hex", 12, 16), "00000000"],
    ["cas", bytes.readBigUInt64BE(16).toString(), "0"],
  ];
  return Object.fromEntries(fields.filter(([, value, absent]) => value !== absent)) as unknown as Packet;
}
