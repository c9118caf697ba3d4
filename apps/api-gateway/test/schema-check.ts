interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly format?: string;
  readonly nullable?: boolean;
}

/** Where a value breaks a JSON schema: as much of JSON Schema as Airflow's contract uses. */
export function schemaProblems(value: unknown, schema: Schema, schemas: Readonly<Record<string, Schema>>, at = '$'): string[] {
  if (schema.$ref !== undefined) return schemaProblems(value, schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, schemas, at);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) {
    const tried = choices.map((choice) => schemaProblems(value, choice, schemas, at));
    return tried.some((problems) => problems.length === 0) ? [] : (tried.sort((a, b) => a.length - b.length)[0] ?? []);
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at} is ${JSON.stringify(value)}, not one of ${schema.enum.join(', ')}`];
  if (schema.type !== undefined && !isOfType(value, schema.type)) return [`${at} is ${JSON.stringify(value)}, not ${schema.type}`];
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(String(value)))) return [`${at} is ${JSON.stringify(value)}, not a date-time`];
  if (schema.format === 'uuid' && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(value))) return [`${at} is ${JSON.stringify(value)}, not a uuid`];
  if (Array.isArray(value)) return value.flatMap((item, index) => schemaProblems(item, schema.items ?? {}, schemas, `${at}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  const members = value as Readonly<Record<string, unknown>>;
  return [
    ...(schema.required ?? []).filter((name) => members[name] === undefined).map((name) => `${at}.${name} is missing`),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, member]) => (members[name] === undefined || (members[name] === null && isNullable(name, member, schema)) ? [] : schemaProblems(members[name], member, schemas, `${at}.${name}`))),
  ];
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

/** What Airflow need not give it gives as null; its contract says so only for some members. */
const isNullable = (name: string, member: Schema, of: Schema): boolean => member.nullable === true || of.required?.includes(name) !== true;
