/** Keys in base64 (flag "b"), decoded as leniently as memcached does: characters that are none are passed over, and what follows the padding is not read. */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const sextets = new Int8Array(256).fill(-1);
for (let i = 0; i < alphabet.length; i++) sextets[alphabet.charCodeAt(i)] = i;
sextets["=".charCodeAt(0)] = 0;

/** A byte string, or undefined. */
export function decodeKey(text: string): string | undefined {
  let counted = 0;
  for (let i = 0; i < text.length; i++) if (sextets[text.charCodeAt(i)] >= 0) counted++;
  if (counted === 0 || counted % 4 !== 0) return undefined;
  let key = "";
  let bits = 0;
  let inGroup = 0;
  let padding = 0;
  for (let i = 0; i < text.length; i++) {
    const sextet = sextets[text.charCodeAt(i)];
    if (sextet < 0) continue;
    if (text[i] === "=") padding++;
    bits = (bits << 6) | sextet;
    if (++inGroup < 4) continue;
    if (padding > 2) return undefined;
    const bytes = String.fromCharCode((bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
    key += padding === 0 ? bytes : bytes.slice(0, 3 - padding);
    if (padding > 0) break;
    bits = 0;
    inGroup = 0;
  }
  return key === "" ? undefined : key;
}

export function encodeKey(key: string): string {
  return Buffer.from(key, "latin1").toString("base64");
}
