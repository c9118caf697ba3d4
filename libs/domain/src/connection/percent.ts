/** Percent-encoding as Python's `urllib.parse` does it, which differs from JavaScript's in what it leaves as it is and in what it forgives. */

/** All but letters, digits and `_.-~` as the percent-encoded bytes of UTF-8. */
export const quote = (text: string): string =>
  encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** As `quote`, with `+` for a blank. */
export const quotePlus = (text: string): string => quote(text).replaceAll('%20', '+');

/** Undoes `quote`; a `%` that begins no byte stays, bytes that are no UTF-8 become U+FFFD. */
export const unquote = (text: string): string => text.replace(/(?:%[\da-fA-F]{2})+/g, decodeBytes);

function decodeBytes(encoded: string): string {
  const bytes = encoded.slice(1).split('%').map((digits) => parseInt(digits, 16));
  let decoded = '';
  for (let at = 0; at < bytes.length; ) {
    const sequence = sequenceAt(bytes, at);
    decoded += sequence.point === undefined ? '\ufffd' : String.fromCodePoint(sequence.point);
    at += sequence.length;
  }
  return decoded;
}

/** What a byte of UTF-8 begins: how many bytes follow, its own bits, and between which the second must lie. */
function leadOf(byte: number): readonly [following: number, bits: number, low: number, high: number] {
  if (byte < 0x80) return [0, byte, 0, 0];
  if (byte >= 0xc2 && byte <= 0xdf) return [1, byte & 0x1f, 0x80, 0xbf];
  if (byte >= 0xe0 && byte <= 0xef) return [2, byte & 0x0f, byte === 0xe0 ? 0xa0 : 0x80, byte === 0xed ? 0x9f : 0xbf];
  if (byte >= 0xf0 && byte <= 0xf4) return [3, byte & 0x07, byte === 0xf0 ? 0x90 : 0x80, byte === 0xf4 ? 0x8f : 0xbf];
  return [-1, 0, 0, 0];
}

/** The character that begins at a byte; none where the bytes break off, and then as many as belong together count as one. */
function sequenceAt(bytes: readonly number[], at: number): { readonly point: number | undefined; readonly length: number } {
  const [following, bits, low, high] = leadOf(bytes[at] as number);
  if (following < 0) return { point: undefined, length: 1 };
  let point = bits;
  for (let next = 1; next <= following; next += 1) {
    const byte = bytes[at + next];
    const [from, to] = next === 1 ? [low, high] : [0x80, 0xbf];
    if (byte === undefined || byte < from || byte > to) return { point: undefined, length: next };
    point = (point << 6) | (byte & 0x3f);
  }
  return { point, length: following + 1 };
}

export const unquotePlus = (text: string): string => unquote(text.replaceAll('+', ' '));
