import type { Json } from '../json.ts';

/** JSON as Python's `json.dumps` writes it: a blank after `,` and `:`, ASCII only, keys in their order. */
export function pythonJson(value: Json): string {
  if (value === null || typeof value !== 'object') return ascii(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  return `{${Object.entries(value).map(([key, item]) => `${ascii(JSON.stringify(key))}: ${pythonJson(item as Json)}`).join(', ')}}`;
}

const ascii = (text: string): string => text.replace(/[^\x00-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
