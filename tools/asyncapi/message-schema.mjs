// JSON Schemas of the message types, read from their TypeScript by the compiler: the types are the contract, and a
// second description beside them would drift. Uses the TypeScript 6 line; 7 has no compiler API.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import ts from 'typescript';

/** `{messages: {<type>: {description, payload}}, definitions: {<interface>: schema}}` of the union `Message` in the file. */
export function messageSchemas(file, tsconfig) {
  const { config } = ts.parseConfigFileTextToJson(tsconfig, readFileSync(tsconfig, 'utf8'));
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, dirname(tsconfig));
  const program = ts.createProgram([file], { ...options, noEmit: true });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
  const union = checker.getDeclaredTypeOfSymbol(exported.find(({ name }) => name === 'Message'));
  const schemas = new SchemaWriter(checker);
  const messages = {};
  for (const envelope of union.types) {
    const type = checker.getTypeOfSymbol(envelope.getProperty('type')).value;
    const data = checker.getTypeOfSymbol(envelope.getProperty('data'));
    messages[type] = { description: documentationOf(data.aliasSymbol ?? data.symbol, checker), payload: schemas.of(data) };
  }
  return { messages, definitions: schemas.definitions };
}

class SchemaWriter {
  definitions = {};
  #checker;
  constructor(checker) {
    this.#checker = checker;
  }

  of(type) {
    const { flags } = type;
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if (flags & ts.TypeFlags.BooleanLiteral) return { const: this.#checker.typeToString(type) === 'true' };
    if (flags & ts.TypeFlags.String) return { type: 'string' };
    if (flags & ts.TypeFlags.Number) return { type: 'number' };
    if (flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    if (flags & ts.TypeFlags.Null) return { type: 'null' };
    const name = nameOf(type);
    if (name === 'Json') return {};
    if (name === undefined) return this.#structure(type);
    if (this.definitions[name] === undefined) {
      // Before its parts, which may lead back to it.
      this.definitions[name] = {};
      this.definitions[name] = { ...describe(documentationOf(type.aliasSymbol ?? type.symbol, this.#checker)), ...this.#structure(type) };
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #structure(type) {
    if (type.isUnion()) return this.#union(type.types);
    if (this.#checker.isArrayType(type)) return { type: 'array', items: this.of(this.#checker.getTypeArguments(type)[0]) };
    const index = this.#checker.getIndexInfosOfType(type)[0];
    const properties = this.#checker.getPropertiesOfType(type);
    if (properties.length === 0 && index !== undefined) return { type: 'object', additionalProperties: this.of(index.type) };
    if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) throw new Error(`no JSON Schema for ${this.#checker.typeToString(type)}`);
    const required = properties.filter(({ flags }) => !(flags & ts.SymbolFlags.Optional)).map(({ name }) => name);
    return {
      type: 'object',
      ...(required.length === 0 ? {} : { required }),
      properties: Object.fromEntries(properties.map((property) => [property.name, this.#property(property)])),
    };
  }

  #property(property) {
    const schema = this.of(this.#checker.getTypeOfSymbol(property));
    return { ...describe(documentationOf(property, this.#checker)), ...schema };
  }

  #union(types) {
    const defined = types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined));
    if (defined.every((type) => type.isStringLiteral())) return { type: 'string', enum: defined.map(({ value }) => value) };
    const booleans = defined.filter(({ flags }) => flags & ts.TypeFlags.BooleanLiteral);
    const others = defined.filter(({ flags }) => !(flags & ts.TypeFlags.BooleanLiteral)).map((type) => this.of(type));
    const all = booleans.length === 2 ? [{ type: 'boolean' }, ...others] : [...booleans.map((type) => this.of(type)), ...others];
    return all.length === 1 ? all[0] : { anyOf: all };
  }
}

/** Interfaces and aliases of ours get a definition of their own; what is anonymous or the language's does not. */
function nameOf(type) {
  const symbol = type.aliasSymbol ?? type.symbol;
  if (symbol === undefined || symbol.name.startsWith('__')) return undefined;
  const isOurs = symbol.declarations?.some((declaration) => !declaration.getSourceFile().fileName.includes('/node_modules/'));
  return isOurs && (type.aliasSymbol !== undefined || type.symbol.flags & ts.SymbolFlags.Interface) ? symbol.name : undefined;
}

const describe = (description) => (description === '' ? {} : { description });
const documentationOf = (symbol, checker) => (symbol === undefined ? '' : ts.displayPartsToString(symbol.getDocumentationComment(checker)).replace(/\s*\n\s*/g, ' '));
