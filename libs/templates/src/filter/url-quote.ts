/** Percent-encodes the UTF-8 bytes of all but letters, digits, `_.-~` and the characters given as safe. */
export function quoteUrl(text: string, safe: string): string {
  // A lone surrogate has no UTF-8 form; it is written as the replacement character.
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd')).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%([\dA-F]{2})/g, (encoded, hex: string) => (safe.includes(String.fromCharCode(parseInt(hex, 16))) ? String.fromCharCode(parseInt(hex, 16)) : encoded));
}
