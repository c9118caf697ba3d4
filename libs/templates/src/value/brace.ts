import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from './arguments.ts';
import { getAttribute, getItem } from './attribute.ts';
import { formatValue } from './format-spec.ts';
import { escaped } from './operator.ts';
import { escapeHtml } from './text.ts';
import type { Text, Value } from './value.ts';
import { isText, Markup, textOf } from './value.ts';

const MAX_NESTING = 2;

/** `template.format(…)` with the sandbox's rules for what a field may reach. A Markup escapes what goes in. */
export function braceFormat(template: Text, args: Arguments, rt: Runtime): string {
  return new Formatter(args, template instanceof Markup, rt).format(textOf(template), MAX_NESTING);
}

class Formatter {
  private readonly args: Arguments;
  private readonly escapes: boolean;
  private readonly rt: Runtime;
  /** The next `{}`; undefined once fields were numbered by hand. */
  private automatic: number | undefined = 0;

  constructor(args: Arguments, escapes: boolean, rt: Runtime) {
    this.args = args;
    this.escapes = escapes;
    this.rt = rt;
  }

  format(template: string, depth: number): string {
    if (depth < 0) raise('ValueError', 'Max string recursion exceeded');
    let result = '';
    for (let at = 0; at < template.length; ) {
      const char = template[at] as string;
      if (char !== '{' && char !== '}') {
        const next = /[{}]/.exec(template.slice(at))?.index ?? template.length - at;
        result += template.slice(at, at + next);
        at += next;
      } else if (template[at + 1] === char) {
        result += char;
        at += 2;
      } else if (char === '}') {
        raise('ValueError', "Single '}' encountered in format string");
      } else {
        const end = fieldEnd(template, at + 1);
        result += this.field(template.slice(at + 1, end), depth);
        at = end + 1;
      }
    }
    this.rt.allocate(result.length);
    return result;
  }

  private field(source: string, depth: number): string {
    const match = /^([^!:[\]]*(?:\[[^\]]*\][^!:[\]]*)*)(?:!([^:]*))?(?::([^]*))?$/.exec(source) ?? raise('ValueError', 'expected \'}\' before end of string');
    const [, path = '', conversion, spec = ''] = match;
    const value = this.convert(this.resolve(path), conversion);
    const formatted = formatValue(value, this.format(spec, depth - 1), this.rt);
    if (!this.escapes) return formatted;
    return isText(value) && value instanceof Markup && spec === '' ? escaped(value) : escapeHtml(formatted);
  }

  private resolve(path: string): Value {
    const first = /^[^.[]*/.exec(path)?.[0] ?? '';
    // Only a wholly empty field is numbered by itself.
    if (first === '' && path !== '') raise('KeyError', "''");
    let value = this.first(first);
    for (const [whole, name, key] of path.slice(first.length).matchAll(/\.([^.[]*)|\[([^\]]*)\]|[^]/g)) {
      if (whole.startsWith('.')) value = getAttribute(value, name as string, this.rt);
      else if (whole.startsWith('[') && key !== undefined) value = getItem(value, /^\d+$/.test(key) ? BigInt(key) : key, this.rt);
      else raise('ValueError', "Only '.' or '[' may follow ']' in format field specifier");
    }
    return value;
  }

  private first(name: string): Value {
    if (name !== '' && !/^\d+$/.test(name)) {
      const named = this.args.named.get(name);
      return named === undefined ? raise('KeyError', `'${name}'`) : named;
    }
    const index = name === '' ? this.nextAutomatic() : this.numbered(Number(name));
    const value = this.args.positional[index];
    return value === undefined ? raise('IndexError', `Replacement index ${index} out of range for positional args tuple`) : value;
  }

  private nextAutomatic(): number {
    if (this.automatic === undefined) raise('ValueError', 'cannot switch from manual field specification to automatic field numbering');
    this.automatic += 1;
    return this.automatic - 1;
  }

  private numbered(index: number): number {
    if (this.automatic !== undefined && this.automatic > 0) raise('ValueError', 'cannot switch from automatic field numbering to manual field specification');
    this.automatic = undefined;
    return index;
  }

  private convert(value: Value, conversion: string | undefined): Value {
    if (conversion === undefined) return value;
    if (conversion === 's') return this.rt.str(value);
    if (conversion === 'r' || conversion === 'a') return this.rt.repr(value);
    return raise('ValueError', `Unknown conversion specifier '${conversion}'`);
  }
}

/** The brace that closes the field which begins here; fields may stand in its format. */
function fieldEnd(template: string, from: number): number {
  let depth = 1;
  for (let at = from; at < template.length; at++) {
    if (template[at] === '{') depth += 1;
    else if (template[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return raise('ValueError', from >= template.length ? "Single '{' encountered in format string" : "expected '}' before end of string");
}
