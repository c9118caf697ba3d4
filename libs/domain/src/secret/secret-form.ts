import { quote, quotePlus } from '../connection/percent.ts';
import { pythonJson } from '../connection/python-json.ts';

/**
 * The texts that a secret stands in when a program writes it out: as it is, as JSON, as a literal of JavaScript or Python
 * (each once more within JSON, which stored lines are), percent-encoded, in hexadecimal, and in base64, where its letters
 * depend on how many bytes stand before it.
 */
export function secretForms(secret: string): readonly string[] {
  const forms = new Set<string>();
  for (const written of [secret, inside(JSON.stringify(secret)), inside(pythonJson(secret)), literal(secret), literal(secret).replaceAll("'", "\\'")]) {
    forms.add(written).add(inside(JSON.stringify(written)));
  }
  for (const encoded of [quote(secret), quotePlus(secret), quotedAsBrowsersDo(secret)]) forms.add(encoded).add(withLowerHex(encoded));
  const bytes = bytesOf(secret);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  forms.add(hex).add(hex.toUpperCase());
  for (const before of [0, 1, 2]) {
    const letters = base64Letters(bytes, before);
    forms.add(letters).add(letters.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return [...forms];
}

/** Between the quotes that need no escape: what `console.log` and `repr` choose. */
const literal = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');

const inside = (text: string): string => text.slice(1, -1);

/** `encodeURIComponent` leaves more as it is than Python does. */
const quotedAsBrowsersDo = (text: string): string => quote(text).replace(/%(?:21|27|28|29|2A)/g, (byte) => String.fromCharCode(parseInt(byte.slice(1), 16)));

const withLowerHex = (encoded: string): string => encoded.replace(/%[\dA-F]{2}/g, (byte) => byte.toLowerCase());

function bytesOf(text: string): number[] {
  const bytes: number[] = [];
  for (const [, hex, plain] of quote(text).matchAll(/%([\dA-F]{2})|([^%])/g)) bytes.push(hex === undefined ? (plain as string).charCodeAt(0) : parseInt(hex, 16));
  return bytes;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The letters of base64 that these bytes alone decide when `before` others stand in front of them. */
function base64Letters(bytes: readonly number[], before: number): string {
  const bitAt = (bit: number): number => (((bytes[(bit >> 3) - before] ?? 0) >> (7 - (bit & 7))) & 1);
  let letters = '';
  for (let bit = Math.ceil((before * 8) / 6) * 6; bit + 6 <= (before + bytes.length) * 8; bit += 6) {
    let value = 0;
    for (let at = bit; at < bit + 6; at += 1) value = value * 2 + bitAt(at);
    letters += ALPHABET[value] as string;
  }
  return letters;
}
