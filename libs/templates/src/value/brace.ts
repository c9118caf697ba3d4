import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import type { Arguments } from './arguments.ts';
import { formatValue } from './format-spec.ts';
import { NativeFunction } from './function.ts';
import { escaped, iterate } from './operator.ts';
import { asciiText, escapeHtml } from './text.ts';
import type { Text, Value } from './value.ts';
import { isText, like, Markup, PyObject, textOf } from './value.ts';

const MAX_NESTING = 2;

/** How a field reaches into a value: by the sandbox's rules. */
interface Reach {
  readonly attribute: (value: Value, name: string, rt: Runtime) => Value;
  readonly item: (value: Value, key: Value, rt: Runtime) => Value;
}

/** `format` or `format_map` of a text. A Markup escapes what goes in. */
export const formatMethod = (template: Text, name: 'format' | 'format_map', reach: Reach): NativeFunction =>
  new NativeFunction(name, (args, rt) => {
    const given = name === 'format' ? args : formatMapArguments(args, rt);
    return like(template, new Formatter(given, template instanceof Markup, reach, rt).format(textOf(template), MAX_NESTING));
  });

function formatMapArguments({ positional, named }: Arguments, rt: Runtime): Arguments {
  if (named.size > 0) raise('TypeError', 'format_map() takes no keyword arguments');
  const [mapping] = positional;
  if (mapping === undefined || positional.length > 1) raise('TypeError', `format_map() takes exactly one argument (${positional.length} given)`);
  const names = new Map<string, Value>();
  if (mapping instanceof PyObject && mapping.item !== undefined && mapping.iterate !== undefined) {
    for (const key of iterate(mapping, rt)) if (isText(key)) names.set(textOf(key), mapping.item(key, rt));
  }
  return { positional: [], named: names };
}

class Formatter {
  private readonly args: Arguments;
  private readonly escapes: boolean;
  private readonly reach: Reach;
  private readonly rt: Runtime;
  /** The next `{}`; undefined once fields were numbered by hand. */
  private automatic: number | undefined = 0;

  constructor(args: Arguments, escapes: boolean, reach: Reach, rt: Runtime) {
    this.args = args;
    this.escapes = escapes;
    this.reach = reach;
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
      if (whole.startsWith('.')) value = this.reach.attribute(value, name as string, this.rt);
      else if (whole.startsWith('[') && key !== undefined) value = this.reach.item(value, /^\d+$/.test(key) ? BigInt(key) : key, this.rt);
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
    if (conversion === 'r') return this.rt.repr(value);
    if (conversion === 'a') return asciiText(this.rt.repr(value));
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
