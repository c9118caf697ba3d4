/** A plain scalar that YAML reads back as the same text: no number, no boolean, no date, nothing that begins a structure. */
const PLAIN = /^[A-Za-z_/][\w/.+-]*(?: [\w/.+-]+)*$/;
const TAKEN = /^(?:true|false|null|yes|no|on|off|y|n|nan|inf)$/i;

/** JSON as block YAML 1.2, ending in a line break. What is not plainly a word is a JSON string, which YAML also reads. */
export function yaml(value: unknown): string {
  if (isEmptyOrScalar(value)) return `${scalar(value)}\n`;
  return `${lines(value).join('\n')}\n`;
}

function lines(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => (isEmptyOrScalar(item) ? [`- ${scalar(item)}`] : indented(lines(item), '- ', '  ')));
  return Object.entries(value as object).filter(([, member]) => member !== undefined).flatMap(([name, member]: [string, unknown]) =>
    isEmptyOrScalar(member) ? [`${scalar(name)}: ${scalar(member)}`] : [`${scalar(name)}:`, ...indented(lines(member), '  ', '  ')]);
}

const indented = (texts: readonly string[], first: string, rest: string): string[] => texts.map((text, at) => (at === 0 ? first : rest) + text);

function isEmptyOrScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Array.isArray(value) ? value.length === 0 : Object.values(value).every((member) => member === undefined));
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) && !TAKEN.test(value) ? value : JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '[]' : '{}';
  return JSON.stringify(value ?? null);
}
