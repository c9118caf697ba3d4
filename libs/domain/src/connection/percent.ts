/** Percent-encoding as Python's `urllib.parse` does it, which differs from JavaScript's in what it leaves as it is and in what it forgives. */

/** All but letters, digits and `_.-~` as the percent-encoded bytes of UTF-8. */
export const quote = (text: string): string =>
  encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** As `quote`, with `+` for a blank. */
export const quotePlus = (text: string): string => quote(text).replaceAll('%20', '+');

/** Undoes `quote`; a `%` that begins no byte stays, bytes that are no UTF-8 become U+FFFD. */
export const unquote = (text: string): string => text.replace(/(?:%[\da-fA-F]{2})+/g, decodeBytes);

function decodeBytes(encoded: string): string {
  let decoded = '';
  for (let at = 0; at < encoded.length; ) {
    const length = [12, 9, 6, 3].find((size) => at + size <= encoded.length && decode(encoded.slice(at, at + size)) !== undefined);
    decoded += length === undefined ? '\ufffd' : (decode(encoded.slice(at, at + length)) as string);
    at += length ?? 3;
  }
  return decoded;
}

function decode(bytes: string): string | undefined {
  try {
    return decodeURIComponent(bytes);
  } catch {
    return undefined;
  }
}

export const unquotePlus = (text: string): string => unquote(text.replaceAll('+', ' '));
