import type { Json } from '@dagbook/domain';
import type { StandardSchemaV1 } from '@standard-schema/spec';

/** Of the libraries that can say their schema in JSON (Standard JSON Schema); the others validate in the worker alone. */
export function jsonSchemaOf(schema: StandardSchemaV1): Json | undefined {
  const converter = (schema['~standard'] as { jsonSchema?: { input(o: { target: string }): object } }).jsonSchema;
  if (converter === undefined) return undefined;
  try {
    const { $schema: _, ...rest } = converter.input({ target: 'draft-2020-12' }) as { $schema?: unknown };
    return rest as Json;
  } catch {
    // It holds something that JSON Schema has no word for, such as a Date: validation in the worker remains.
    return undefined;
  }
}

/** Defaults that the schema itself names, of params that it may still find missing. */
export function defaultsIn(schema: Json | undefined): { readonly [name: string]: unknown } {
  const properties = (schema as { properties?: { [name: string]: { default?: unknown } } } | undefined)?.properties ?? {};
  return Object.fromEntries(Object.entries(properties).flatMap(([name, property]) => (property.default === undefined ? [] : [[name, property.default]])));
}
