import { raise } from '../error.ts';
import type { Runtime } from '../runtime.ts';
import { PyModule } from '../date/module.ts';
import { bind } from '../value/arguments.ts';
import { fn, parsed } from '../value/function.ts';
import { isText, PyObject, textOf } from '../value/value.ts';
import type { Value } from '../value/value.ts';

/** `uuid.UUID`. */
class Uuid extends PyObject {
  override readonly typeName = 'UUID';
  private readonly hex: string;

  constructor(hex: string) {
    super();
    this.hex = hex;
  }

  override repr(): string {
    return `UUID('${this.str()}')`;
  }

  override str(): string {
    return this.hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  override equals(other: Value): boolean {
    return other instanceof Uuid && other.hex === this.hex;
  }

  override hashKey(): string {
    return `uuid${this.hex}`;
  }

  override attribute(name: string): Value | undefined {
    if (name === 'hex') return this.hex;
    if (name === 'int') return BigInt(`0x${this.hex}`);
    if (name === 'urn') return `urn:uuid:${this.str()}`;
    return name === 'version' ? BigInt(parseInt(this.hex.charAt(12), 16)) : undefined;
  }
}

function uuid4(rt: Runtime): Uuid {
  const digit = (most = 16): string => Math.floor(rt.random() * most).toString(16);
  return new Uuid('xxxxxxxxxxxx4xxxyxxxxxxxxxxxxxxx'.replace(/[xy]/g, (kind) => (kind === 'x' ? digit() : (8 + Number(`0x${digit(4)}`)).toString(16))));
}

function uuidOf(text: Value): Uuid {
  if (!isText(text)) return raise('AttributeError', 'a UUID is read from a text');
  const hex = textOf(text).replace('urn:', '').replace('uuid:', '').replace(/^[{}]+|[{}]+$/g, '').replaceAll('-', '').toLowerCase();
  return /^[\da-f]{32}$/.test(hex) ? new Uuid(hex) : raise('ValueError', 'badly formed hexadecimal UUID string');
}

/** The module `uuid`, without the UUIDs that are made of a host or of a hash. */
export const UUID_MODULE = new PyModule('uuid', [
  ['uuid4', fn('uuid4', '', (_, rt) => uuid4(rt))],
  ['UUID', new PyModule('uuid.UUID', [], (args) => uuidOf(bind('UUID', parsed('hex'), args)[0] as Value))],
]);
