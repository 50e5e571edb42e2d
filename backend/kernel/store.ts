/**
 * What a core sees of durable state: one ordered, synchronous map. Reads see this turn's writes at once. When the turn ends,
 * the runtime makes all its writes durable together or, after a crash, none of them.
 *
 * Keys are byte strings: every character is one byte (U+0000 to U+00FF) and order is byte order, so that both runtimes agree
 * on it. `byteKey` turns any text into one. A key has at most `maxKeyBytes` bytes.
 *
 * Values are immutable plain data: numbers, strings, booleans, null, arrays, plain objects, Uint8Array. Whoever puts a value
 * gives it away: neither the core nor the runtime may change it afterwards, because a simulated disk keeps the reference.
 */

export type StoreKey = string;

export type Value =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value | undefined };

export const maxKeyBytes = 1_900;

export interface Store {
  get(key: StoreKey): Value | undefined;
  put(key: StoreKey, value: Value): void;
  delete(key: StoreKey): void;
  /**
   * As `put` and `delete`, for what the core could work out again from what it put: nothing waits until it is durable, and nothing is made
   * durable for its sake. It becomes so with the next `put` of this node or some time later. After a crash the store is as it was at the
   * end of some turn, none of whose puts are missing: never with a later turn's write and without an earlier turn's.
   */
  putLater(key: StoreKey, value: Value): void;
  deleteLater(key: StoreKey): void;
  /** Visits keys in [from, to) in order until `visit` returns false. The store must not be written during a scan. */
  scan(from: StoreKey, to: StoreKey, visit: (key: StoreKey, value: Value) => boolean | void): void;
}

/** A node's own store. Besides what is logged it takes what the core derives again, at a restart, from what was logged. */
export interface NodeStore extends Store {
  /**
   * In no log: after a crash, all that was derived is as it was at the end of one turn, which may lie minutes back, while every `put` is
   * there. Until the next `settle` nobody puts what was derived.
   */
  putDerived(key: StoreKey, value: Value): void;
  deleteDerived(key: StoreKey): void;
  /** What was derived so far becomes durable with this turn. Costs as much as was written since the last checkpoint. */
  settle(): void;
}

/** The first key after every key that begins with `prefix`; the upper end of a prefix scan. */
export function afterPrefix(prefix: StoreKey): StoreKey {
  return prefix + "\u00ff\u00ff\u00ff\u00ff";
}

/** `text` as a byte string: itself when it is ASCII, else its UTF-8 bytes, one character each. */
export function byteKey(text: string): StoreKey {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return utf8Bytes(text);
  }
  return text;
}

function utf8Bytes(text: string): StoreKey {
  let bytes = "";
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes += character;
    else if (code < 0x800) bytes += String.fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) {
      bytes += String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    } else {
      bytes += String.fromCharCode(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 63),
        0x80 | ((code >> 6) & 63),
        0x80 | (code & 63),
      );
    }
  }
  return bytes;
}
